"""`python -m carclf.find_lr`: a picture, a table, three rates, and nothing else left behind."""

import csv
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from carclf.config import Config
from carclf.find_lr import FindLR, find
from carclf.train import train
from triptych.stage import Stage, stage_text

STAGES = (Stage("head", 1, 5e-3, size="32", batch=8), Stage("all", 1, 3e-3, size="40", batch=8))


def test_from_the_command_line(tree_dir: Path, run_cli: Any, tmp_path: Path) -> None:
    flags = ["--data", tree_dir, "--backbone", "tiny", "--weights", "none", "--batches", 12]
    flags += ["--stages", *map(stage_text, STAGES), "--stage", 2, "--max-lr", 10]
    done = run_cli("carclf.find_lr", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["find_lr.csv", "find_lr.png"]
    rates = dict(line.split(":") for line in done.stdout.splitlines() if line.count(":") == 1)
    rates = {name.strip(): float(rate) for name, rate in rates.items() if name[0] == " "}
    assert list(rates) == ["steepest", "valley", "minimum"]
    assert all(1e-7 <= rate <= 10 for rate in rates.values())
    assert "stage 2 has 0.003; curve in find_lr.png" in done.stdout
    with (tmp_path / "find_lr.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["learning_rate"]) == pytest.approx(1e-6)
    assert 4 <= len(rows) <= 12
    assert Image.open(tmp_path / "find_lr.png").size == (700, 400)


def test_a_flag_of_trainings_alone_is_an_error(tree_dir: Path, run_cli: Any) -> None:
    done = run_cli("carclf.find_lr", "--data", tree_dir, "--ema", "0.9")
    assert done.returncode != 0
    assert "--ema" in done.stderr


def test_starts_from_a_run(tree_dir: Path, tmp_path: Path, capsys: Any) -> None:
    """At rates that change nothing, the loss says whose weights they are."""
    common: dict[str, Any] = {"backbone": "tiny", "weights": "none", "augment": "none"}
    stages = (Stage("all", 12, 1e-2, size="32", batch=9, freeze_bn=False),)
    run = train(Config(tree_dir, "run", tmp_path, stages=stages, **common))
    losses = []
    for start in (None, run):
        to = tmp_path / "lr.png"
        rates: dict[str, Any] = {"min_lr": 1e-12, "max_lr": 1e-11, "batches": 6}
        find(FindLR(tree_dir, stages=stages, from_run=start, to=to, **rates, **common))
        with to.with_suffix(".csv").open(newline="") as file:
            losses.append([float(row["loss"]) for row in csv.DictReader(file)])
    assert max(losses[1]) < min(losses[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": 3}, r"`stage` must be 1 to 2; received: stage=3"),
        ({"to": Path("curve.jpg")}, r"`to` must end in \.png; received: to=curve\.jpg"),
        ({"min_lr": 2.0}, r"`min_lr` must be in \(0, max_lr\); received: min_lr=2\.0"),
    ],
)
def test_arguments_out_of_range(change: dict[str, Any], message: str, tree_dir: Path) -> None:
    with pytest.raises(ValueError, match=message):
        find(FindLR(tree_dir, stages=STAGES, **change))
