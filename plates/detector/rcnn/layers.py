"""The steps of Mask R-CNN between its convolutions, as Keras layers without weights.

Boxes are as in `rcnn.boxes`. What a picture shows is `truth` float [B, M, 9]: the corners of up to
M plates in reading order, pixels of the canvas with a whole number at a pixel's centre, then 1;
rows of 0 are none.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from plates.detector.rcnn import SIDE, losses, masks
from plates.detector.rcnn import boxes as box_math
from plates.detector.rcnn.anchors import anchors
from plates.detector.rcnn.matching import match, sample
from plates.detector.rcnn.nms import nms
from plates.detector.rcnn.roi_align import roi_align

SCALES = (3.0, 4.24)
"""Sides of anchors in cells, two an octave. The published 8 cells would be too large for plates."""
RATIOS = (1.3, 2.4, 4.4)
"""Width / height: plates of two lines, of America, of Europe."""
FIRST = (1.0, 1.0, 1.0, 1.0)
SECOND = (10.0, 10.0, 5.0, 5.0)
"""`boxes.encode`'s weights of the first and the second look, as published."""
NEAR = 2
FAR = 0.15
"""How many boxes near each plate the second look learns from, and how far off, in sides."""
_BETA = 1 / 9  # of the boxes' smooth L1


def quads(truth: Any) -> Any:
    """Corners [B, M, 4, 2] in continuous coordinates, as boxes have them."""
    corners = ops.reshape(ops.cast(truth[..., :8], "float32"), (-1, ops.shape(truth)[1], 4, 2))
    return corners + 0.5


def true_boxes(truth: Any, height: Any, width: Any) -> Any:
    """Upright boxes [B, M, 4] around the plates, inside the canvas; without area where none is."""
    corners = quads(truth)
    around = ops.concatenate([ops.min(corners, axis=2), ops.max(corners, axis=2)], axis=-1)
    shown = ops.cast(truth[..., 8:] > 0, "float32")
    return box_math.clip(around, height, width) * shown


def _sides(image: Any) -> tuple[Any, Any]:
    return ops.shape(image)[1], ops.shape(image)[2]


def _taken(values: Any, index: Any) -> Any:
    """values [B, N, C] at index [B, R] -> [B, R, C]."""
    return ops.take_along_axis(values, ops.cast(index, "int32")[..., None], axis=1)


