"""Training callbacks that work alone in any Keras project."""

from callbacks.best_model import BestModel
from callbacks.one_cycle import OneCycle

__all__ = ["BestModel", "OneCycle"]
