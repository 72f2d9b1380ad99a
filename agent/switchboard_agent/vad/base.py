"""The seam to voice activity models: many windows in, one probability of speech each out.

A model is a pure function of windows and state, so that one pass serves windows of many calls:
the batcher keeps the state of all calls stacked and hands in the rows that are due.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WINDOW_SAMPLES = 512
"""New samples of one window: 32 ms."""

CONTEXT_SAMPLES = 64
"""Samples of the window before, which the model sees again."""


class VadError(Exception):
    """A detector cannot be used; the message says why and what to do."""


class VadModel(Protocol):
    """A voice activity detector for 16 kHz audio."""

    @property
    def state_size(self) -> int:
        """Floats of state that one call needs."""

    def run(self, windows: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Probabilities and new states.

        `windows` is calls x (CONTEXT_SAMPLES + WINDOW_SAMPLES), in -1..1; `state` is calls x
        `state_size`, zero at the start of a call. Safe to call from any one thread at a time.
        """
