"""Training callbacks that work alone in any Keras project."""

from callbacks.best_model import BestModel
from callbacks.ema_weights import EMAWeights
from callbacks.epoch_table import EpochTable, StepLR
from callbacks.log import Log
from callbacks.lr_finder import LRFinder
from callbacks.one_cycle import OneCycle
from callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from callbacks.schedule import schedule
from callbacks.throughput import Throughput
from callbacks.time_limit import TimeLimit

__all__ = [
    "BestModel",
    "EMAWeights",
    "EpochTable",
    "LRFinder",
    "Log",
    "OneCycle",
    "ReduceLROnPlateau",
    "StepLR",
    "Throughput",
    "TimeLimit",
    "schedule",
]
