"""How far right of what they mark the points of a data set lie, as a whole.

Points that count from 1, or were cropped by another rule, are some tenths of a pixel or a whole one
aside. In training that would be learnt; but a flipped picture puts the points as far to the left,
and a model trained on both answers with the middle, off by the shift everywhere. So it is measured
on the pictures themselves: a face is like its mirror image about its middle, and the points say
where they believe the middle to be.
"""

from collections.abc import Callable

import cv2
import numpy as np

from landmarks.geometry import Affine, resized

# Frontal faces are the most symmetric ones: a quarter of all, at least and at most so many.
_LEAST_FACES, _MOST_FACES = 20, 600
_SIDE, _FACE_WIDTH = 64, 44.0
_STEP, _MOST = 0.5, 4.0
# Both halves of the faces must give the same within so many pixels, and the faces be so symmetric.
_AGREE = 0.6
_LIKENESS = 0.2


def find(
    read: Callable[[int], np.ndarray],
    points: np.ndarray,
    sizes: np.ndarray,
    mirror: np.ndarray,
) -> float:
    """Pixels of the originals by which the points lie too far right (negative: left).

    `read(i)` gives picture i [H, W, 3] uint8, whose original was `sizes[i]` = (height, width);
    `points` [R, N, 2] in pixels of the originals, `mirror` [N] as `mirror.find` gives it. 0 where
    it cannot be told: faces too different from their mirror images, two halves of the pictures
    that disagree, more than 4 pixels.
    """
    fits, residuals = _fitted(np.asarray(points, np.float64), mirror)
    count = min(max(len(residuals) // 4, _LEAST_FACES), _MOST_FACES)
    chosen = np.argsort(residuals, kind="stable")[:count]
    if len(chosen) < _LEAST_FACES:
        return 0.0
    shifts = np.arange(-_MOST, _MOST + _STEP / 2, _STEP)
    likeness = np.array([_likeness(read(i), sizes[i], fits[i], shifts) for i in chosen])
    halves = [_peak(shifts, likeness[part::2].mean(axis=0)) for part in (0, 1)]
    whole = likeness.mean(axis=0)
    found = _peak(shifts, whole)
    sure = whole.max() >= _LIKENESS and abs(halves[0] - halves[1]) <= _AGREE
    return round(found, 2) if sure and abs(found) < _MOST else 0.0


def _fitted(points: np.ndarray, mirror: np.ndarray) -> tuple[list[Affine], np.ndarray]:
    """The way of each face onto a symmetric mean shape about x = 0, and how far from it it is."""
    faces = points[..., 0] + 1j * points[..., 1]
    mean = np.mean(faces - faces.mean(axis=1, keepdims=True), axis=0)
    mean = (mean - mean.conj()[mirror]) / 2
    width = np.ptp(mean.real)
    if len(mirror) < 3 or width == 0:
        return [], np.empty(0)
    mean = (mean - 1j * mean.imag.mean()) * (_FACE_WIDTH / width)
    centres = faces.mean(axis=1, keepdims=True)
    centred = faces - centres
    norms = np.maximum((np.abs(centred) ** 2).sum(axis=1, keepdims=True), 1e-9)
    turns = (centred.conj() * mean).sum(axis=1, keepdims=True) / norms
    laid = centred * turns
    residuals = (np.abs(laid + laid.conj()[:, mirror]) ** 2).mean(axis=1) ** 0.5
    offsets = -(centres * turns)
    fits = [
        Affine(np.array([[t.real, -t.imag, o.real], [t.imag, t.real, o.imag]]))
        for t, o in zip(turns[:, 0], offsets[:, 0], strict=True)
    ]
    return fits, residuals


def _likeness(image: np.ndarray, size: np.ndarray, fit: Affine, shifts: np.ndarray) -> list[float]:
    """Correlation of a face with its mirror image about its middle, the points moved back."""
    height, width = size.tolist()
    to_original = resized((image.shape[0], image.shape[1]), (height, width))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = []
    for shift in shifts:
        # What is at p lies under the point at p + shift.
        offset = fit.matrix[:, :1] * shift + (_SIDE - 1) / 2
        to_face = to_original.then(Affine(fit.matrix + np.hstack([np.zeros((2, 2)), offset])))
        face = cv2.warpAffine(
            grey,
            to_face.matrix,
            (_SIDE, _SIDE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        # Edges say where things are whatever side the light comes from.
        across, down = (cv2.Sobel(face, cv2.CV_32F, *axes) for axes in ((1, 0), (0, 1)))
        edges = cv2.GaussianBlur(np.abs(across) + np.abs(down), (0, 0), 1)[6:-6, 10:-10]
        edges = edges - edges.mean()
        found.append(float((edges * edges[:, ::-1]).sum() / max((edges**2).sum(), 1e-6)))
    return found


def _peak(shifts: np.ndarray, values: np.ndarray) -> float:
    """Where a parabola through the highest value and its neighbours is highest."""
    top = int(values.argmax())
    if top in (0, len(values) - 1):
        return float(shifts[top])
    left, middle, right = values[top - 1 : top + 2]
    bend = left - 2 * middle + right
    return float(shifts[top] + (0.5 * (left - right) / bend * _STEP if bend < 0 else 0.0))
