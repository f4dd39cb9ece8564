import ast
import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmarks import synth
from landmarks.drawing import picture
from landmarks.drawing.head import FIRST_JAW, MIRROR, STEP, Face, Traits, spline, traits
from landmarks.drawing.look import Look, look
from landmarks.drawing.points import layout
from landmarks.drawing.view import Camera

NUMBERS = (1, 2, 3, 5, 67, 68, 69, 500, 970, 971)
FLAT = {"ambient": np.ones(3), "lamp": np.zeros(3), "gloss": 0.0, "beard": 0.0, "gaze": (0.0, 0.0)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(path: Path, delimiter: str = "\t") -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth.generate(tmp_path_factory.mktemp("synth") / "a", 12, 5, 68, 5, workers=1)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Call it with colours: from then on neutral faces in even light, nothing before them."""

    def dress(**colours: object) -> None:
        def person(rng: np.random.Generator) -> Look:
            return replace(look(rng), **FLAT, **colours)  # type: ignore[arg-type]

        monkeypatch.setattr(picture, "look", person)

    monkeypatch.setattr(picture, "traits", lambda rng: Traits())
    monkeypatch.setattr(picture, "develop", lambda image, rng: image)
    monkeypatch.setattr(picture, "COVERS", ())
    return dress


def centroid(outline: np.ndarray) -> np.ndarray:
    """Centre of the area of a polygon [N, 2]."""
    after = np.roll(outline, -1, 0)
    cross = outline[:, 0] * after[:, 1] - after[:, 0] * outline[:, 1]
    middle = ((outline + after) * cross[:, None]).sum(0) / (3 * cross.sum())
    return np.asarray(middle)


def test_lips_are_where_the_points_say_to_a_tenth_of_a_pixel(plain: Callable[..., None]) -> None:
    errors = []
    for seed in range(6):
        images = []
        for colour in ((0.0, 0.0, 0.0), (250.0, 250.0, 250.0)):
            plain(lip=np.array(colour))
            image, points = synth.draw(np.random.default_rng(seed), 68, (201, 230))
            images.append(image.astype(int))
        changed = np.abs(images[1] - images[0]).max(-1) > 40
        y, x = np.nonzero(changed)
        outline = spline(points[48:60], np.linspace(0, 12, 240, endpoint=False), closed=True)
        errors.append(np.array([x.mean(), y.mean()]) - centroid(outline))
        corners = points[[48, 54]]
        middle, half = corners.mean(0), (corners[1] - corners[0]) / 2
        for sign in (-1, 1):
            (xi, yi), (xo, yo) = (np.rint(middle + sign * f * half).astype(int) for f in (0.9, 1.1))
            assert changed[yi, xi]
            assert not changed[yo, xo]
    assert np.abs(errors).max() < 0.4
    # Taking a fine pixel's corner for its centre would shift all of them by 0.25.
    assert np.abs(np.mean(errors, 0)).max() < 0.1


def test_brows_and_eyes_have_their_colours_at_the_points(plain: Callable[..., None]) -> None:
    plain(brow=np.array((0.0, 250.0, 0.0)), iris=np.array((0.0, 0.0, 250.0)), brow_thick=0.05)
    for seed in range(8):
        image, points = synth.draw(np.random.default_rng(seed), 68, (260, 260))
        for x, y in np.rint(points[[18, 19, 20, 23, 24, 25]]).astype(int):
            r, g, b = image[y, x].astype(int)
            assert g > r + 60
            assert g > b + 60
        blue = image[..., 2].astype(int) - image[..., 0] > 60
        y, x = np.nonzero(blue)
        found = np.column_stack([x, y])
        # Which lies nearer to a point: an eye's iris is around the middle of its corners.
        for first in (36, 42):
            middle = points[[first, first + 3]].mean(0)
            reach = np.linalg.norm(points[first] - points[first + 3])
            mine = found[np.linalg.norm(found - middle, axis=1) < reach / 2]
            assert len(mine) > 10
            assert np.linalg.norm(mine.mean(0) - middle) < 0.2 * reach


@pytest.mark.parametrize("size", [(60, 84), (200, 60), (32, 32)])
def test_points_lie_inside(size: tuple[int, int]) -> None:
    for seed in range(8):
        image, points = synth.draw(np.random.default_rng(seed), 971, size)
        assert image.shape == (*size, 3)
        assert image.dtype == np.uint8
        assert points.shape == (971, 2)
        assert (points >= 0).all()
        assert (points <= np.array(size[::-1]) - 1).all()


def test_the_face_fills_the_middle_as_in_the_contest() -> None:
    share, centre = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        face = Face(traits(rng))
        camera = picture.frame(face, rng, (80, 100))
        points = camera.pixels(camera.marks(face))
        low, high = points.min(0), points.max(0)
        share.append((high - low).max() / 80)
        centre.append((low + high) / 2 / (100, 80) - 0.5)
    assert 0.45 < np.min(share) < 0.6
    assert 0.68 < np.max(share) < 0.85
    assert np.abs(np.mean(centre, 0)).max() < 0.03
    assert np.abs(centre).max() < 0.15


def test_draw_is_a_function_of_the_generator() -> None:
    (one, p), (same, q) = (synth.draw(np.random.default_rng(1), 5) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(p, q)
    assert (one != synth.draw(np.random.default_rng(2), 5)[0]).any()


def test_the_picture_does_not_depend_on_the_number_of_points() -> None:
    pictures = [synth.draw(np.random.default_rng(3), n)[0] for n in (1, 68, 971)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[2])


def test_ibug_order_on_a_face_from_the_front() -> None:
    face, camera = Face(Traits()), Camera()
    p = camera.pixels(camera.marks(face))
    assert p[:, 1].argmax() == 8
    assert p[0, 0] == p[:17, 0].min()
    assert p[16, 0] == p[:17, 0].max()
    for run in (p[17:27], p[31:36], p[[36, 37, 38, 39, 42, 43, 44, 45]], p[48:55]):
        assert (np.diff(run[:, 0]) > 0).all()
    for run in (p[[19, 37, 41, 33, 51, 62, 66, 57, 8]], p[27:31]):
        assert (np.diff(run[:, 1]) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(face.marks[45] - face.marks[36]), 1.0, atol=1e-9)


@pytest.mark.parametrize("points", NUMBERS)
def test_the_mirror_permutation_mirrors_a_symmetric_face(points: int) -> None:
    face, camera = Face(Traits(mouth_open=0.1, smile=0.5)), Camera(pitch=0.2)
    mirror = synth.mirror(points)
    placed = camera.pixels(layout(points).place(camera.marks(face), face.mask))
    np.testing.assert_allclose((placed * (-1, 1))[mirror], placed, atol=1e-9)
    assert len(np.unique(placed.round(6), axis=0)) == points
    other = Camera(yaw=0.3), Camera(yaw=-0.3)
    left, right = (c.pixels(layout(points).place(c.marks(face), face.mask)) for c in other)
    np.testing.assert_allclose((left * (-1, 1))[mirror], right, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 971))
def test_mirror_is_an_involution(points: int) -> None:
    mirror = synth.mirror(points)
    np.testing.assert_array_equal(np.sort(mirror), np.arange(points))
    np.testing.assert_array_equal(mirror[mirror], np.arange(points))
    assert (mirror == np.arange(points)).sum() % 2 == points % 2


def test_the_order_does_not_give_the_mirror_away() -> None:
    steps = np.abs(synth.mirror(971) - np.arange(971))
    assert len(np.unique(steps)) > 300
    np.testing.assert_array_equal(synth.mirror(68), MIRROR)


@pytest.mark.parametrize("yaw", [-0.75, -0.3, 0.3, 0.75])
def test_far_jaw_points_lie_on_the_outline(yaw: float) -> None:
    face, camera = Face(Traits()), Camera(yaw=yaw, distance=9)
    marks, mask = camera.pixels(camera.marks(face)), camera.pixels(face.mask)
    sides = [(k, np.min) for k in range(6)] if yaw < 0 else [(16 - k, np.max) for k in range(6)]
    for k, extreme in sides:
        row = FIRST_JAW + min(k, 16 - k) * STEP
        assert abs(marks[k, 0] - extreme(mask[row, :, 0])) < 1.5  # of about 170 px from ear to ear
    near = range(9, 14) if yaw < 0 else range(3, 8)
    np.testing.assert_allclose(marks[near], camera.pixels(face.marks)[near])


def test_an_open_mouth_lowers_the_chin_and_parts_the_lips() -> None:
    shut, wide = (Face(Traits(mouth_open=v)).marks for v in (0.0, 0.3))
    assert wide[66, 1] - shut[66, 1] == pytest.approx(0.3)
    assert wide[8, 1] - shut[8, 1] == pytest.approx(0.255)
    np.testing.assert_allclose(wide[17:48, :2], shut[17:48, :2])


def test_spline_by_hand() -> None:
    # Catmull-Rom through 0, 1, 4, 9 is the parabola t * t away from the ends.
    values = spline(np.array([[0.0], [1.0], [4.0], [9.0]]), np.array([1.0, 1.5, 2.0, 3.0]))
    np.testing.assert_allclose(values[:, 0], [1, 2.25, 4, 9])


def test_a_face_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "develop", lambda image, rng: image)
    faces = [synth.draw(np.random.default_rng(s), 1)[0].astype(int) for s in range(6)]
    monkeypatch.setattr(picture, "paint", lambda *_: None)
    for seed, face in enumerate(faces):
        empty = synth.draw(np.random.default_rng(seed), 1)[0]
        assert 0.3 < (np.abs(face - empty).max(-1) > 8).mean() < 0.97


@pytest.mark.parametrize(
    ("points", "size", "word"),
    [(0, (60, 60), "points"), (972, (60, 60), "points"), (68, (31, 60), "size")],
)
def test_draw_refuses(points: int, size: tuple[int, int], word: str) -> None:
    with pytest.raises(ValueError, match=f"`{word}`"):
        synth.draw(np.random.default_rng(0), points, size)


def test_layout_of_the_folder(made: Path) -> None:
    assert {str(p.relative_to(made)) for p in made.rglob("*") if not p.name.endswith("jpg")} == {
        "train", "train/images", "train/landmarks.csv", "test", "test/images",
        "test/test_points.csv", "test/solution.csv", "sample_submission.csv", "synth.json",
    }  # fmt: skip
    for split, table, count in (("train", "landmarks", 12), ("test", "solution", 5)):
        head, *body = rows(made / split / f"{table}.csv")
        assert head[:5] == ["file_name", "Point_M0_X", "Point_M0_Y", "Point_M1_X", "Point_M1_Y"]
        assert len(body) == count
        assert {len(row) for row in body} == {len(head)} == {1 + 2 * 68}
        assert {row[0] for row in body} == {p.name for p in (made / split / "images").iterdir()}
        for name, *values in body:
            image = cv2.imread(str(made / split / "images" / name))
            assert image is not None
            height, width = image.shape[:2]
            assert 60 <= min(height, width) <= 200
            assert max(height, width) <= 1.4 * min(height, width)
            points = np.array(values, int).reshape(68, 2)
            assert (points >= 0).all()
            assert (points < (width, height)).all()
    names = [row[0] for row in rows(made / "test" / "solution.csv")[1:]]
    head, *questions = rows(made / "test" / "test_points.csv")
    assert head == ["file_name", "point_index_list"]
    assert [name for name, _ in questions] == names
    asked = [ast.literal_eval(text) for _, text in questions]
    assert all(len(a) == 30 and a == sorted(set(a)) and set(a) <= set(range(68)) for a in asked)
    assert asked[0] != asked[1]
    head, *blank = rows(made / "sample_submission.csv", ",")
    assert head[:3] == ["file_name", "Point_M0_X", "Point_M0_Y"]
    assert head[-1] == "Point_M29_Y"
    assert [row[0] for row in blank] == names
    assert {v for row in blank for v in row[1:]} == {"0"}
    assert {len(row) for row in blank} == {61}


@pytest.mark.parametrize(("points", "asked"), [(1, 1), (5, 5), (971, 30)])
def test_any_number_of_points(points: int, asked: int, tmp_path: Path) -> None:
    made = synth.generate(tmp_path / "n", 2, 1, points, workers=1)
    assert {len(row) for row in rows(made / "train" / "landmarks.csv")} == {1 + 2 * points}
    text = rows(made / "test" / "test_points.csv")[1][1]
    assert len(set(ast.literal_eval(text))) == asked
    assert {len(row) for row in rows(made / "sample_submission.csv", ",")} == {1 + 2 * asked}


def test_same_bytes_whatever_the_workers(made: Path, tmp_path: Path) -> None:
    again = synth.generate(tmp_path / "b", 12, 5, 68, 5, workers=2)
    assert contents(again) == contents(made)


def test_a_picture_depends_on_its_index_not_on_the_counts(made: Path, tmp_path: Path) -> None:
    more = synth.generate(tmp_path / "d", 14, 1, 68, 5, workers=1)
    old, new = (rows(d / "train" / "landmarks.csv") for d in (made, more))
    assert new[:13] == old
    pictures = [contents(d / "train" / "images") for d in (made, more)]
    assert pictures[0].items() < pictures[1].items()


def test_another_seed_draws_other_pictures(made: Path, tmp_path: Path) -> None:
    other = synth.generate(tmp_path / "c", 3, 1, 68, 6, workers=1)
    pictures = [{v for k, v in contents(d).items() if k.endswith("jpg")} for d in (made, other)]
    assert not pictures[0] & pictures[1]
    assert len(pictures[0]) == 17


def test_finished_data_set_is_left_alone(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "_save", None)
    before = contents(made)
    assert synth.generate(made, 12, 5, 68, 5) == made
    assert contents(made) == before


def test_other_settings_are_refused(made: Path) -> None:
    before = contents(made)
    with pytest.raises(FileExistsError, match="another generated data set"):
        synth.generate(made, 12, 5, 67, 5)
    assert contents(made) == before


def test_foreign_folder_file_and_broken_marker_are_refused(tmp_path: Path) -> None:
    (tmp_path / "landmarks.csv").write_text("file_name\n")
    with pytest.raises(FileExistsError, match="holds no generated data set"):
        synth.generate(tmp_path, 1, 1, 1, workers=1)
    with pytest.raises(FileExistsError):
        synth.generate(tmp_path / "landmarks.csv", 1, 1, 1, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["landmarks.csv"]
    (tmp_path / synth.MARKER).write_text("{")
    with pytest.raises(FileExistsError, match="another generated data set"):
        synth.generate(tmp_path, 1, 1, 1, workers=1)


def test_broken_off_data_set_is_finished(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = synth._save, []

    def save(to: Path, seed: int, points: int, job: synth.Job) -> tuple[object, ...]:
        calls.append(job)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return real(to, seed, points, job)

    monkeypatch.setattr(synth, "_save", save)
    with pytest.raises(KeyboardInterrupt):
        synth.generate(tmp_path / "e", 12, 5, 68, 5, workers=1)
    assert not (tmp_path / "e" / synth.MARKER).exists()
    assert contents(synth.generate(tmp_path / "e", 12, 5, 68, 5, workers=1)) == contents(made)


@pytest.mark.parametrize(
    "bad", [{"train": 0}, {"test": -1}, {"seed": -1}, {"points": 0}, {"points": 972}]
)
def test_bad_numbers_are_refused_before_anything_is_written(
    bad: dict[str, int], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"`{next(iter(bad))}`"):
        synth.generate(tmp_path / "f", **{"workers": 1, **bad})
    assert not (tmp_path / "f").exists()


def test_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    to = tmp_path / "g"
    synth.main(["--to", str(to), "--train", "2", "--test", "1", "--points", "5", "--seed", "3"])
    assert capsys.readouterr().out.strip() == str(to)
    assert json.loads((to / synth.MARKER).read_text()) == {
        "version": synth.VERSION, "train": 2, "test": 1, "points": 5, "seed": 3,
    }  # fmt: skip
