"""Run a command and kill it, as `kill -9` does, in the middle of something.

`python kill_at.py MOMENT COUNT MILLISECONDS MODULE ARGS...`: the process dies that many
milliseconds after it has entered MOMENT for the COUNT-th time; the thread that kills asks nobody.
"""

import importlib
import os
import runpy
import signal
import sys
import threading
import time
from typing import Any

# What is entered, by the name of the moment.
MOMENTS = {
    "step": "triptych.resume:OneTraining.on_train_batch_begin",
    "after a step": "triptych.resume:Keeper.on_train_batch_end",
    "validation": "triptych.resume:OneTraining.on_test_batch_begin",
    "saving the best": "callbacks.best_model:BestModel.on_epoch_end",
    "between best and checkpoint": "triptych.resume:Keeper.on_epoch_end",
    "saving": "triptych.checkpoint:Checkpoints._write",
    "in the file": "os:fsync",
    "removing the old": "triptych.checkpoint:Checkpoints._prune",
    "between stages": "carclf.stages:_compile",
    "restoring": "triptych.checkpoint:Checkpoint.assign",
    "creating": "triptych.run:create",
    "finishing": "triptych.run:finish",
}


def main() -> None:
    moment, count, delay, module, *args = sys.argv[1:]
    # As the module does first: it chooses TensorFlow's kernels, before anything imports TensorFlow.
    importlib.import_module("triptych")
    home, name = MOMENTS[moment].split(":")
    owner: Any = importlib.import_module(home)
    *path, attribute = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    function = getattr(owner, attribute)
    calls = 0

    def killed(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(count):
            threading.Thread(target=kill, args=(float(delay) / 1000,), daemon=True).start()
            if delay == "0":
                time.sleep(60)
        return function(*args, **kwargs)

    setattr(owner, attribute, killed)
    sys.argv = [module, *args]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def kill(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
