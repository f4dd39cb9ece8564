"""All three tasks from one process: over HTTP, and in a real browser that may ask nobody else."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from triptych import run
from triptych.stage import Stage

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def tiny_runs(folder: Path) -> tuple[Path, Path]:
    """Untrained runs of three classes and of five points."""
    import carclf.model
    import landmarks.model
    from carclf.config import Config as Classifier
    from landmarks.config import Config as Regressor

    small: dict[str, Any] = {"data": folder, "backbone": "tiny", "weights": "none"}
    classes, points = folder / "classes", folder / "points"
    stages = (Stage(size="64"),)
    classifier = Classifier(**small, stages=stages)
    regressor = Regressor(**small, stages=stages)
    for made, config, model in (
        (classes, classifier, carclf.model.build(classifier, 3)),
        (points, regressor, landmarks.model.build(regressor, 5)),
    ):
        made.mkdir()
        run.write_config(made, config)
        model.save(made / run.MODEL)
    names = ["Škoda <Octavia>", "日産", "Citroën"]
    run.write_json(classes / "classes.json", {"classes": ["7", "8", "9"], "names": names})
    mean = [[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.4, 0.7], [0.6, 0.7]]
    known = {"points": 5, "mirror": [1, 0, 2, 4, 3], "shift": 0.0, "mean": mean}
    run.write_json(points / "points.json", known)
    return classes, points


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server is; at the end it stops as it should, though a page may be open."""
    folder = tmp_path_factory.mktemp("served")
    classes, points = tiny_runs(folder)
    words = ["--port", "0", "--carclf", classes, "--landmarks", points, "--plates"]
    log = folder / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "triptych.serve", *map(str, words)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + 540
        while not (found := re.search(r"(http://127.0.0.1:\d+)/ ", log.read_text())):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield found[1]
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
        assert list(folder.glob("triptych-*")) == []  # nothing of the uploads stays
    finally:
        server.kill()


def scene() -> np.ndarray:
    from plates import synth

    return synth.scene(np.random.default_rng([7, 0]))[0]


def face() -> np.ndarray:
    from landmarks import synth

    return synth.draw(np.random.default_rng(0), 5)[0]


def car() -> np.ndarray:
    from carclf import synth

    return synth.draw(0, np.random.default_rng(0))


TASKS = {"carclf": car, "landmarks": face, "plates": scene}


def encoded(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_each_task_answers_and_nothing_names_a_path(url: str) -> None:
    kinds = {"carclf": {"id", "name", "probability", "classes"}}
    kinds |= {"landmarks": {"faces"}, "plates": {"plates"}}
    with httpx.Client(base_url=url, timeout=120) as client:
        for task, draw in TASKS.items():
            files = {"files": ("a.png", encoded(draw()))}
            (answer,) = client.post(f"/{task}/predict", files=files).json()["answers"]
            assert set(answer) == {"file"} | kinds[task]
        cards = client.get("/info")
        assert set(cards.json()) == set(TASKS)
        assert "/tmp" not in cards.text
        assert client.get("/").headers["location"] == "/page/"
        for place in ("/docs", "/page/"):
            page = client.get(place)
            assert page.status_code == 200
            # What a browser fetches by itself.
            asked = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(\w+://[^\"]+)", page.text)
            assert [one for one in asked if not one.startswith(url)] == []


@pytest.fixture(scope="module")
def page(url: str) -> Iterator[Any]:
    """A browser's page; that it asked this server alone is looked at in the end."""
    if not CHROMIUM:
        missing = "no browser: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        opened = browser.new_page()
        opened.set_default_timeout(120_000)
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(url)
        yield opened
        elsewhere = [one for one in asked if not one.startswith((f"{url}/", "data:", "blob:"))]
        assert elsewhere == []
        assert len(asked) > 5


@pytest.mark.browser
@pytest.mark.parametrize(("task", "draw"), TASKS.items())
def test_a_browser_shows_the_answer(
    task: str, draw: Callable[[], np.ndarray], page: Any, tmp_path: Path
) -> None:
    page.get_by_role("tab", name=task).click()
    given = page.locator(f"#{task}-given input[type=file]").first
    given.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": encoded(draw())})
    said = page.locator(f"#{task}-said")
    said.locator("h3").first.wait_for()
    title = said.locator("h3").first.inner_text()
    bars = said.locator(".bar > :first-child").all_inner_texts()
    if task == "carclf":
        assert sorted(bars) == sorted(["Škoda <Octavia>", "日産", "Citroën"])
        assert title == bars[0]
    elif task == "landmarks":
        assert title.startswith("5 points")
    else:
        titles = said.locator("h3").all_inner_texts()
        assert any(title.startswith("G4789DX (") for title in titles), titles
        assert "".join(bars) == "".join(title.split(" (")[0] for title in titles)
    drawn = page.locator(f"#{task}-drawn img")
    drawn.wait_for()
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    if place := os.environ.get("TRIPTYCH_SCREENSHOTS"):
        page.screenshot(path=Path(place) / f"{task}.png")


@pytest.mark.browser
def test_a_drawn_example_is_answered(page: Any) -> None:
    page.reload()
    page.get_by_role("tab", name="landmarks").click()
    page.locator("#landmarks-examples img").nth(1).click()
    page.locator("#landmarks-said h3").get_by_text("5 points").wait_for()
    page.locator("#landmarks-drawn img").wait_for()


@pytest.mark.browser
def test_a_broken_picture_is_refused_in_words(page: Any) -> None:
    page.reload()
    given = page.locator("#carclf-given input[type=file]").first
    given.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.get_by_text("not a picture in a known format").wait_for()
