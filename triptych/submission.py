"""Contest submissions: a csv with one row a picture, in the order of the contest's sample."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd


def sample_order(sample: Path, key: str) -> list[str]:
    """The values of column `key` of a sample submission, in its order.

    Raises:
        ValueError: not a csv, no such column, or a value that stands there twice (with its row).
    """
    return list(labels(sample, key))


def labels(csv: Path, key: str, value: str | None = None) -> dict[str, str]:
    """Column `key` -> column `value` (or "") of a csv, in its order; raises as `sample_order`."""
    try:
        table = pd.read_csv(csv, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{csv} cannot be read as a csv: {error}") from error
    for column in (key, value):
        if column is not None and column not in table:
            raise ValueError(f"{csv} has no column {column}; it has: {', '.join(table.columns)}")
    twice = table.index[table[key].duplicated()]
    if len(twice):
        row = int(twice[0])
        raise ValueError(f"{csv}, row {row + 2}: {key} {table[key][row]} stands there twice")
    return dict(zip(table[key], table[value] if value else [""] * len(table), strict=True))


def rows_in_order(
    answers: Mapping[str, Sequence[str]], order: Sequence[str]
) -> list[tuple[str, ...]]:
    """(key, answer...) for every key of `order`.

    Raises:
        ValueError: a key without an answer; names the first and their number.
    """
    if missing := [key for key in order if key not in answers]:
        raise ValueError(f"{len(missing)} rows of the sample have no answer; first: {missing[0]}")
    return [(key, *answers[key]) for key in order]
