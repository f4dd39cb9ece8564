"""What wear, camera and surroundings do to a plate: exact geometry, and text that stays legible."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.drawing import camera, develop, texture, wear
from plates.drawing.nothing import nothing
from plates.drawing.plate import FlatPlate, draw
from plates.drawing.scene import scene
from plates.drawing.surroundings import Board, background, board


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """From then on a new, flat, bare plate before black, and a perfect camera."""
    monkeypatch.setattr(camera, "wear", lambda rng, image, boxes: image)
    monkeypatch.setattr(camera, "develop", lambda rng, image, tall, boxes: image)
    monkeypatch.setattr(camera, "background", lambda rng, size: np.zeros((*size, 3), np.uint8))
    monkeypatch.setattr(camera, "board", lambda rng, plate, boxes: Board(plate, 0, 0))
    for name, keep in (("_bent", 1), ("_resampled", 1), ("_recess", 1)):
        monkeypatch.setattr(camera, name, lambda *args, keep=keep: args[keep])


def marked() -> FlatPlate:
    """A white plate whose four "characters" are red, green, blue, and black but for a white dot."""
    image = np.full((100, 400, 3), 255, np.uint8)
    boxes = tuple((20.0 + 95 * k, 20.0, 90.0 + 95 * k, 79.0) for k in range(4))
    inks = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0))
    for (x0, y0, x1, y1), ink in zip(boxes, inks, strict=True):
        image[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = ink
    return FlatPlate(image, "ABCD", "", 1, boxes)


def test_corners_of_a_plate_seen_from_the_front_by_hand() -> None:
    far = [(-0.5, -0.125), (0.5, -0.125), (0.5, 0.125), (-0.5, 0.125)]
    np.testing.assert_allclose(camera.Pose()(4.0), far)
    # A quarter turn clockwise as seen puts the upper left corner to the upper right.
    turned = camera.Pose(roll=np.pi / 2)(4.0)
    np.testing.assert_allclose(turned[0], (0.125, -0.5), atol=1e-12)
    # Turned by 60 degrees at distance 2: x = +-0.25, z = -+0.433; x * 2 / (2 + z).
    left, right = camera.Pose(yaw=np.pi / 3, distance=2.0)(4.0)[:2, 0]
    z = 0.5 * np.sin(np.pi / 3)
    np.testing.assert_allclose((left, right), (-0.5 / (2 + z), 0.5 / (2 - z)), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_homography_maps_the_outer_corners(seed: int) -> None:
    source = rng(seed)
    quad = camera.pose(source)(3.0) * 200
    assert cv2.isContourConvex(quad.astype(np.float32))
    matrix = camera.homography((50, 150), quad)
    flat = np.array([(-0.5, -0.5), (149.5, -0.5), (149.5, 49.5), (-0.5, 49.5)])
    np.testing.assert_allclose(camera.project(matrix, flat), quad, atol=1e-2)


@pytest.mark.usefixtures("plain")
def test_every_character_is_whole_in_the_crop() -> None:
    flat = marked()
    for seed in range(25):
        image = camera.crop(rng(seed), flat).astype(int)
        assert 55 <= image.shape[1] <= 330 * 1.9
        for channel in range(3):
            others = np.delete(image, channel, axis=2).max(-1)
            inked = (image[..., channel] > 128) & (others < 100)
            assert inked.any()
            rim = np.concatenate([inked[0], inked[-1], inked[:, 0], inked[:, -1]])
            assert not rim.any()


def test_margins_are_those_of_detectors() -> None:
    corners = np.array([(0, 0), (200, 0), (200, 50), (0, 50)], float)
    marks = np.array([(20, 10, 180, 40)], float)
    low, high = (
        np.array(v)
        for v in zip(*(camera._window(rng(s), corners, marks) for s in range(400)), strict=True)
    )
    left, right = -low[:, 0] / 200, (high[:, 0] - 200) / 200
    for margin in (left, right):
        assert margin.min() >= -0.03
        assert margin.max() <= 0.35
        assert np.quantile(margin, 0.9) < 0.16
        assert 0.02 < np.median(margin) < 0.06
    # Characters that stand at the rim are never cut, whatever the margin.
    marks = np.array([(-1, -1, 201, 51)], float)
    for seed in range(50):
        low, high = camera._window(rng(seed), corners, marks)
        assert (low <= (-2, -2)).all()
        assert (high >= (202, 52)).all()


def test_a_plate_is_seen_as_large_as_its_characters_need() -> None:
    flat = marked()
    widths = [camera.width_seen(rng(seed), flat) for seed in range(200)]
    assert 60 <= min(widths) < 75
    assert 310 < max(widths) <= 320
    # Characters of a 40th of the plate are 5 pixels wide when it is 200.
    narrow = FlatPlate(flat.image, "I", "", 1, ((10.0, 10.0, 20.0, 90.0),))
    assert min(camera.width_seen(rng(seed), narrow) for seed in range(50)) == 200


def test_shrinking_keeps_boxes_on_their_characters() -> None:
    small, boxes = camera.shrunk(marked(), 200.0)
    assert small.shape == (50, 200, 3)
    np.testing.assert_allclose(boxes[0], (9.75, 9.75, 44.75, 39.25))
    untouched, same = camera.shrunk(marked(), 390.0)
    assert untouched.shape == (100, 400, 3)
    np.testing.assert_array_equal(same[1], (115, 20, 185, 79))


@pytest.mark.parametrize("effect", [e for e, _ in wear.EFFECTS], ids=lambda e: e.__name__)
def test_every_wear_changes_the_plate_and_leaves_it_legible(effect: object) -> None:
    flat = draw(rng(3), "de")
    boxes = np.array(flat.characters)
    tall = float(np.median(boxes[:, 3] - boxes[:, 1]))
    for seed in range(4):
        before = flat.image.astype(np.float32)
        after = effect(rng(seed), before.copy(), boxes, tall)  # type: ignore[operator]
        assert after.shape == before.shape
        assert after.dtype == np.float32
        assert np.isfinite(after).all()
        worn = np.clip(after, 0, 255).astype(np.uint8)
        if effect is not wear.bolts:  # which are left out where a character stands
            assert np.abs(after - before).max() > 2
        assert develop.contrast(worn, boxes) > 0.25 * develop.contrast(flat.image, boxes)


def test_contrast_is_that_of_the_faintest_character() -> None:
    image = np.full((20, 60, 3), 100, np.uint8)
    image[5:15, 5:10] = 200  # half of the first box
    image[5:15, 35:40] = 110  # half of the second
    boxes = np.array([(5, 5, 14, 14), (35, 5, 44, 14)], float)
    assert develop.contrast(image, boxes[:1]) == pytest.approx(50)
    assert develop.contrast(image, boxes) == pytest.approx(5)
    lost = np.full_like(image, 100)
    kept = develop.legible(image, lost, boxes[:1])
    # A quarter of the difference is left, 12.5, which is above the least, 9.
    assert develop.contrast(kept, boxes[:1]) == pytest.approx(12.5, abs=13)
    assert develop.contrast(kept, boxes[:1]) >= 9
    np.testing.assert_array_equal(develop.legible(image, lost, boxes[:0]), lost)


def test_developed_characters_stay_above_the_noise() -> None:
    for seed in range(12):
        flat = draw(rng(seed, 1))
        boxes = np.array(flat.characters)
        tall = float(np.median(boxes[:, 3] - boxes[:, 1]))
        seen = develop.develop(rng(seed), flat.image, tall, boxes=boxes)
        assert seen.shape == flat.image.shape
        assert seen.dtype == np.uint8
        assert develop.contrast(seen, boxes) > 3
    image = flat.image
    np.testing.assert_array_equal(develop.develop(rng(0), image, tall, hard=0.0), image)


def test_textures_are_in_range() -> None:
    for size in ((1, 40), (30, 7), (90, 320)):
        for lumps in (texture.clouds(rng(1), size, 4), texture.rough(rng(2), size, 4)):
            assert lumps.shape == size
            assert lumps.min() >= 0
            assert lumps.max() <= 1
    assert 0.1 < texture.above(texture.rough(rng(3), (90, 300), 9), 0.2).mean() < 0.25
    noise = texture.grain(rng(4), (300, 900))  # wider than the tile
    assert noise.shape == (300, 900, 3)
    assert abs(float(noise.std()) - 1) < 0.02
    assert all(texture.words(rng(seed)).strip() for seed in range(20))


@pytest.mark.parametrize("size", [(24, 60), (100, 320), (200, 90)])
def test_backgrounds_fill_their_size(size: tuple[int, int]) -> None:
    for seed in range(12):
        image = background(rng(seed), size)
        assert image.shape == (*size, 3)
        assert image.dtype == np.uint8


def test_a_holder_leaves_the_characters_free() -> None:
    flat = marked()
    boxes = np.array(flat.characters)
    held = 0
    for seed in range(40):
        found = board(rng(seed), flat.image, boxes)
        inner = found.image[found.top : found.top + 100, found.left : found.left + 400]
        np.testing.assert_array_equal(inner[20:80, 20:376], flat.image[20:80, 20:376])
        held += found.image.shape != flat.image.shape
    assert 20 < held < 35


def test_crops_and_nothing_are_functions_of_the_generator() -> None:
    flat = draw(rng(0))
    for make in (lambda r: camera.crop(r, flat), nothing):
        one, same, other = make(rng(1)), make(rng(1)), make(rng(2))
        np.testing.assert_array_equal(one, same)
        assert one.shape != other.shape or (one != other).any()


def test_nothing_is_of_a_crops_size() -> None:
    for seed in range(25):
        image = nothing(rng(seed, 9))
        assert image.dtype == np.uint8
        assert 60 <= image.shape[1] <= 320
        assert 12 <= image.shape[0] <= 300


def test_scenes_have_their_plates_inside_from_left_to_right() -> None:
    counts = []
    for seed in range(12):
        image, plates = scene(rng(seed), (192, 256))
        assert image.shape == (192, 256, 3)
        counts.append(len(plates))
        middles = []
        for quad, text in plates:
            assert text
            assert (quad >= 0).all()
            assert (quad <= (255, 191)).all()
            assert np.ptp(quad[:, 0]) >= 9.9
            assert cv2.contourArea(quad.astype(np.float32), oriented=True) > 0  # clockwise as seen
            middles.append(quad[:, 0].mean())
        assert middles == sorted(middles)
    assert set(counts) >= {1, 2}
    with pytest.raises(ValueError, match="`size`"):
        scene(rng(0), (127, 256))


def test_a_scenes_plate_is_where_its_corners_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from plates.drawing import scene as street

    flat = FlatPlate(
        np.full((100, 300, 3), (255, 0, 255), np.uint8), "X", "", 1, ((1.0, 1.0, 9.0, 9.0),)
    )
    monkeypatch.setattr(street, "draw", lambda rng, kind, alphabet: flat)
    monkeypatch.setattr(street, "wear", lambda rng, image, boxes: image)
    monkeypatch.setattr(street, "legible", lambda before, after, boxes: after)
    monkeypatch.setattr(street, "board", lambda rng, plate, boxes: Board(plate, 0, 0))
    monkeypatch.setattr(street, "develop", lambda rng, image, *rest: image)
    for seed in range(8):
        image, plates = street.scene(rng(seed), (384, 512))
        seen = (image == (255, 0, 255)).all(-1)
        mask = np.zeros(seen.shape, np.uint8)
        for quad, _ in plates:
            # Shifted bits: cv2 takes fractions of pixels.
            cv2.fillConvexPoly(mask, np.rint(quad * 256).astype(np.int32), 1, shift=8)
        both, either = (seen & (mask > 0)).sum(), (seen | (mask > 0)).sum()
        assert both >= 0.8 * either  # cv2 fills the outermost pixels, too
        if len(plates) == 1:
            middles = [np.argwhere(m).mean(0) for m in (seen, mask)]
            np.testing.assert_allclose(middles[0], middles[1], atol=0.2)