@keras.saving.register_keras_serializable(package="triptych")
class _Step(keras.layers.Layer):
    """A layer that reckons in float32 whatever the policy."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})


@keras.saving.register_keras_serializable(package="triptych")
class _Random(_Step):
    """A step that draws samples: at random in training, else always the same ones."""

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seeds = keras.random.SeedGenerator(seed)

    def noise(self, like: Any, training: bool | None) -> Any:
        """Float32 of the shape of `like` [B, N], 0..1."""
        if training:
            return keras.random.uniform(ops.shape(like), seed=self.seeds)
        # Each of 2^15 values once, in whole numbers: float32 would run out of digits.
        row = ops.arange(ops.shape(like)[1], dtype="int32") % 2**15 * 20253 % 2**15
        return ops.zeros_like(ops.cast(like, "float32")) + ops.cast(row, "float32") / 2**15

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="triptych")
class FirstLoss(_Random):
    """image, truth, logits [B, A], deltas [B, A, 4] -> losses [B, 2]: plate or not, where.

    Anchors with an IoU of at least 0.5 with a plate, or a plate's best, are to learn it, those
    under 0.3 that there is none (published: 0.7; but over a plate four times as wide as high half
    a cell up or down is a third of the height). Of each picture 256 count, half of them positive
    at the most.
    """

    def __init__(self, strides: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strides = tuple(strides)

    def call(self, inputs: list[Any], training: bool | None = None) -> Any:
        """See the class."""
        image, truth, logits, deltas = inputs
        height, width = _sides(image)
        boxes = true_boxes(truth, height, width)
        places = anchors(height, width, self.strides, SCALES, RATIOS)
        overlaps = box_math.iou(places[None], boxes)
        index, kind = match(overlaps, truth[..., 8] > 0, 0.3, 0.5, force=True)
        chosen, kept, positive = sample(kind, 128, 256, self.noise(kind, training))
        at = ops.take(places, chosen, axis=0)
        wanted = box_math.encode(_taken(_taken(boxes, index), chosen), at, FIRST)
        said = _taken(logits[..., None], chosen)[..., 0]
        plate = losses.entropy(ops.cast(positive, "float32"), said, kept)
        where = losses.boxes(wanted, _taken(deltas, chosen), positive, _BETA)
        return ops.stack([plate, where], axis=-1)

    def compute_output_shape(self, shapes: list[Any]) -> tuple[int | None, ...]:
        """[B, 2]."""
        return (shapes[0][0], 2)

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        return {**super().get_config(), "strides": self.strides}


@keras.saving.register_keras_serializable(package="triptych")
class Proposals(_Step):
    """image, logits [B, A], deltas [B, A, 4] -> the likeliest boxes [B, most, 4], best first.

    Of the `first` surest anchors those that no better one covers with an IoU over 0.7; where these
    are fewer than `most`, the rest has no area. No gradient flows.
    """

    def __init__(
        self, strides: Sequence[int], first: int = 512, most: int = 128, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.strides, self.first, self.most = tuple(strides), first, most

    def call(self, inputs: list[Any]) -> Any:
        """See the class."""
        image, logits, deltas = (ops.stop_gradient(one) for one in inputs)
        height, width = _sides(image)
        places = anchors(height, width, self.strides, SCALES, RATIOS)
        # A small canvas has fewer anchors.
        logits = ops.pad(logits, ((0, 0), (0, self.first)), constant_values=-1e9)
        deltas = ops.pad(deltas, ((0, 0), (0, self.first), (0, 0)))
        places = ops.pad(places, ((0, self.first), (0, 0)))
        scores, index = ops.top_k(logits, self.first)
        found = box_math.decode(_taken(deltas, index), ops.take(places, index, axis=0), FIRST)
        found = box_math.clip(found, height, width)
        chosen, kept = nms(found, scores, self.most, 0.7)
        return _taken(found, chosen) * ops.cast(kept, "float32")[..., None]

    def compute_output_shape(self, shapes: list[Any]) -> tuple[int | None, ...]:
        """[B, most, 4]."""
        return (shapes[0][0], self.most, 4)

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        sizes = {"strides": self.strides, "first": self.first, "most": self.most}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable(package="triptych")
class Samples(_Random):
    """image, truth, proposals [B, P, 4] -> what the second look learns from, `total` a picture.

    The plates themselves count as proposals, and `NEAR` of each that are moved a little, so that
    there is something to mend from the first step on. IoU of 0.5 and more is a plate; of those at
    most `positives`, and they come first. Answers boxes [B, total, 4] (without area where there are
    too few), the index of their plate int32 [B, total], and marks float32 [B, total]: 2 a plate,
    1 none, 0 does not count.
    """

    def __init__(self, positives: int = 16, total: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positives, self.total = positives, total

    def call(self, inputs: list[Any], training: bool | None = None) -> tuple[Any, Any, Any]:
        """See the class."""
        image, truth, proposals = inputs
        height, width = _sides(image)
        true = true_boxes(truth, height, width)
        near = box_math.clip(self._moved(ops.repeat(true, NEAR, axis=1), training), height, width)
        boxes = ops.stop_gradient(ops.concatenate([true, near, proposals], axis=1))
        index, kind = match(box_math.iou(boxes, true), truth[..., 8] > 0, 0.5, 0.5)
        kind = ops.where(box_math.areas(boxes) > 0, kind, -1)
        chosen, kept, positive = sample(
            kind, self.positives, self.total, self.noise(kind, training)
        )
        marks = ops.cast(kept, "float32") + ops.cast(positive, "float32")
        boxes = _taken(boxes, chosen) * ops.cast(kept, "float32")[..., None]
        return boxes, ops.take_along_axis(index, chosen, axis=1), marks

    def _moved(self, boxes: Any, training: bool | None) -> Any:
        """Boxes [B, N, 4], each edge by up to `FAR` of the box's side."""
        flat = self.noise(ops.reshape(boxes, (ops.shape(boxes)[0], -1)), training)
        sides = boxes[..., 2:] - boxes[..., :2]
        ways = FAR * (2 * ops.reshape(flat, ops.shape(boxes)) - 1)
        return boxes + ways * ops.concatenate([sides, sides], axis=-1)

    def compute_output_shape(self, shapes: list[Any]) -> tuple[tuple[int | None, ...], ...]:
        """[B, total, 4], [B, total], [B, total]."""
        batch = shapes[0][0]
        return (batch, self.total, 4), (batch, self.total), (batch, self.total)

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        return {**super().get_config(), "positives": self.positives, "total": self.total}


