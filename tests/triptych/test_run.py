"""Run folders: made, never overwritten by chance, and written in whole files."""

import csv
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from triptych import run


@dataclass(frozen=True)
class Settings:
    data: Path
    rate: float = 0.1
    precision: str = "auto"


SETTINGS = Settings(Path("pictures"))


def choose(runs: Path, name: str, **wishes: bool) -> tuple[Path, str]:
    return run.choose(runs, name, **{"overwrite": False, "resume": False} | wishes)


def test_a_new_run(tmp_path: Path) -> None:
    path, state = choose(tmp_path / "runs" / "deeper", "first")
    assert (path, state) == (tmp_path / "runs" / "deeper" / "first", "new")
    run.create(path, SETTINGS)
    assert sorted(p.name for p in path.iterdir()) == [
        *("checkpoints", "config.json", "environment.json"),
    ]
    dated, state = choose(tmp_path, "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-\d{6}", dated.name)
    assert state == "new"


def test_a_run_folder_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "first"
    run.create(path, SETTINGS)
    (path / "history.csv").write_text("epoch")
    with pytest.raises(FileExistsError, match=r"first exists; choose .* or --overwrite, or --res"):
        choose(tmp_path, "first")
    assert choose(tmp_path, "first", overwrite=True) == (path, "new")
    assert (path / "history.csv").read_text() == "epoch"
    run.create(path, SETTINGS)
    assert not (path / "history.csv").exists()


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "first"
    assert choose(tmp_path, "first", resume=True) == (path, "new")
    run.create(path, SETTINGS)
    assert choose(tmp_path, "first", resume=True) == (path, "new")
    (path / "checkpoints" / "000001.safetensors").write_text("")
    assert choose(tmp_path, "first", resume=True) == (path, "unfinished")
    run.finish(path)
    assert choose(tmp_path, "first", resume=True) == (path, "new")  # there is no model
    (path / "model.keras").write_text("")
    assert choose(tmp_path, "first", resume=True) == (path, "finished")
    with pytest.raises(ValueError, match="--resume needs the name of the run, -n"):
        choose(tmp_path, "", resume=True)


def test_a_kill_while_a_run_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be found under its name is a whole run, or none."""
    path = tmp_path / "first"
    run.create(path, SETTINGS)
    (path / "model.keras").write_text("")

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", dies)
        with pytest.raises(KeyboardInterrupt):
            run.create(path, SETTINGS)
    assert choose(tmp_path, "first", resume=True)[1] in ("new", "unfinished")
    run.create(path, SETTINGS)
    assert [p.name for p in tmp_path.iterdir()] == ["first"]
    run.require_same(path, replace(SETTINGS, rate=0.1), ())


def test_goes_on_with_the_same_settings_only(tmp_path: Path) -> None:
    run.create(tmp_path / "first", replace(SETTINGS, precision="mixed_float16"))
    again = run.require_same(tmp_path / "first", replace(SETTINGS, data=Path("moved")), {"data"})
    assert again == Settings(Path("moved"), precision="mixed_float16")
    with pytest.raises(ValueError, match=r"go on with .*first: `rate` was 0\.1 and is 0\.2$"):
        run.require_same(tmp_path / "first", replace(SETTINGS, rate=0.2), {"data"})
    run.create(tmp_path / "whole", replace(SETTINGS, rate=1))
    run.require_same(tmp_path / "whole", replace(SETTINGS, rate=1), ())
    with pytest.raises(ValueError, match="`precision` was mixed_float16 and is float32"):
        run.require_same(tmp_path / "first", replace(SETTINGS, precision="float32"), {"data"})


@pytest.mark.parametrize("wish", ["overwrite", "resume"])
def test_only_runs_are_replaced(wish: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_text("dear to me")
    with pytest.raises(ValueError, match="photos is no run folder"):
        choose(tmp_path, "photos", **{wish: True})
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


def test_config_and_environment(tmp_path: Path) -> None:
    run.write_config(tmp_path, SETTINGS)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written == {"data": "pictures", "rate": 0.1, "precision": "auto"}
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment == run.environment()
    assert {"keras", "numpy"} <= set(environment["packages"])
    assert environment["cores"] >= 1
