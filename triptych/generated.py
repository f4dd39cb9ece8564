"""Folders of generated pictures: whole, broken off or foreign; and the processes that fill them.

A marker file with the settings says what a folder holds. Until all is written it is called
`<marker>.part`, so what was broken off is never taken for whole, and can be gone on with.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_PART = ".part"
_AT_ONCE = 1024  # jobs handed to the processes at a time
_CHUNK = 8  # of them, to one process


def require_own(to: Path, marker: str, *others: str, what: str = "generated data set") -> None:
    """Raise FileExistsError where `to` is neither free (missing, empty) nor begun by us before.

    It was where it has `marker`, whole or not, or one of the names `others`; `what` we call it.
    """
    if not to.exists() or (to.is_dir() and not any(to.iterdir())):
        return
    if not any((to / name).exists() for name in (marker, marker + _PART, *others)):
        raise FileExistsError(f"{to} exists and holds no {what}; give another folder.")


def holds(to: Path, marker: str, settings: Mapping[str, object]) -> bool:
    """Whether `to` holds all that `settings` (JSON values) make: else it is to begin or go on with.

    Raises:
        FileExistsError: it holds what other settings made, whole or broken off.
    """
    for name in (marker, marker + _PART):
        if (to / name).exists():
            _require_same(to / name, settings)
            return name == marker
    return False


def begin(to: Path, marker: str, settings: Mapping[str, object]) -> None:
    """Make folder `to`, and say in it what it is going to hold."""
    to.mkdir(parents=True, exist_ok=True)
    (to / (marker + _PART)).write_text(json.dumps(settings, indent=2) + "\n")


def finish(to: Path, marker: str) -> None:
    """Say that all is written, after `begin`."""
    (to / (marker + _PART)).replace(to / marker)


@contextmanager
def in_processes(
    function: Callable[[Job], Result], workers: int | None
) -> Iterator[Callable[[Iterable[Job]], Iterator[tuple[Job, Result]]]]:
    """Gives `each`: each(jobs) are the pairs (job, function(job)), in the order of the jobs.

    `workers` spawned processes do them (None or 0: one a core; 1: this process does), so a script
    must use it under its main guard, and `function`, jobs and results must be picklable. They end
    with this process, even where that is killed; leaving the block drops the jobs not begun.

        with in_processes(draw, workers=2) as each:
            rows = [row for _, row in each(range(100))]
    """
    count = workers or os.cpu_count() or 1
    if count == 1:
        yield lambda jobs: ((job, function(job)) for job in jobs)
        return
    # Spawned, not forked: a fork of a process that has started TensorFlow may hang.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_start_worker)

    def each(jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        # A pool takes all of its jobs at once, which can be more than memory holds.
        rest = iter(jobs)
        while some := list(islice(rest, _AT_ONCE)):
            yield from zip(some, pool.map(function, some, chunksize=_CHUNK), strict=True)

    try:
        yield each
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """End with the process that started this one, even where that is killed."""
    import cv2

    cv2.setNumThreads(1)  # the other cores have workers of their own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _require_same(marker: Path, settings: Mapping[str, object]) -> None:
    from triptych.config import differences

    try:
        found = json.loads(marker.read_text())
    except ValueError:
        found = None
    if found == settings:
        return
    changed = f"{marker.name} cannot be read"
    if isinstance(found, dict):
        now: Any = settings
        changed = "; ".join(differences(found, now))
    raise FileExistsError(
        f"{marker.parent} holds another generated data set: {changed}; "
        "give another folder or delete this one."
    )
