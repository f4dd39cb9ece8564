"""The examples of callbacks/README.md run, each by itself, on every backend of Keras."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import callbacks

ROOT = Path(__file__).parents[2]
README = (ROOT / "callbacks" / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
RUN = """
import sys
import keras
print("on", keras.backend.backend())
for example in sys.stdin.read().split("=====\\n"):
    exec(compile(example, example, "exec"), {})
    print("-- ran")
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_examples(backend: str, tmp_path: Path) -> None:
    """In a folder that has the package `callbacks` and nothing else of the repository."""
    (tmp_path / "callbacks").symlink_to(ROOT / "callbacks")
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input="=====\n".join(EXAMPLES),
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"on {backend}\n")
    assert done.stdout.count("-- ran") == len(EXAMPLES)


def test_every_callback_has_an_example_and_each_is_short() -> None:
    for name in callbacks.__all__:
        assert any(f"{name}(" in example for example in EXAMPLES), name
        assert f"`{name}`" in README
    assert max(len(example.splitlines()) for example in EXAMPLES) <= 12
