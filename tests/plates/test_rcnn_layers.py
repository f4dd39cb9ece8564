"""The steps between the convolutions, on pictures whose answer is known."""

import keras
import numpy as np
import pytest
from keras import ops

from plates.detector import targets
from plates.detector.rcnn import SIDE, layers, masks
from plates.detector.rcnn import boxes as box_math
from plates.detector.rcnn.anchors import anchors

STRIDES = (8, 16, 32)
CANVAS = np.zeros((2, 96, 160, 3), np.uint8)
QUAD = np.array([(19.5, 15.5), (79.5, 19.5), (77.5, 43.5), (17.5, 39.5)])
TRUTH = np.stack([targets.truth(QUAD[None]), targets.truth(np.empty((0, 4, 2)))])
BOX = (18, 16, 80, 44)  # around QUAD, continuous
PLACES = np.asarray(ops.convert_to_numpy(anchors(96, 160, STRIDES, layers.SCALES, layers.RATIOS)))


def _numbers(values: object) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(values))


def test_true_boxes_by_hand() -> None:
    found = _numbers(layers.true_boxes(TRUTH, 96, 160))
    assert found.shape == (2, targets.MOST, 4)
    assert found[0, 0].tolist() == list(BOX)
    assert not found[0, 1:].any()
    assert not found[1].any()
    out = targets.truth(QUAD[None] - (60, 0))  # partly beyond the left edge
    assert _numbers(layers.true_boxes(out[None], 96, 160))[0, 0].tolist() == [0, 16, 20, 44]


def test_the_first_loss_is_nothing_for_the_right_answer() -> None:
    """Sure of what overlaps the plate, sure that nothing else is one, and exact about where."""
    overlaps = _numbers(box_math.iou(PLACES, np.array([BOX], np.float32)))[:, 0]
    best = overlaps >= min(0.5, overlaps.max() * 0.999)
    logits = np.where(best, 30.0, -30.0)[None] * [[1.0], [0.0]] + [[0.0], [-30.0]]
    deltas = _numbers(box_math.encode(np.array(BOX, np.float32), PLACES, layers.FIRST))
    step = layers.FirstLoss(STRIDES)
    right = _numbers(step([CANVAS, TRUTH, logits, np.stack([deltas] * 2)]))
    np.testing.assert_allclose(right, 0, atol=1e-5)
    wrong = _numbers(step([CANVAS, TRUTH, -logits, np.stack([deltas + 1] * 2)]))
    assert (wrong[:, 0] > 10).all()
    assert wrong[0, 1] > 0
    assert wrong[1, 1] == 0  # nothing to be placed


def test_proposals_are_the_surest_that_none_better_covers() -> None:
    """Anchors that all say the same box, one of them another; the rest is not sure."""
    logits = np.full((2, len(PLACES)), -5.0)
    deltas = np.zeros((2, len(PLACES), 4), np.float32)
    other = (100, 50, 150, 70)
    for number, (place, box) in enumerate([(30, BOX), (31, BOX), (60, other)]):
        logits[0, place] = 9.0 - number
        deltas[0, place] = _numbers(
            box_math.encode(np.array(box, np.float32), PLACES[place], layers.FIRST)
        )
    found = _numbers(layers.Proposals(STRIDES, first=3, most=8)([CANVAS, logits, deltas]))
    np.testing.assert_allclose(found[0, 0], BOX, atol=1e-3)
    np.testing.assert_allclose(found[0, 1], other, atol=1e-3)
    assert not found[0, 2:].any()
    many = _numbers(layers.Proposals(STRIDES, first=5000, most=8)([CANVAS, logits, deltas]))
    np.testing.assert_allclose(many[0, :2], found[0, :2])


