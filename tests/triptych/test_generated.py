"""Folders of generated pictures, from free to whole; and processes that end with their parent."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from triptych import generated

MARKER = "drawn.json"
SETTINGS = {"seed": 3, "size": [60, 80], "scale": "(0.9, 1.1)"}

# Spawned processes import the program that starts them, so it must be a file.
PROGRAM = """
import itertools, json, os, signal, sys, time
from pathlib import Path
from triptych import generated

def mark(path):
    (path.parent / f"pid-{os.getpid()}").touch()
    path.touch()
    time.sleep(float(sys.argv[2]))

def tell(job):
    import cv2
    if isinstance(job, Path):
        mark(job)
    if job == 2000:
        raise ValueError("job 2000")
    return os.getpid(), cv2.getNumThreads(), signal.getsignal(signal.SIGINT) == signal.SIG_IGN

paths = [Path(sys.argv[1]) / f"job-{k}" for k in range(400)]
if __name__ == "__main__" and sys.argv[3:] == ["only mark"]:
    with generated.in_processes(mark, 2) as each:
        list(each(paths))
elif __name__ == "__main__":
    answer = {"pid": os.getpid(), "jobs": [], "told": set()}
    with generated.in_processes(tell, 2) as each:
        try:
            for job, told in each(itertools.count()):
                answer["jobs"].append(job)
                answer["told"].add(told)
        except ValueError as error:
            answer["error"] = str(error)
        left = each(paths)  # as a traceback would, this keeps it alive
        next(left)
    print(json.dumps(answer, default=list))
"""


def start(folder: Path, *args: object) -> subprocess.Popen[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, str(program), str(folder), *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_folder_from_free_to_whole(tmp_path: Path) -> None:
    to = tmp_path / "deeper" / "folder"
    for _ in range(2):  # missing, then empty
        generated.require_own(to, MARKER)
        assert not generated.holds(to, MARKER, SETTINGS)
        to.mkdir(parents=True, exist_ok=True)
    for _ in range(2):  # begun, then gone on with
        generated.begin(to, MARKER, SETTINGS)
        assert [p.name for p in to.iterdir()] == [f"{MARKER}.part"]
        generated.require_own(to, MARKER)
        assert not generated.holds(to, MARKER, SETTINGS)
    generated.finish(to, MARKER)
    assert [p.name for p in to.iterdir()] == [MARKER]
    assert json.loads((to / MARKER).read_text()) == SETTINGS
    generated.require_own(to, MARKER)
    assert generated.holds(to, MARKER, SETTINGS)


@pytest.mark.parametrize("name", [MARKER, f"{MARKER}.part"])
def test_what_other_settings_made_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps(SETTINGS))
    other = {**SETTINGS, "seed": 4, "points": 5}
    with pytest.raises(FileExistsError, match="`points` was None and is 5; `seed` was 3 and is 4;"):
        generated.holds(tmp_path, MARKER, other)
    # They read the same.
    with pytest.raises(FileExistsError, match="another generated data set: `seed`"):
        generated.holds(tmp_path, MARKER, {**SETTINGS, "seed": "3"})
    for broken in (b"", b"{", b"[1]", b"\xff"):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(FileExistsError, match=f"{name} cannot be read"):
            generated.holds(tmp_path, MARKER, SETTINGS)


def test_foreign_folders_and_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("Id\n")
    for to in (tmp_path, file):
        with pytest.raises(FileExistsError, match="holds no faces; give another folder"):
            generated.require_own(to, MARKER, "a.cache", what="faces")
    (tmp_path / "a.cache").mkdir()
    generated.require_own(tmp_path, MARKER, "a.cache", what="faces")
    with pytest.raises(FileExistsError, match="holds no generated data set"):
        generated.require_own(tmp_path, MARKER)


def test_one_worker_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "ProcessPoolExecutor", None)
    seen: list[int] = []
    with generated.in_processes(seen.append, 1) as each:
        assert list(itertools.islice(each(itertools.count(5)), 3)) == [
            (5, None),
            (6, None),
            (7, None),
        ]
    assert seen == [5, 6, 7]
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    for one_a_core in (None, 0):
        with generated.in_processes(abs, one_a_core) as each:
            assert list(each([-2])) == [(-2, 2)]


def test_processes_answer_in_order_pass_errors_on_and_drop_what_is_left(tmp_path: Path) -> None:
    with start(tmp_path, 0.05) as process:
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    answer = json.loads(out)
    # The jobs were endless.
    assert answer["jobs"] == list(range(2000))
    assert answer["error"] == "job 2000"
    pids, threads, deaf = zip(*answer["told"], strict=True)
    assert len(pids) <= 2  # one may have done all before the other was up
    assert answer["pid"] not in pids
    assert set(threads) == {1}
    assert set(deaf) == {True}
    # The block was left after the first of 400.
    assert len(list(tmp_path.glob("job-*"))) < 200


def test_processes_end_with_one_that_is_killed(tmp_path: Path) -> None:
    with start(tmp_path, 100, "only mark") as process:
        end = time.monotonic() + 200
        while len(list(tmp_path.glob("pid-*"))) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        # It ends when nobody holds the pipes any more: the workers are gone too.
        process.communicate(timeout=50)
    assert len(list(tmp_path.glob("pid-*"))) == 2
