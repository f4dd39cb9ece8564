"""Draw callbacks.png: a one-cycle, and a range test on scikit-learn's handwritten digits.

`python docs/images/draw_callbacks.py`
"""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from callbacks import LRFinder, OneCycle


def main() -> None:
    """Train a small network on the digits as the range test does, and draw both."""
    keras.utils.set_random_seed(0)
    digits = load_digits()
    layers = keras.layers
    model = keras.Sequential(
        [
            *(keras.Input((8, 8, 1)), layers.Rescaling(1 / 16)),
            *(layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu")),
            *(layers.GlobalAveragePooling2D(), layers.Dense(10)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss)
    finder = LRFinder(1e-5, 1.0, steps=200)
    model.fit(digits.images[..., None], digits.target, epochs=4, callbacks=[finder], verbose=0)

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for cycle, style in ((OneCycle(1e-2), "-"), (OneCycle(1e-2, three_phase=True), ":")):
        name = "three phases" if cycle.three_phase else "two phases"
        rates, momenta = zip(*(cycle.values(step, 500) for step in range(500)), strict=True)
        left.plot(rates, f"C0{style}", label=f"learning rate, {name}")
        if not cycle.three_phase:
            other = left.twinx()
            other.plot(momenta, "C1", label="momentum, two phases")
    left.set(title="OneCycle(max_lr=1e-2), 500 batches", xlabel="batch", ylabel="learning rate")
    other.set(ylabel="momentum", ylim=(0.847, 0.985))
    left.set_ylim(top=0.0135)
    left.legend(handles=[*left.lines, *other.lines], loc="upper right")
    finder.plot(right)
    right.set(title="LRFinder: range test, Adam, handwritten digits")
    figure.savefig(Path(__file__).with_name("callbacks.png"), dpi=80)


if __name__ == "__main__":
    main()
