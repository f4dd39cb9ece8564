"""The camera: turns a head, projects it, and finds the outline that is seen."""

from dataclasses import dataclass

import numpy as np

from landmarks.drawing.head import COLUMNS, FIRST_JAW, STEP, Face

PIVOT = np.array([0.0, 0.4, -0.4])  # the head turns about this point


@dataclass
class Camera:
    """A pinhole camera before a head; angles in radians, `distance` in the face's unit.

    `scale` is pixels a unit at the pivot, `shift` the pixel (x, y) of the pivot.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    distance: float = 8.0
    scale: float = 100.0
    shift: tuple[float, float] = (0.0, 0.0)

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] in the camera's frame, the pivot at the origin."""
        (cy, sy), (cp, sp), (cr, sr) = (
            (np.cos(a), np.sin(a)) for a in (self.yaw, self.pitch, self.roll)
        )
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return np.asarray((points - PIVOT) @ (roll @ pitch @ yaw).T)

    def project(self, turned: np.ndarray) -> np.ndarray:
        """Pixels [..., 2] of turned points [..., 3]."""
        near = self.scale * self.distance / (self.distance - turned[..., 2:])
        return np.asarray(turned[..., :2] * near + self.shift)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Pixels [..., 2] of points [..., 3] on the head."""
        return self.project(self.turn(points))

    def facing(self, turned: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Cosine-like measure [...]: above 0 where a surface looks at the camera."""
        towards = np.array([0, 0, self.distance]) - turned
        return np.asarray((normal * towards).sum(-1))

    def marks(self, face: Face) -> np.ndarray:
        """The 68 marks [68, 3], those of the jaw moved inwards to the outline that is seen."""
        marks = face.marks.copy()
        turned = self.turn(face.mask)
        seen = self.facing(turned, normals(turned))
        for k in range(8):
            row = FIRST_JAW + k * STEP
            marks[k] = _outline(face.mask[row], seen[row])
            marks[16 - k] = _outline(face.mask[row, ::-1], seen[row, ::-1])
        return marks


def normals(mask: np.ndarray) -> np.ndarray:
    """Unit normals [rows, columns, 3] of a turned mask, towards the camera at its middle."""
    normal = np.cross(np.gradient(mask, axis=1), np.gradient(mask, axis=0))
    return np.asarray(normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12))


def _outline(row: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Where a row [COLUMNS, 3] of the mask, walked inwards from its edge, comes into sight."""
    first = int(np.argmax(seen[: COLUMNS // 2 + 1] > 0))
    if first == 0:
        return row[0]
    f = seen[first] / (seen[first] - seen[first - 1])
    return np.asarray(row[first] + f * (row[first - 1] - row[first]))
