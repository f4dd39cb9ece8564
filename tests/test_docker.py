"""The Dockerfile, which cannot be built everywhere: what it copies and runs is there."""

import importlib
import json
import re
from configparser import ConfigParser
from pathlib import Path

from triptych.config import parse

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()


def test_what_is_copied_is_there_and_may_be_seen() -> None:
    copied = [words.split()[1:-1] for words in LINES if words.startswith("COPY ")]
    seen = (ROOT / ".dockerignore").read_text().splitlines()
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists(), name
        assert f"!{name}" in seen


def test_what_is_installed_is_an_extra() -> None:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    (extras,) = re.findall(r"'\.\[(.+)\]'", "\n".join(LINES))
    assert set(extras.split(",")) <= set(config["options.extras_require"])


def test_its_commands_are_read_as_they_stand() -> None:
    (run,) = [json.loads(line.removeprefix("CMD ")) for line in LINES if line.startswith("CMD ")]
    (example,) = [line.split("triptych python")[1] for line in LINES if "triptych python" in line]
    for words in (run, ["python", *example.split()]):
        assert words[:2] == ["python", "-m"]
        config = parse(importlib.import_module(words[2]).Config, words[3:], prog="", description="")
        assert config.address.host == "0.0.0.0"
        assert f"EXPOSE {config.address.port}" in LINES


def test_its_health_check_is_python() -> None:
    (check,) = [re.findall(r"CMD (\[.+\])", line) for line in LINES if "HEALTHCHECK" in line]
    words = json.loads(check[0])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "HEALTHCHECK", "exec")
