"""kill -9 at random moments, the same command again: the weights of a training never stopped."""

import random
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.carclf.kill_at import MOMENTS

KILLS = 20
