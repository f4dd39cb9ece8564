"""Pictures that tell how a run went."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

# Files are drawn, never windows.
mpl.use("Agg")

_RIGHT, _WRONG = np.array([31, 119, 180]) / 255, np.array([214, 39, 40]) / 255
_MOST_NAMED = 40
_MOST_PAIRS = 30


def curves(history: Path, to: Path) -> None:
    """Draw the csv of `callbacks.Log`: loss, metrics and learning rate by epoch."""
    table = pd.read_csv(history)
    shown = ["loss", "accuracy", "mse", "exact", "learning_rate"]
    names = [n for n in shown if n in table]
    figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 3.5), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        axis.plot(table["epoch"], table[name], label="training", color="tab:blue")
        if f"val_{name}" in table:
            axis.plot(table["epoch"], table[f"val_{name}"], label="validation", color="tab:orange")
            axis.legend()
        if name == "learning_rate":
            axis.set_yscale("log")  # a stage's rate may be a hundredth of the one before
        axis.set_xlabel("epoch")
        axis.set_title(name.replace("_", " "))
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(to, dpi=100)
    plt.close(figure)


def range_test(finder: Any, to: Path) -> None:
    """Draw the curve of a learning rate range test, a `callbacks.LRFinder`."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    finder.plot(axes)
    axes.grid(alpha=0.3)
    figure.savefig(to, dpi=100)
    plt.close(figure)


def confusion(counts: np.ndarray, names: Sequence[str], to: Path) -> None:
    """Draw a confusion matrix [C, C] (row = true class, column = answer) as a PNG.

    Right answers are blue, wrong ones red, the deeper the larger their share of the row. Up to 40
    classes every cell has its number and every row its name; with more, the map stands beside a
    list of the 30 most frequent confusions.
    """
    classes = len(names)
    if classes <= _MOST_NAMED:
        side = 3.5 + 0.42 * classes
        figure, axis = plt.subplots(figsize=(side + 1, side), layout="constrained")
        _map(axis, counts)
        for row, column in zip(*np.nonzero(counts), strict=True):
            is_deep = 2 * counts[row, column] > counts[row].sum()
            colour = "white" if is_deep else "black"
            axis.text(column, row, counts[row, column], ha="center", va="center", color=colour)
        cut = [_cut(name) for name in names]
        axis.set_xticks(range(classes), cut, rotation=45, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(classes), cut)
        axis.set_xticks(np.arange(classes - 1) + 0.5, minor=True)
        axis.set_yticks(np.arange(classes - 1) + 0.5, minor=True)
        axis.grid(which="minor", color="0.88", linewidth=0.8)
        axis.tick_params(which="minor", length=0)
    else:
        figure, (axis, beside) = plt.subplots(
            1, 2, figsize=(19, 10.5), width_ratios=(5, 1), layout="constrained"
        )
        _map(axis, counts)
        _pairs(beside, counts, names)
    right, total = int(counts.trace()), int(counts.sum())
    axis.set_title(f"{right} of {total} right")
    axis.set_xlabel("answer")
    axis.set_ylabel("true class")
    figure.savefig(to, dpi=100)
    plt.close(figure)


def reliability(table: pd.DataFrame, error: float, to: Path) -> None:
    """Draw confidence against accuracy as a PNG, and below how many pictures each bar stands for.

    `table` has a row a bin with low, high, pictures, confidence, accuracy (NaN where empty);
    `error` is the expected calibration error.
    """
    share = table["pictures"] / table["pictures"].sum()
    confidence, right = ((table[name] * share).sum() for name in ("confidence", "accuracy"))
    verdict = (
        "more often right than it says" if right > confidence else "less often right than it says"
    )
    middle, width = (table["low"] + table["high"]) / 2, table["high"] - table["low"]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(7, 8), height_ratios=(3, 1), sharex=True, layout="constrained"
    )
    above.bar(
        middle, table["accuracy"], 0.92 * width, color="#7fb3d8", label="right, of these pictures"
    )
    above.plot([0, 1], [0, 1], "k--", linewidth=1, label="as confident as right")
    above.plot(table["confidence"], table["accuracy"], "o", color="black", markersize=4)
    above.vlines(
        table["confidence"],
        table["accuracy"],
        table["confidence"],
        color=_WRONG,
        linewidth=2,
        label="gap",
    )
    above.set(ylabel="share of right answers", ylim=(0, 1.02), xlim=(0, 1))
    above.set_title(
        f"mean confidence {confidence:.1%}, accuracy {right:.1%}: {verdict}\n"
        f"expected calibration error {error:.1%}",
        fontsize=11,
    )
    bars = below.bar(middle, table["pictures"], 0.92 * width, color="0.6")
    below.bar_label(bars, [n or "" for n in table["pictures"]], fontsize=8)
    below.margins(y=0.15)
    below.set(xlabel="confidence: probability of the answer", ylabel="pictures")
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(to, dpi=100)
    plt.close(figure)


def _map(axis: Axes, counts: np.ndarray) -> None:
    totals = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(totals, 1)
    # A confusion of one picture in a hundred should still be seen, hence the step above zero.
    depth = np.where(share > 0, 0.25 + 0.75 * share, 0)[..., None]
    colour = np.where(np.eye(len(counts), dtype=bool)[..., None], _RIGHT, _WRONG)
    picture = 1 - depth * (1 - colour)
    picture[totals[:, 0] == 0] = 0.93
    axis.imshow(picture, interpolation="nearest")


def _pairs(axis: Axes, counts: np.ndarray, names: Sequence[str]) -> None:
    """The most frequent confusions as bars, the first on top."""
    wrong = counts - np.diag(counts.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    rows, columns = np.unravel_index(order[wrong.ravel()[order] > 0], wrong.shape)
    numbers = wrong[rows, columns]
    labels = [
        f"{_cut(names[r])} ({r})  →  {_cut(names[c])} ({c})"
        for r, c in zip(rows, columns, strict=True)
    ]
    bars = axis.barh(labels, numbers, color=_WRONG)
    totals = counts.sum(axis=1)[rows]
    axis.bar_label(bars, [f"{n} of {t}" for n, t in zip(numbers, totals, strict=True)], padding=3)
    axis.set_ylim(_MOST_PAIRS - 0.5, -0.5)
    axis.margins(x=0.25)
    axis.set_title("most frequent confusions:  true class (row)  →  answer (column)", loc="right")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)


def _cut(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
