"""Corners of plates, in numpy: order, faults, margins, homographies, overlap.

A quad is float [4, 2]: x, y in pixels, a whole number being a pixel's centre, of the plate's top
left, top right, bottom right and bottom left corner (clockwise as seen, since y points down).
"""

import numpy as np
from numpy.typing import ArrayLike

_LEAST_AREA = 8.0  # square pixels
_LEAST_SIDE = 2.0  # pixels
_LEAST_TURN = 0.02  # sine of the angle between two sides, about one degree
LEAST_INSIDE = 0.5


def quad(points: ArrayLike) -> np.ndarray:
    """Four points as float64 [4, 2], in the order given.

    Raises:
        ValueError: not four pairs of numbers.
    """
    try:
        array = np.array(points, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    if array.shape != (4, 2):
        raise ValueError(f"a box must be four points x, y; received: {points!r:.80}")
    return array


def reading_order(points: ArrayLike) -> np.ndarray:
    """Points [4, 2] of any winding, crossing and first corner -> a quad.

    The top side is the one whose direction is nearest to that of a line of text. So a plate that is
    turned by less than 45 degrees comes out right; of one turned farther, a quarter turn is taken
    away, and one that hangs upside down is read as if it stood.

    Raises:
        ValueError: not four pairs of numbers.
    """
    corners = quad(points)
    from_middle = corners - corners.mean(axis=0)
    clockwise = corners[np.argsort(np.arctan2(from_middle[:, 1], from_middle[:, 0]), kind="stable")]
    starts = [np.roll(clockwise, -first, axis=0) for first in range(4)]
    return max(starts, key=_levelness)


def _levelness(corners: np.ndarray) -> float:
    """Cosine of the angle between the x axis and the mean of top and bottom side."""
    along = corners[1] - corners[0] + corners[2] - corners[3]
    return round(float(along[0] / max(np.hypot(*along), 1e-12)), 9)


def area(points: ArrayLike) -> float:
    """Area of a polygon [N, 2] in square pixels, of either winding (shoelace formula)."""
    x, y = np.asarray(points, np.float64).reshape(-1, 2).T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def sides(corners: np.ndarray) -> tuple[float, float]:
    """Mean width and mean height of a quad, in pixels."""
    lengths = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return float(lengths[0] + lengths[2]) / 2, float(lengths[1] + lengths[3]) / 2


def bounds(corners: ArrayLike) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of points [N, 2]."""
    array = np.asarray(corners, np.float64)
    (left, top), (right, bottom) = array.min(axis=0).tolist(), array.max(axis=0).tolist()
    return left, top, right, bottom


def rectangle(corners: ArrayLike) -> np.ndarray:
    """The smallest rectangle around a quad that runs along its text, as a quad.

    Along the mean of its top and bottom side: a corner that slipped turns it by half as much, and
    none lies outside. Of a rectangle it is that itself.

    Raises:
        ValueError: not a quad.
    """
    array = quad(corners)
    along = array[1] - array[0] + array[2] - array[3]
    along /= max(float(np.hypot(*along)), 1e-12)
    axes = np.array([along, [-along[1], along[0]]])
    (left, top), (right, bottom) = (array @ axes.T).min(axis=0), (array @ axes.T).max(axis=0)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ axes


def expand(corners: ArrayLike, margin: float) -> np.ndarray:
    """The quad with each corner moved outward by `margin` of both sides that meet in it.

    So an upright rectangle grows by `margin` of its width on the left and on the right, and by
    `margin` of its height above and below.

    Raises:
        ValueError: not a quad, or `margin` is not over -0.5, where nothing would be left.
    """
    array = quad(corners)
    if not margin > -0.5:
        raise ValueError(f"`margin` must be over -0.5; received: margin={margin}")
    return array + margin * (2 * array - np.roll(array, 1, axis=0) - np.roll(array, -1, axis=0))


def defect(corners: ArrayLike) -> str:
    """Why a quad can be no plate, whatever the picture, or "".

    It must be finite and convex, have no side under 2 pixels and no area under 8.
    """
    array = quad(corners)
    if not np.isfinite(array).all():
        return "a corner is not finite"
    along = np.roll(array, -1, axis=0) - array
    lengths = np.hypot(*along.T)
    if lengths.min() < _LEAST_SIDE:
        return f"a side is {lengths.min():.3g} pixels long"
    before = np.roll(along, 1, axis=0)
    turns = before[:, 0] * along[:, 1] - before[:, 1] * along[:, 0]
    right = int((turns > 0).sum())
    if right == 2:
        return "its sides cross"
    if area(array) < _LEAST_AREA:
        return f"its area is {area(array):.3g} square pixels"
    if (np.abs(turns) < _LEAST_TURN * lengths * np.roll(lengths, 1)).any():
        return "three corners lie on a line"
    if right in (1, 3):
        return "it is not convex"
    return ""


def is_convex(corners: ArrayLike) -> bool:
    """Whether a quad has no `defect`."""
    return not defect(corners)


def problem(corners: ArrayLike, height: int, width: int) -> str:
    """Why no plate can be cut at a quad from a picture of `height` x `width` pixels, or "".

    Its `defect`, or that less than half of it lies in the picture: its text cannot be read there.
    A quad that reaches out a little is right: plates are cut off by the border of the picture.
    """
    array = quad(corners)
    if reason := defect(array):
        return reason
    share = inside(array, height, width)
    if share == 0:
        return f"it lies outside the picture of {width} x {height} pixels"
    if share < LEAST_INSIDE:
        return f"only {share:.0%} of it lie in the picture of {width} x {height} pixels"
    return ""


def inside(corners: ArrayLike, height: int, width: int) -> float:
    """Share, 0..1, of a convex quad's area that lies in a picture of `height` x `width` pixels."""
    x, y = width - 0.5, height - 0.5
    picture = np.array([[-0.5, -0.5], [x, -0.5], [x, y], [-0.5, y]])
    whole = area(corners)
    return area(intersection(corners, picture)) / whole if whole else 0.0


def intersection(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """The polygon [N, 2] that two convex ones, of either winding, have in common; N may be 0.

    Sutherland and Hodgman, "Reentrant polygon clipping", 1974.
    """
    edges = _clockwise(b)
    left = _clockwise(a).tolist()
    for (x0, y0), (x1, y1) in zip(edges.tolist(), np.roll(edges, -1, axis=0).tolist(), strict=True):
        kept: list[list[float]] = []
        depths = [(x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) for x, y in left]
        for i, (point, depth) in enumerate(zip(left, depths, strict=True)):
            (px, py), last = left[i - 1], depths[i - 1]
            if (depth > 0) != (last > 0):
                share = last / (last - depth)
                kept.append([px + share * (point[0] - px), py + share * (point[1] - py)])
            if depth > 0:
                kept.append(point)
        left = kept
    return np.array(left, np.float64).reshape(-1, 2)


def _clockwise(points: ArrayLike) -> np.ndarray:
    array = np.asarray(points, np.float64)
    x, y = array.T
    turned = np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)) < 0
    return array[::-1] if turned else array


def polygon_iou(a: ArrayLike, b: ArrayLike) -> float:
    """Area in common / area of both together, 0..1, of two convex polygons [N, 2]."""
    common = area(intersection(a, b))
    both = area(a) + area(b) - common
    return common / both if both > 0 else 0.0


def homography(old: ArrayLike, new: ArrayLike) -> np.ndarray:
    """The matrix [3, 3] that takes the corners `old` [4, 2] exactly to `new` [4, 2].

    Raises:
        ValueError: not four points, or three of them on a line.
    """
    rows, values = [], []
    for (x, y), (u, v) in zip(quad(old), quad(new), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    try:
        solved = np.linalg.solve(np.array(rows), np.array(values))
    except np.linalg.LinAlgError as error:
        raise ValueError(f"three corners lie on a line: {old!r:.80}") from error
    return np.append(solved, 1.0).reshape(3, 3)


def apply(matrix: np.ndarray, points: ArrayLike) -> np.ndarray:
    """Points [..., 2] where a homography [3, 3] takes them, float64."""
    array = np.asarray(points, np.float64)
    mapped = array @ matrix[:, :2].T + matrix[:, 2]
    return mapped[..., :2] / mapped[..., 2:]
