"""Submissions keep the sample's order and name what is wrong with a csv."""

from pathlib import Path

import pytest

from triptych.submission import labels, rows_in_order, sample_order


def _csv(folder: Path, text: str) -> Path:
    path = folder / "sample.csv"
    path.write_text(text)
    return path


def test_the_order_is_the_samples_not_the_alphabets(tmp_path: Path) -> None:
    sample = _csv(tmp_path, "Id,Category\nb.jpg,0\na.jpg,0\n007.jpg,0\n")
    order = sample_order(sample, "Id")
    assert order == ["b.jpg", "a.jpg", "007.jpg"]
    answers = {"a.jpg": ("3",), "b.jpg": ("1",), "007.jpg": ("2",), "extra.jpg": ("9",)}
    assert rows_in_order(answers, order) == [("b.jpg", "1"), ("a.jpg", "3"), ("007.jpg", "2")]


def test_labels_keep_leading_zeros(tmp_path: Path) -> None:
    assert labels(_csv(tmp_path, "Id,Category\na,01\n"), "Id", "Category") == {"a": "01"}


def test_a_row_without_an_answer_is_named() -> None:
    with pytest.raises(ValueError, match=r"2 rows of the sample have no answer; first: b"):
        rows_in_order({"a": ("1",)}, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Id,Category\na,1\nb,1\na,2\n", r"row 4: Id a stands there twice"),
        ("Name,Category\na,1\n", r"has no column Id; it has: Name, Category"),
        ("", r"cannot be read as a csv"),
    ],
)
def test_a_bad_sample_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample_order(_csv(tmp_path, text), "Id")


def test_a_missing_sample_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.csv cannot be read"):
        sample_order(tmp_path / "nowhere.csv", "Id")
