"""Run folders: made, never overwritten by chance, and written in whole files."""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from triptych import run


def test_create(tmp_path: Path) -> None:
    path = run.create(tmp_path / "runs" / "deeper", "first")
    assert path == tmp_path / "runs" / "deeper" / "first"
    assert path.is_dir()
    dated = run.create(tmp_path, "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-\d{6}", dated.name)


def test_a_run_folder_that_exists(tmp_path: Path) -> None:
    path = run.create(tmp_path, "first")
    (path / "config.json").write_text("{}")
    (path / "history.csv").write_text("epoch")
    with pytest.raises(FileExistsError, match=r"first exists; choose another -n, or --overwrite"):
        run.create(tmp_path, "first")
    assert (path / "history.csv").read_text() == "epoch"
    run.create(tmp_path, "first", overwrite=True)
    assert list(path.iterdir()) == []


def test_overwrite_replaces_runs_only(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_text("dear to me")
    with pytest.raises(ValueError, match="photos is no run folder"):
        run.create(tmp_path, "photos", overwrite=True)
    assert (tmp_path / "photos" / "1.jpg").exists()


def test_check(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none is not a run folder: it has no config\.json"):
        run.check(tmp_path / "none")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"it has no model\.keras"):
        run.check(tmp_path)
    (tmp_path / "model.keras").write_text("")
    run.check(tmp_path)


def test_json_and_rows_are_written_in_one_step(tmp_path: Path) -> None:
    run.write_json(tmp_path / "a.json", {"name": "Škoda"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"name": "Škoda"}
    rows = [("a, b", 'with "quotes"'), ("zwei\nZeilen", "")]
    run.write_rows(tmp_path / "a.csv", ("x", "y"), rows)
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["x", "y"], *map(list, rows)]
    before = (tmp_path / "a.json").read_bytes()
    with pytest.raises(TypeError):
        run.write_json(tmp_path / "a.json", {"path": tmp_path})
    assert (tmp_path / "a.json").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.json"]


@dataclass(frozen=True)
class Settings:
    data: Path
    rate: float = 0.1


def test_config_and_environment(tmp_path: Path) -> None:
    run.write_config(tmp_path, Settings(Path("pictures")))
    assert json.loads((tmp_path / "config.json").read_text()) == {"data": "pictures", "rate": 0.1}
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment == run.environment()
    assert {"keras", "numpy"} <= set(environment["packages"])
    assert environment["cores"] >= 1
