"""Which box an anchor or a proposal should learn, and which of them a step learns from."""

from typing import Any

from keras import ops

POSITIVE, BACKGROUND, NEITHER = 1, 0, -1
"""What an anchor is to learn: a box, that there is none, nothing."""
_TIE = 1e-5  # of the largest overlap: compilers may round the same sum in two ways


def match(
    overlaps: Any, present: Any, low: float, high: float, force: bool = False
) -> tuple[Any, Any]:
    """The box that each of N anchors is to learn, and whether it does: index, kind int32 [B, N].

    The box is the one that it overlaps most, and the first of several. The kind is `POSITIVE` where
    that overlap is at least `high`, `BACKGROUND` where it is under `low` or the picture has no
    boxes, else `NEITHER`. With `force` a box's best anchors, several if they tie to 1e-5, are
    positive too if they overlap it at all, and learn that box unless they are positive without
    (Ren et al. 2015, "Faster R-CNN", section 3.1.2): so a box is seldom left without an anchor,
    however small it is.

    Args:
        overlaps: float [B, N, G], IoU of N anchors with G >= 1 boxes, 0..1.
        present: bool [B, G], False for padding, which is never matched.
        low: IoU, 0..1.
        high: IoU, `low`..1.
        force: see above.

    Raises:
        ValueError: G is 0, or not 0 <= low <= high <= 1.
    """
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"`low` and `high` must be 0 <= low <= high <= 1; received: low={low}, high={high}"
        )
    if overlaps.shape[-1] == 0:
        raise ValueError(
            "`overlaps` must be [B, N, G] with a box, be it padding; received: "
            f"shape={list(overlaps.shape)}"
        )
    overlaps = ops.where(ops.cast(present, "bool")[:, None, :], ops.cast(overlaps, "float32"), -1.0)
    index, most = ops.argmax(overlaps, axis=-1), ops.max(overlaps, axis=-1)
    kind = ops.where(most < low, BACKGROUND, NEITHER)
    if force:
        best = ops.max(overlaps, axis=1, keepdims=True)
        claims = ops.where((best > 0) & (overlaps >= (1 - _TIE) * best), overlaps, -1.0)
        claimed = (ops.max(claims, axis=-1) >= 0) & (most < high)
        index = ops.where(claimed, ops.argmax(claims, axis=-1), index)
        kind = ops.where(claimed, POSITIVE, kind)
    kind = ops.where(most >= high, POSITIVE, kind)
    return ops.cast(index, "int32"), ops.cast(kind, "int32")


def sample(kind: Any, positives: int, total: int, noise: Any) -> tuple[Any, Any, Any]:
    """The anchors that a step learns from: index int32, kept bool, positive bool, each [B, total].

    At most `positives` of the positive ones, then background up to `total`, each drawn at random
    without putting back (Ren et al. 2015, "Faster R-CNN", section 3.1.3). Where there are too few,
    the rest is not kept, not positive, and its index 0. What is kept comes first, and of that the
    positive ones.

    Args:
        kind: int [B, N], from `match`.
        positives: the most of them, 1..total.
        total: the most of all.
        noise: float [B, N], independent and uniform in 0..1: the larger are drawn.

    Raises:
        ValueError: not 1 <= positives <= total.
    """
    if not 1 <= positives <= total:
        raise ValueError(
            "`positives` and `total` must be 1 <= positives <= total; received: "
            f"positives={positives}, total={total}"
        )
    # With as many more that are never drawn there are enough for any `total`.
    more = ((0, 0), (0, total))
    kind = ops.pad(ops.cast(kind, "int32"), more, constant_values=NEITHER)
    noise = ops.pad(ops.cast(noise, "float32"), more)
    chosen, found = [], []
    for wanted, most in ((POSITIVE, positives), (BACKGROUND, total)):
        drawn, places = ops.top_k(ops.where(kind == wanted, noise, -1.0), most)
        chosen.append(ops.cast(places, "int32"))
        found.append(drawn >= 0)
    index, kept = ops.concatenate(chosen, axis=1), ops.concatenate(found, axis=1)
    # Sorting is stable: what is kept moves to the front and stays in order.
    front = ops.argsort(ops.where(kept, 0, 1), axis=1)[:, :total]
    index, kept = (ops.take_along_axis(values, front, axis=1) for values in (index, kept))
    return ops.where(kept, index, 0), kept, kept & (front < positives)
