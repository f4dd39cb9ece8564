"""A run folder, or its export -> an object that reads: the one way texts are found."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plates.reader import decode
from plates.reader.config import Config
from plates.reader.decode import Reading
from plates.reader.grammar import Grammar
from plates.reader.views import Merge, View, render
from triptych import config as configs
from triptych import exported
from triptych import run as runs
from triptych.frozen import Call, frozen

if TYPE_CHECKING:
    import keras

TASK = "plates.reader"
SHIPPED = Path(__file__).with_name("shipped")
"""Run folder of the reader in the package, trained on drawn plates alone."""
BEAM = 16

_BATCH = 32


class Predictor:
    """A trained reader; made by `open`. `config` is that of its training.

    Of the model only `predict_on_batch` is used here: crops [B, H, W, 3] uint8 of its size ->
    logits [B, T, C + 1]; with `call`, which does the same, not even that.
    """

    def __init__(
        self, model: "keras.Model | Exported", config: Config, call: Call | None = None
    ) -> None:
        # What exports a model knows that it is Keras's.
        self.model: Any = model
        self.config = config
        self._call = call

    def read(
        self, count: int, read: Callable[[int], np.ndarray], tta: Sequence[View] = ()
    ) -> list[Reading]:
        """What `count` crops say; as `readings` of this reader alone."""
        return readings([self], count, read, tta)

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Logits [B, T, C + 1] of crops [B, H, W, 3] uint8 of the model's size."""
        return np.asarray((self._call or self.model.predict_on_batch)(images))

    def log_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Crops [B, H, W, 3] uint8 of the model's size -> natural logarithms [B, T, C + 1]."""
        logits = self.answer(images).astype(np.float32)
        shifted = logits - logits.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


class Exported:
    """An export in a model's place."""

    def __init__(self, session: exported.Session) -> None:
        self._session = session

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """The log-probabilities, which are logits too, under Keras's name."""
        return self._session(images)["log_probabilities"]


def located(run: Path) -> Path:
    """The run folder; the word `shipped` is that in the package, unless there is such a path."""
    return SHIPPED if run == Path("shipped") and not run.exists() else run


def is_reader(path: Path) -> bool:
    """Whether `path` is a folder that `open` takes, finished or not, and no folder of pictures."""
    return (path / runs.CONFIG).exists() or exported.is_file(path)


def open(run: Path, threads: int = 0) -> Predictor:
    """Load the best model of a run folder, or its ONNX or LiteRT export.

    Of an export neither Keras nor TensorFlow is imported; `threads` is what one call of it may use,
    0: one a core.

    Raises:
        ValueError: `run` is no finished run folder and no such export.
        ModuleNotFoundError: the package that runs the export is not installed.
    """
    if exported.is_file(run):
        session = exported.open(run, TASK, threads)
        return Predictor(Exported(session), exported.config(session, Config))
    runs.check(run)
    # Here, so that an export can do without Keras.
    from plates.reader.model import build

    config = configs.load(Config, run / runs.CONFIG)
    model = build(config)
    model.load_weights(run / runs.MODEL)
    return Predictor(model, config, frozen(model, config.size))


def readings(
    models: Sequence[Predictor],
    count: int,
    read: Callable[[int], np.ndarray],
    tta: Sequence[View] = (),
    merge: Merge = "average",
    grammar: str | None = None,
    beam: int = 0,
) -> list[Reading]:
    """What `count` crops say, by one reader or several together.

    `read(i)` gives crop i as [H, W, 3] uint8 RGB of any size; it is called from several threads.
    `tta` is what `views.render` adds. Each view is decoded by each model; of the texts found the
    one with the highest log-probability in the mean over all of them is taken (`decode.average`),
    or with `merge` "vote" the one with the largest sum of confidences (`decode.vote`). `grammar`
    None is the first model's own; `beam` is the width of the beam search, 0: greedy decoding, or
    with a grammar 16.

    Raises:
        ValueError: `grammar` cannot be understood, or the models were trained on plates that were
            cut in different ways.
    """
    first = models[0].config
    for number, model in enumerate(models[1:], start=2):
        for name in ("cut", "margin"):
            ours, theirs = getattr(first, name), getattr(model.config, name)
            if ours != theirs:
                raise ValueError(
                    f"readers that answer together must have one `{name}`; received: "
                    f"{name}={ours} of the first, {name}={theirs} of number {number}"
                )
    grammar = first.grammar if grammar is None else grammar
    # Compiled here, so that a bad grammar fails before any work.
    decoders = [
        partial(
            _decode,
            alphabet=m.config.alphabet,
            grammar=Grammar.parse(grammar, m.config.alphabet) if grammar else None,
            beam=beam,
        )
        for m in models
    ]

    def rendered(index: int) -> list[np.ndarray]:
        # In the thread, so that of crops of thousands of pixels only a few are held at a time.
        image = read(index)
        return [render(image, model.config.size, tta) for model in models]

    found: list[Reading] = []
    with ThreadPoolExecutor() as pool:
        for start in range(0, count, _BATCH):
            batch = list(pool.map(rendered, range(start, min(start + _BATCH, count))))
            crops = zip(*batch, strict=True)  # of each model
            each = [_views(model, own) for model, own in zip(models, crops, strict=True)]
            decoded = [
                decoder(view)
                for decoder, views in zip(decoders, each, strict=True)
                for view in views
            ]
            for i, one in enumerate(zip(*decoded, strict=True)):
                texts = dict.fromkeys(reading.text for reading in one)
                if merge == "vote":
                    found.append(decode.vote(one))
                    continue
                # Of one text there is nothing to choose, and the readings are known.
                several = len(texts) > 1
                candidates = [_spelled(t, models, each, i) for t in texts] if several else [one]
                found.append(decode.average(candidates))
    return found


def _views(model: Predictor, crops: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Log-probabilities [B, T, C + 1] of every view of crops [V, height, width, 3]."""
    return [model.log_probabilities(np.stack(view)) for view in zip(*crops, strict=True)]


def _spelled(
    text: str, models: Sequence[Predictor], each: Sequence[Sequence[np.ndarray]], plate: int
) -> list[Reading]:
    """How sure a text is in every view that every model has of a plate."""
    return [
        reading
        for model, views in zip(models, each, strict=True)
        for reading in decode.spell(
            np.stack([view[plate] for view in views]), [text] * len(views), model.config.alphabet
        )
    ]


def _decode(
    log_probs: np.ndarray, *, alphabet: str, grammar: Grammar | None, beam: int
) -> list[Reading]:
    if grammar is None and not beam:
        return decode.greedy(log_probs, alphabet)
    return [decode.beam(one, alphabet, beam or BEAM, grammar) for one in log_probs]