def test_samples_are_plates_first_and_then_what_is_none() -> None:
    """The plate, its two neighbours and a proposal near it; a proposal far from it."""
    near = np.add(BOX, (2, 1, 2, 1))
    far = (100, 50, 150, 70)
    proposals = np.array([[near, far, (0,) * 4], [far, (0,) * 4, (0,) * 4]], np.float32)
    boxes, index, marks = (
        _numbers(one) for one in layers.Samples(4, 6)([CANVAS, TRUTH, proposals])
    )
    assert marks.tolist() == [[2, 2, 2, 2, 1, 0], [1, 0, 0, 0, 0, 0]]
    positive = boxes[0, :4].tolist()
    assert list(BOX) in positive
    assert near.tolist() in positive
    moved = np.array([box for box in positive if box not in (list(BOX), near.tolist())])
    assert len(moved) == layers.NEAR
    sides = np.array([62, 28, 62, 28])
    assert (np.abs(moved - BOX) <= layers.FAR * sides + 1e-4).all()
    assert np.abs(moved - BOX).max(1).min() > 1
    assert boxes[0, 4].tolist() == list(far)
    assert not boxes[0, 5].any()
    assert index[0, :4].tolist() == [0] * 4
    few = _numbers(layers.Samples(2, 6)([CANVAS, TRUTH, proposals])[2])
    assert few[0].tolist() == [2, 2, 1, 0, 0, 0]


def test_noise_without_training_is_even_everywhere() -> None:
    """A picture's finest map alone has tens of thousands of anchors."""
    noise = _numbers(layers.Samples().noise(np.zeros((1, 200_000), np.int8), training=False))[0]
    for part in np.array_split(noise, 20):
        assert np.histogram(part, 10, (0, 1))[0].min() > 0.8 * len(part) / 10


def test_the_second_loss_is_nothing_for_the_right_answer() -> None:
    boxes = np.array([[np.add(BOX, 2), (100, 50, 150, 70)], [(0,) * 4] * 2], np.float32)
    marks, index = np.array([[2.0, 1], [0, 0]]), np.zeros((2, 2), int)
    deltas = _numbers(box_math.encode(np.array(BOX, np.float32), boxes[0, :1], layers.SECOND))
    answers = np.zeros((4, 5), np.float32)
    answers[0] = [30, *deltas[0]]
    answers[1, 0] = -30
    answers[2:] = np.nan  # what does not count may say anything
    shape = _numbers(masks.targets(masks.grown(boxes[0, 0]), QUAD + 0.5))
    drawn = np.zeros((2, SIDE, SIDE))
    drawn[0] = np.log((shape + 1e-9) / (1 - shape + 1e-9))
    loss = layers.SecondLoss()
    right = _numbers(loss([CANVAS, TRUTH, boxes, index, marks, answers, drawn]))
    np.testing.assert_allclose(right[:, :2], 0, atol=1e-5)
    assert right[0, 2] < 0.15  # cells on the edge are in part
    assert right[1].tolist() == [0, 0, 0]
    wrong = _numbers(loss([CANVAS, TRUTH, boxes, index, marks, -answers, -drawn]))
    assert (wrong[0] > 5 * right[0] + 0.1).all()


def test_found_are_told_once_and_sorted() -> None:
    proposals = np.array([[np.add(BOX, 1), BOX, (100, 50, 150, 70), (0,) * 4]], np.float32)
    answers = np.zeros((4, 5), np.float32)
    answers[:, 0] = [1.0, 2.0, 0.5, 9.0]
    boxes, scores = (_numbers(one) for one in layers.Found(3)([CANVAS[:1], proposals, answers]))
    np.testing.assert_allclose(boxes[0], [BOX, (100, 50, 150, 70), (0,) * 4], atol=1e-4)
    np.testing.assert_allclose(scores[0], [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-0.5)), 0])


@pytest.mark.parametrize("training", [True, False])
def test_samples_differ_in_training_alone(training: bool) -> None:
    step = layers.Samples(4, 8, seed=1)
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 60, (2, 64, 2))
    proposals = np.concatenate([low, low + 20], -1).astype(np.float32)
    first, second = (
        _numbers(step([CANVAS, TRUTH, proposals], training=training)[0]) for _ in range(2)
    )
    assert (first == second).all() == (not training)


@pytest.mark.parametrize(
    "step",
    [
        layers.FirstLoss(STRIDES, seed=3),
        layers.Proposals(STRIDES, 9, 5),
        layers.Samples(3, 5, seed=2),
        layers.Cut(STRIDES, 7, 2, wide=True),
        layers.SecondLoss(),
        layers.Found(7),
    ],
    ids=lambda step: type(step).__name__,
)
def test_saved_and_made_again(step: keras.layers.Layer) -> None:
    saved = keras.saving.serialize_keras_object(step)
    again = keras.saving.deserialize_keras_object(saved)
    assert again.get_config() == step.get_config()