@keras.saving.register_keras_serializable(package="triptych")
class Cut(_Step):
    """boxes [B, R, 4] and maps -> what the maps show there [B * R, side, side, C], by RoIAlign.

    Of the first `most` boxes (0: of all), with `wide` of the `masks.grown` ones.
    """

    def __init__(
        self, strides: Sequence[int], side: int, most: int = 0, wide: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.strides, self.side, self.most, self.wide = tuple(strides), side, most, wide

    def call(self, inputs: list[Any]) -> Any:
        """See the class."""
        boxes, *maps = inputs
        boxes = boxes[:, : self.most] if self.most else boxes
        boxes = masks.grown(boxes) if self.wide else boxes
        found = roi_align(maps, boxes, self.strides, (self.side, self.side))
        return ops.reshape(found, (-1, self.side, self.side, maps[0].shape[-1]))

    def compute_output_shape(self, shapes: list[Any]) -> tuple[int | None, ...]:
        """[B * R, side, side, C]."""
        return (None, self.side, self.side, shapes[1][-1])

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        own = {"strides": self.strides, "side": self.side, "most": self.most, "wide": self.wide}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="triptych")
class SecondLoss(_Step):
    """image, truth, what `Samples` gave, answers [B * R, 5], mask logits [B * P, h, w] -> [B, 3].

    The losses of plate or not, of where, and of the masks of the first P samples.
    """

    def call(self, inputs: list[Any]) -> Any:
        """See the class."""
        image, truth, boxes, index, marks, answers, drawn = inputs
        height, width = _sides(image)
        batch, count = ops.shape(boxes)[0], boxes.shape[1]
        answers = ops.reshape(ops.cast(answers, "float32"), (batch, count, 5))
        positive, kept = marks > 1.5, marks > 0.5
        plate = losses.entropy(ops.cast(positive, "float32"), answers[..., 0], kept)
        true = _taken(true_boxes(truth, height, width), index)
        wanted = box_math.encode(true, boxes, SECOND)
        where = losses.boxes(wanted, answers[..., 1:], positive, _BETA)
        drawn = ops.reshape(drawn, (batch, -1, SIDE, SIDE))
        first = ops.shape(drawn)[1]
        corners = ops.take_along_axis(quads(truth), index[:, :first, None, None], axis=1)
        shapes = masks.targets(masks.grown(boxes[:, :first]), corners)
        outline = losses.masks(shapes, drawn, positive[:, :first])
        return ops.stack([plate, where, outline], axis=-1)

    def compute_output_shape(self, shapes: list[Any]) -> tuple[int | None, ...]:
        """[B, 3]."""
        return (shapes[0][0], 3)


@keras.saving.register_keras_serializable(package="triptych")
class Found(_Step):
    """image, proposals [B, P, 4], answers [B * P, 5] -> boxes [B, most, 4], scores [B, most].

    The surest first; of those that overlap by an IoU over 0.5 the best: boxes around plates that
    stand aslant overlap, so what is more than that `rcnn.reading` tells apart. Where there are
    fewer than `most`, the rest has no area and score 0.
    """

    def __init__(self, most: int = 24, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most

    def call(self, inputs: list[Any]) -> tuple[Any, Any]:
        """See the class."""
        image, proposals, answers = inputs
        height, width = _sides(image)
        answers = ops.cast(answers, "float32")
        answers = ops.reshape(answers, (ops.shape(proposals)[0], proposals.shape[1], 5))
        has_area = ops.cast(box_math.areas(proposals) > 0, "float32")
        scores = ops.sigmoid(answers[..., 0]) * has_area
        boxes = box_math.decode(answers[..., 1:], proposals, SECOND)
        boxes = box_math.clip(boxes, height, width)
        chosen, kept = nms(boxes, scores, self.most, 0.5)
        shown = ops.cast(kept, "float32")
        scores = ops.take_along_axis(scores, chosen, axis=1) * shown
        return _taken(boxes, chosen) * shown[..., None], scores

    def compute_output_shape(self, shapes: list[Any]) -> tuple[tuple[int | None, ...], ...]:
        """[B, most, 4], [B, most]."""
        return (shapes[0][0], self.most, 4), (shapes[0][0], self.most)

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        return {**super().get_config(), "most": self.most}
