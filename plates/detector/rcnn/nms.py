"""Of boxes that overlap, the best: greedy non-maximum suppression without a loop over boxes."""

import math
from typing import Any

from keras import ops

from plates.detector.rcnn import boxes as box_math


def nms(
    boxes: Any, scores: Any, most: int, iou: float, least: float = -math.inf
) -> tuple[Any, Any]:
    """The boxes that no better one covers, best first: index int32, kept bool, each [B, most].

    A box is kept if its IoU with none that is kept before it is over `iou`; of equal scores the
    first box is the better. Where fewer are kept than `most`, the rest has kept False and index 0.
    Boxes without area (padding) and those whose score is under `least` or NaN are never kept.

    With boxes by falling score, let kept[j] = not any(kept[i] and i covers j, i < j), for all j at
    once, until nothing changes. After t rounds the first t are the greedy answer, since each
    depends on those before it alone; so N rounds suffice, and where nothing changes the rule that
    defines that answer holds. It takes at most one round more than there are boxes in the longest
    chain of which each covers the next. Memory: about 40 N^2 B bytes. No gradient flows.

    Args:
        boxes: float [B, N, 4], see `plates.detector.rcnn.boxes`.
        scores: float [B, N], of any range.
        most: boxes to keep a picture.
        iou: 0..1.
        least: score.

    Raises:
        ValueError: `most` is not positive, or `iou` not in 0..1.
    """
    if most < 1:
        raise ValueError(f"`most` must be positive; received: most={most}")
    if not 0 <= iou <= 1:
        raise ValueError(f"`iou` must be in 0..1; received: iou={iou}")
    boxes = ops.stop_gradient(ops.cast(boxes, "float32"))
    scores = ops.stop_gradient(ops.cast(scores, "float32"))
    able = (scores >= least) & (box_math.areas(boxes) > 0)
    # Sorting is stable, and NaN, which has no place, is not able.
    order = ops.argsort(-ops.where(able, scores, -math.inf), axis=1)
    boxes = ops.take_along_axis(boxes, order[..., None], axis=1)
    able = ops.take_along_axis(able, order, axis=1)
    kept = _greedy(box_math.iou(boxes, boxes) > iou, able)
    # With as many more that are not kept there are enough for any `most`.
    more = ((0, 0), (0, most))
    order, kept = ops.pad(order, more), ops.pad(kept, more, constant_values=False)
    front = ops.argsort(ops.where(kept, 0, 1), axis=1)[:, :most]
    index, kept = (ops.take_along_axis(values, front, axis=1) for values in (order, kept))
    return ops.where(kept, ops.cast(index, "int32"), 0), kept


def _greedy(near: Any, able: Any) -> Any:
    """Bool [B, N]: the greedy answer of boxes by falling score, near bool [B, N, N]."""
    places = ops.arange(ops.shape(able)[1])
    # A product of matrices counts who covers a box: quicker than `any`.
    covers = ops.cast(near & (places[:, None] < places[None, :]), "float32")

    def again(kept: Any, _: Any) -> tuple[Any, Any]:
        counts = ops.matmul(ops.cast(kept, "float32")[:, None, :], covers)[:, 0, :]
        now = able & (counts < 0.5)
        return now, ops.any(now != kept)

    kept, _ = ops.while_loop(lambda _, changed: changed, again, (able, ops.any(able)))
    return kept
