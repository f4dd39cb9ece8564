"""A dataclass as command line and as file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import tyro

from triptych.config import load, parse, save


@dataclass(frozen=True)
class Part:
    side: int = 3
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Settings:
    """What to do."""

    data: Path
    rate: float = 0.1
    """Share, in [0, 1]."""
    limit: int | None = None
    shape: tuple[int, int] = (1, 2)

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"`rate` must be in [0, 1]; received: rate={self.rate}")


@dataclass(frozen=True)
class Nested:
    data: Path
    parts: tuple[Part, ...] = (Part(), Part(4))
    whole: Settings = Settings(Path())


RECIPES = {
    "plain": Settings(data=tyro.MISSING_NONPROP),
    "fast": Settings(data=tyro.MISSING_NONPROP, rate=0.9),
}


def parsed(*words: str) -> Settings:
    return parse(Settings, words, prog="tool", description="About.", recipes=RECIPES)


def test_recipes_are_defaults_that_flags_change() -> None:
    assert parsed("--data", "a") == Settings(Path("a"))
    assert parsed("fast", "--data", "a") == Settings(Path("a"), rate=0.9)
    assert parsed("fast", "--data", "a", "--rate", "0.5", "--limit", "3") == Settings(
        Path("a"), rate=0.5, limit=3
    )
    assert parse(Settings, ["--data", "b"], prog="tool", description="") == Settings(Path("b"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "a", "--speed", "3"], "--speed"),
        (["--data", "a", "--rate", "high"], "'high'"),
        (["--data", "a", "--rate", "2"], "`rate` must be in [0, 1]"),
        (["fast"], "--data"),
        (["--data", "a", "--shape", "1"], "--shape"),
    ],
)
def test_bad_command_lines(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(*words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_unknown_recipe() -> None:
    with pytest.raises(SystemExit, match="no recipe is called 'slow'; there are: plain, fast"):
        parsed("slow", "--data", "a")


def test_help_tells_of_flags_units_and_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("--help")
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for word in ("About.", "plain, fast", "--data", "Share, in [0, 1]."):
        assert word in out


def test_file_round_trip(tmp_path: Path) -> None:
    settings = Nested(Path("a/b"), (Part(5, "b"),), Settings(Path("c"), 0.25, None, (7, 8)))
    save(settings, tmp_path / "config.json")
    assert load(Nested, tmp_path / "config.json") == settings
    assert json.loads((tmp_path / "config.json").read_text())["parts"] == [{"side": 5, "kind": "b"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"not JSON: .*config\.json"),
        ('{"data": "a", "speed": 3}', r"unknown key in .*config\.json: speed"),
        (
            '{"data": "a", "parts": [{"side": 3}, {"edge": 1}]}',
            r"unknown key in .*: parts\.1\.edge",
        ),
        (
            '{"data": "a", "whole": {"data": "b", "rate": "high"}}',
            r"bad value in .*: whole\.rate: Input should be a valid number",
        ),
        ('{"data": "a", "parts": [{"kind": "c"}]}', r"bad value in .*: parts\.0\.kind: "),
        (
            '{"data": "a", "whole": {"data": "b", "rate": 2}}',
            r"bad value in .*`rate` must be in \[0, 1\]",
        ),
        ("{}", r"bad value in .*: data: Field required"),
        ("[]", r"bad value in .*: the whole: "),
    ],
)
def test_bad_files(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load(Nested, path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no such config: .*none\.json"):
        load(Settings, tmp_path / "none.json")
