"""Cutting, judging and ordering plates in TensorFlow operations: as numpy and OpenCV have it."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import gate, geometry, graph, pipeline
from plates import rectify as reference
from plates.pipeline import Found
from plates.reader.decode import Reading

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def _quad(rng: np.random.Generator) -> np.ndarray:
    """A leaning quad that may reach out of the picture."""
    middle, size = rng.uniform((0, 0), (90, 60)), rng.uniform((8, 5), (50, 30))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * size
    return geometry.reading_order(middle + corners + rng.uniform(-0.2, 0.2, (4, 2)) * size)


QUADS = [_quad(np.random.default_rng(seed)) for seed in range(60)]


def test_which_quads_can_be_cut() -> None:
    rng = np.random.default_rng(1)
    crossed = [quad[[0, 2, 1, 3]] for quad in QUADS[:3]]
    tiny = [quad * 0.01 + 30 for quad in QUADS[:3]]
    quads = np.array([*QUADS, *crossed, *tiny, QUADS[0] + 200, rng.uniform(0, 60, (4, 2))])
    expected = [not geometry.problem(quad, 60, 90) for quad in quads]
    assert 5 < sum(expected) < len(quads) - 5
    assert graph.is_sound(tf.constant(quads), 60, 90).numpy().tolist() == expected


@pytest.mark.parametrize("name", ["rectify", "turned", "box"])
def test_crops_are_those_of_the_pipeline(name: str) -> None:
    cut = tf.function(getattr(graph, name))
    sound = [quad for quad in QUADS if not geometry.problem(quad, 60, 90)]
    off = total = 0
    for quad in sound:
        expected = getattr(reference, name)(PICTURE, quad, 0.05)
        crop = cut(tf.constant(PICTURE), tf.constant(quad), 0.05).numpy()
        assert crop.shape == expected.shape
        apart = np.abs(crop.astype(int) - expected)
        # This picture is noise: no neighbours are more apart.
        assert apart.max() <= 1
        off, total = off + int((apart > 0).sum()), total + apart.size
    assert off <= 0.005 * total


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["", "A", "AB1"]))))
@settings(max_examples=30, deadline=None)
def test_the_gate_is_that_of_the_pipeline(some: list[tuple[float, float, str]]) -> None:
    some = [(0.9, 0.2, ""), *some]
    characters = np.array([[w] * len(t) + [0.0] * (4 - len(t)) for _, w, t in some], np.float32)
    found = {
        "text": tf.constant([text for *_, text in some]),
        "confidence": tf.constant([sure for _, sure, _ in some], tf.float32),
        "characters": tf.constant(characters),
    }
    scores = np.array([score for score, *_ in some], np.float32)
    kept = graph.keeps(tf.constant(scores), found, 0.45, 0.4).numpy().tolist()
    for score, told, (_, weakest, text) in zip(scores.tolist(), kept, some, strict=True):
        sure = float(np.float32(weakest))
        reading = Reading(text, (sure,) * len(text), sure)
        assert told == gate.keeps(score, reading, 0.45, 0.4)


def test_order_is_that_of_the_pipeline() -> None:
    rng = np.random.default_rng(2)
    for count in (0, 1, 2, 5, 9):
        quads = np.array([_quad(rng) for _ in range(count)]).reshape(-1, 4, 2)
        found = [Found(quad, 1.0, Reading("", (), 1.0)) for quad in quads]
        order = graph.in_order(tf.constant(quads)).numpy()
        expected = [one.corners.tolist() for one in pipeline.in_order(found)]
        assert quads[order].tolist() == expected
