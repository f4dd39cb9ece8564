"""How a command ends: its exit status and the one line it leaves."""

import errno
from pathlib import Path

import pytest

from triptych import command


def fail(error: BaseException) -> None:
    raise error


def ends(capsys: pytest.CaptureFixture[str], error: BaseException) -> tuple[object, str]:
    with pytest.raises(SystemExit) as caught:
        command.run(fail, error)
    out, err = capsys.readouterr()
    assert out == ""
    assert caught.value.__cause__ is None
    return caught.value.code, err


@pytest.fixture(autouse=True)
def no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIPTYCH_TRACEBACK", raising=False)


def test_a_call_that_ends_well() -> None:
    seen: list[int] = []
    command.run(lambda a, b: seen.extend((a, b)), 1, 2)
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("`lr` must be positive"), "error: `lr` must be positive\n"),
        (ValueError("two\n  lines\n"), "error: two lines\n"),
        (ValueError(), "error: ValueError\n"),
        (FileExistsError("the run folder a exists"), "error: the run folder a exists\n"),
        (ModuleNotFoundError("No module named 'x'"), "error: No module named 'x'\n"),
        (
            OSError(errno.EACCES, "Permission denied", "a/b"),
            "error: [Errno 13] Permission denied: 'a/b'\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b"),
            "error: [Errno 28] No space left on device: 'a/b' "
            "(the disk is full; what was written before is kept)\n",
        ),
    ],
)
def test_one_line_and_status_1(
    error: BaseException, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(capsys, error) == (1, line)


def test_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(capsys, KeyboardInterrupt()) == (130, "\nstopped; what was saved before is kept\n")
    stopped = KeyboardInterrupt("go on with --resume")
    assert ends(capsys, stopped) == (130, "\nstopped; go on with --resume\n")


def test_a_mistake_of_ours_shows_its_traceback() -> None:
    with pytest.raises(KeyError):
        command.run(fail, KeyError("key"))


def test_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_TRACEBACK", "1")
    with pytest.raises(ValueError, match="why"):
        command.run(fail, ValueError("why"))


def test_a_message_names_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.run((tmp_path / "none").read_bytes)
    assert str(tmp_path / "none") in capsys.readouterr().err
