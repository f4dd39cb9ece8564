"""What the user named on the command line -> picture files."""

from collections.abc import Sequence
from pathlib import Path

from triptych import inputs
from triptych.submission import sample_order


def find(paths: Sequence[Path], images: Path | None) -> list[Path]:
    """Picture files of folders, of csv files with a column Id, and named singly.

    A csv's pictures are in `images`, by default in test_upload beside it. Raises as
    `triptych.inputs.find`.
    """

    def listed(csv: Path) -> list[Path]:
        folder = images or csv.parent / "test_upload"
        return [folder / name for name in sample_order(csv, "Id")]

    return inputs.find(paths, listed)


def find_sample(paths: Sequence[Path]) -> Path | None:
    """The sample submission that belongs to the inputs, if there is one."""
    for path in paths:
        if path.suffix == ".csv":
            return path
        for folder in (path, path.parent):
            if (folder / "sample-submission.csv").is_file():
                return folder / "sample-submission.csv"
    return None
