"""Whether a caller sounds done: an ONNX model with the interface of Smart Turn v3.

What goes in is the turn's last eight seconds as a log-mel picture, silence before it where the turn
is shorter, loudness evened out; what comes out is the probability that the turn is complete. The
package `onnxruntime` is loaded with the first model: workers whose agents use none do without it
(extra `turn-model`).
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from switchboard_agent.onnx_session import OnnxError, open_session
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_agent.turn.log_mel import BANDS, HOP_SAMPLES, log_mel

SPAN_SAMPLES: Final = 8 * SAMPLE_RATE_HZ
"""What the model hears."""
_INPUT: Final = "input_features"
_SHAPE: Final = (1, BANDS, SPAN_SAMPLES // HOP_SAMPLES)
_FULL_SCALE: Final = 32768.0
_TINY: Final = 1e-7


class EndModelError(Exception):
    """The model cannot be used; the message says why and what to do."""


class EndModel:
    """A loaded model. Safe to call from one thread at a time."""

    def __init__(self, path: str) -> None:
        """Raises `EndModelError`. Takes some tenths of a second."""
        self._session = _load(path)
        found = [(wanted.name, tuple(wanted.shape[1:])) for wanted in self._session.get_inputs()]
        if found != [(_INPUT, _SHAPE[1:])]:
            raise EndModelError(
                f"{path} wants {found}, not one {_INPUT} of {_SHAPE}: use an export of Smart Turn "
                "v3 or one with its interface"
            )
        self.finished(np.zeros(SAMPLE_RATE_HZ, dtype=np.int16))

    def finished(self, turn: Pcm) -> float:
        """Probability that the caller is done, given the audio of the turn so far."""
        (answer,) = self._session.run(None, {_INPUT: features(turn)})[:1]
        return float(np.clip(np.ravel(answer)[0], 0.0, 1.0))


def features(turn: Pcm) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """What the model is given."""
    recent = turn[-SPAN_SAMPLES:].astype(np.float32) / _FULL_SCALE
    whole = np.pad(recent, (SPAN_SAMPLES - len(recent), 0))
    even = (whole - whole.mean()) / np.sqrt(whole.var() + _TINY)
    return log_mel(even.astype(np.float32))[None]


def _load(path: str) -> Any:  # noqa: ANN401  the library has no types
    if not Path(path).is_file():
        raise EndModelError(
            f"{path} is not there: mount it into the worker (spec.podTemplate) or bake it into "
            "the image"
        )
    try:
        return open_session(path)
    except OnnxError as error:
        raise EndModelError(str(error)) from error
