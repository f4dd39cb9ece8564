"""Pictures that tell how a run went."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  (after the backend is chosen)


def curves(history: Path, to: Path) -> None:
    """Draw the csv of `triptych.history`: loss, metric and learning rate by epoch."""
    table = pd.read_csv(history)
    shown = ["loss", "accuracy", "learning_rate"]
    names = [n for n in shown if n in table]
    figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 3.5), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        axis.plot(table["epoch"], table[name], label="training", color="tab:blue")
        if f"val_{name}" in table:
            axis.plot(table["epoch"], table[f"val_{name}"], label="validation", color="tab:orange")
            axis.legend()
        axis.set_xlabel("epoch")
        axis.set_title(name.replace("_", " "))
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(to, dpi=100)
    plt.close(figure)
