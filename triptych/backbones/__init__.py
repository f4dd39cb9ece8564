"""Names -> Keras feature extractors: pictures 0..255 in, the stride-32 feature map out."""

from triptych.backbones.pyramid import levels
from triptych.backbones.registry import create, default_size, names

__all__ = ["create", "default_size", "levels", "names"]
