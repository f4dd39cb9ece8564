"""What every command does with an error: one line that says what is wrong, exit status 1."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any


def run(function: Callable[..., Any], *args: Any) -> None:
    """Call `function`; a bad input or a full disk ends the program with one clear line.

    With TRIPTYCH_TRACEBACK=1 the whole traceback is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        function(*args)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        if os.environ.get("TRIPTYCH_TRACEBACK") == "1":
            raise
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        hint = " (the disk is full; what was written before is kept)" if full else ""
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"error: {reason}{hint}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt as stop:
        print(f"\nstopped; {str(stop) or 'what was saved before is kept'}", file=sys.stderr)
        raise SystemExit(130) from None
