"""A server under load: `python -m benchmarks.serving [RUN] [--seconds 60 --clients 64]`.

Clients on this machine ask for one picture each, again and again: a server that answers up to 32
together against one that answers them one by one, in turns. Prints requests a second, times, errors
and how the server's memory grew after its first seconds. RUN is a classifier's run folder; default:
EfficientNet-Lite0 as in the recipe `lite`, untrained, which takes as long. The clients share the
machine's cores with the server.
"""

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import tyro
from PIL import Image

from triptych.config import parse

WAYS = {"batched": ("--batch", "32"), "one by one": ("--batch", "1", "--wait-ms", "0")}


@dataclass(frozen=True)
class Config:
    """Which model, and how much load."""

    run: tyro.conf.Positional[Path | None] = None
    """Run folder of a classifier."""
    clients: int = 64
    """Clients that ask at a time."""
    seconds: float = 60.0
    """How long each server is asked."""
    pairs: int = 2
    """How often both servers are measured."""
    warm: float = 5.0
    """Seconds before those that count."""


@dataclass(frozen=True)
class Load:
    """What came of it: seconds of each request, those that failed, and MB of the server."""

    seconds: np.ndarray
    errors: int
    lasted: float
    before: float
    after: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.lasted

    def __str__(self) -> str:
        times = np.percentile(self.seconds, [50, 95, 99]) * 1000
        return (
            f"{self.rate:7.1f} a second   p50 {times[0]:6.0f}  p95 {times[1]:6.0f}  "
            f"p99 {times[2]:6.0f} ms   errors {self.errors}   "
            f"memory {self.before:.0f} -> {self.after:.0f} MB"
        )


@contextmanager
def server(run: Path, words: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Address and process id of `carclf.serve`; it must end cleanly."""
    command = [sys.executable, "-m", "carclf.serve", str(run), "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"(http://\S+:\d+)/ ", line):
            break
    else:
        raise SystemExit("the server did not start")
    try:
        yield found[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


async def load(url: str, process: int, config: Config, picture: bytes) -> Load:
    """Ask as `config` says, with a connection a client."""
    seconds: list[float] = []
    errors = 0
    begin = time.perf_counter() + config.warm
    end = begin + config.seconds

    async def ask() -> None:
        nonlocal errors
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            while (start := time.perf_counter()) < end:
                try:
                    given = await client.post("/predict", files={"files": ("a.jpg", picture)})
                    failed = given.status_code != 200
                except httpx.HTTPError:
                    failed = True
                errors += failed
                if not failed and start >= begin:
                    seconds.append(time.perf_counter() - start)

    async def remember() -> float:
        await asyncio.sleep(config.warm)
        return memory(process)

    before, *_ = await asyncio.gather(remember(), *(ask() for _ in range(config.clients)))
    lasted = time.perf_counter() - begin
    return Load(np.array(seconds), errors, lasted, before, memory(process))


def memory(process: int) -> float:
    """MB that a process has in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def untrained(folder: Path) -> Path:
    """A run folder of the recipe `lite`, with ten classes and random weights."""
    from dataclasses import replace

    from carclf.model import build
    from carclf.recipes import RECIPES
    from triptych import run

    config = replace(RECIPES["lite"], data=folder, weights="none")
    names = [str(number) for number in range(10)]
    run.write_config(folder, config)
    run.write_json(folder / "classes.json", {"classes": names, "names": names})
    build(config, len(names)).save(folder / run.MODEL)
    return folder


def photograph() -> bytes:
    """A drawn car as a JPEG of 640 x 480 pixels."""
    from carclf import synth

    file = io.BytesIO()
    image = synth.draw(0, np.random.default_rng(0), (480, 640))
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return file.getvalue()


def main() -> None:
    """The command line."""
    config = parse(Config, prog="benchmarks.serving", description=str(__doc__))
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with TemporaryDirectory() as folder:
        run = config.run or untrained(Path(folder))
        picture = photograph()
        for _ in range(config.pairs):
            for way, words in WAYS.items():
                with server(run, words) as (url, process):
                    found = asyncio.run(load(url, process, config, picture))
                rates[way].append(found.rate)
                print(f"{way:10}  {found}", flush=True)
    ratios = [a / b for a, b in zip(rates["batched"], rates["one by one"], strict=True)]
    print(f"batched / one by one: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


if __name__ == "__main__":
    main()
