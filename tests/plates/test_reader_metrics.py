"""Scores of readings, worked by hand, and the metric that Keras counts while training."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.reader import decode, scores
from plates.reader.metrics import ExactMatch, exact_match
from plates.text import classes

TEXTS = st.text("01IO", max_size=6)

TRUE = ["AB12", "777", "O0I"]
FOUND = ["AB12", "7", "001"]


def one_hot(rows: list[list[int]], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[rows] * 5


def test_exact_match_by_hand() -> None:
    logits = one_hot(
        [
            [1, 1, 0, 1, 2, 2],  # 1 1 2
            [1, 1, 1, 1, 2, 2],  # 1 2
            [0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 3],
            [1, 2, 1, 2, 1, 2],  # more than a label can hold
            [1, 2, 3, 0, 0, 0],
        ],
        4,
    )
    labels = [[1, 1, 2], [1, 1, 2], [0, 0, 0], [0, 0, 0], [1, 2, 1], [1, 2, 0]]
    got = np.asarray(exact_match(np.array(labels), logits))
    assert got.tolist() == [1, 0, 1, 0, 0, 0]
    assert got.dtype == np.float32


def test_exact_match_is_greedy_decoding() -> None:
    """On random columns, whose texts are long and short, compiled as in a training step."""
    rng = np.random.default_rng(0)
    alphabet, length = "ABC", 5
    logits = rng.normal(size=(400, 7, 4)).astype(np.float32)
    logits[:, :, 0] += rng.normal(1, 2, (400, 1))
    log_probs = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    found = [reading.text for reading in decode.greedy(log_probs, alphabet)]
    # Half of the labels are what is read, where that is not too long; the others are near it.
    true = [text[:length] if i % 2 else text[1:length] + "A" for i, text in enumerate(found)]
    labels = np.stack(
        [np.resize([*classes(text, alphabet), *[0] * length], length) for text in true]
    )
    wanted = [t == f for t, f in zip(true, found, strict=True)]
    assert 100 < sum(wanted) < 300
    assert {len(text) for text in found} == set(range(8))
    got = tf.function(exact_match, jit_compile=True)(tf.constant(labels), tf.constant(logits))
    assert got.numpy().tolist() == wanted


def test_the_metric_counts_crops_not_batches() -> None:
    metric = ExactMatch()
    right = one_hot([[1, 2]], 3)
    metric.update_state(np.array([[1, 2]] * 3), np.repeat(right, 3, axis=0))
    metric.update_state(np.array([[2, 1]]), right)
    assert float(metric.result()) == 0.75
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert (type(again), again.name) == (ExactMatch, "exact")


def test_summary_by_hand() -> None:
    """Distances 0, 2 and 2 of 4 + 3 + 3 characters; folded, O0I is 001."""
    assert scores.distances(TRUE, FOUND).tolist() == [0, 2, 2]
    assert scores.summary(TRUE, FOUND) == {
        "exact": pytest.approx(1 / 3),
        "distance": pytest.approx(4 / 3),
        "cer": pytest.approx(0.4),
        "exact_folded": pytest.approx(2 / 3),
        "distance_folded": pytest.approx(2 / 3),
        "cer_folded": pytest.approx(0.2),
    }
    for true, found in (([], []), ([""], ["A"]), (["A"], [])):
        with pytest.raises(ValueError, match="as many texts, not all empty; received: "):
            scores.summary(true, found)


def test_parts() -> None:
    table = scores.by_part(["cz", "br", "cz"], TRUE, FOUND)
    assert table["part"].tolist() == ["br", "cz"]
    assert table["crops"].tolist() == [1, 2]
    assert table["distance"].tolist() == [2, 1]
    # What is not known stands beside numbers.
    mixed = scores.by_part([2, "unknown", 1], TRUE, FOUND)
    assert mixed["part"].tolist() == [1, 2, "unknown"]


def test_alignment_and_confusion_by_hand() -> None:
    assert scores.align("AB12", "B172") == [
        ("A", ""),
        ("B", "B"),
        ("1", "1"),
        ("", "7"),
        ("2", "2"),
    ]
    counts = scores.confusion(["AB", "B", ""], ["AA", "", "B"], "AB")
    assert counts.tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    with pytest.raises(ValueError, match="must have every character; received: 'C'"):
        scores.confusion(["A"], ["C"], "AB")


@settings(max_examples=30, deadline=None)
@given(TEXTS, TEXTS)
def test_an_alignment_is_both_texts_with_the_fewest_mistakes(true: str, found: str) -> None:
    pairs = scores.align(true, found)
    assert "".join(t for t, _ in pairs) == true
    assert "".join(f for _, f in pairs) == found
    assert sum(t != f for t, f in pairs) == scores.distances([true], [found])[0]


def test_coverage_by_hand() -> None:
    """Of five crops four are answered; two are as sure as each other, and pass together."""
    confidence, right = np.array([0.5, 0.9, 0.8, 0.8]), np.array([True, True, False, True])
    curve = scores.coverage(confidence, right, total=5)
    assert curve["threshold"].tolist() == [0.9, 0.8, 0.5]
    assert curve["answered"].tolist() == pytest.approx([0.2, 0.6, 0.8])
    assert curve["precision"].tolist() == pytest.approx([1, 2 / 3, 3 / 4])
    assert scores.answerable(curve, 0.75) == pytest.approx((0.8, 0.5))
    assert scores.answerable(curve, 0.99) == pytest.approx((0.2, 0.9))
    assert scores.risk_area(curve) == pytest.approx(0.4 / 3 + 0.2 / 4)
    wrong = scores.coverage(confidence, np.zeros(4, bool), total=5)
    assert scores.answerable(wrong, 0.1) == (0, None)
    none = scores.coverage(confidence[:0], right[:0], total=5)
    assert (scores.answerable(none, 0.99), scores.risk_area(none)) == ((0, None), 0)
    with pytest.raises(ValueError, match="received: NaN"):
        scores.coverage(np.array([np.nan]), right[:1], total=1)
    with pytest.raises(ValueError, match=r"must be in \(0, 1\]; received: precision=0"):
        scores.answerable(curve, 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.3, 0.7, 0.9]), st.booleans()), min_size=1))
def test_every_row_of_the_coverage_is_a_gate(answers: list[tuple[float, bool]]) -> None:
    table = pd.DataFrame(answers, columns=["sure", "right"])
    curve = scores.coverage(table["sure"].to_numpy(), table["right"].to_numpy(), len(table))
    assert curve["threshold"].tolist() == sorted({sure for sure, _ in answers}, reverse=True)
    for threshold, answered, precision in curve.itertuples(index=False):
        let_through = table[table["sure"] >= threshold]
        assert answered == len(let_through) / len(table)
        assert precision == pytest.approx(let_through["right"].mean())
