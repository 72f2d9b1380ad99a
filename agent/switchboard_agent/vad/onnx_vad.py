"""Silero VAD run by onnxruntime: for files and machines that the numpy detector cannot serve."""

from pathlib import Path

import numpy as np

from switchboard_agent.onnx_session import OnnxError, open_session
from switchboard_agent.transport.base import SAMPLE_RATE_HZ
from switchboard_agent.vad.base import Floats, VadError

_HIDDEN = 128
_RATE = np.array(SAMPLE_RATE_HZ, dtype=np.int64)


class OnnxVad:
    """A `VadModel` over an ONNX file with the interface of Silero VAD v5 and v6."""

    __slots__ = ("_session",)

    state_size = 2 * _HIDDEN

    def __init__(self, path: Path) -> None:
        """Raises `VadError`. Takes some tenths of a second."""
        try:
            self._session = open_session(str(path))
        except OnnxError as error:
            raise VadError(str(error)) from error
        shapes = {wanted.name: wanted.shape for wanted in self._session.get_inputs()}
        if set(shapes) != {"input", "state", "sr"} or shapes["state"][::2] != [2, _HIDDEN]:
            raise VadError(
                f"{path} wants {shapes}, which is not Silero's: install silero-vad 6.2.3"
            )

    def run(self, windows: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Probabilities of speech and new states; see `VadModel`.

        The file wants the halves of the state as its first dimension, the calls as its second.
        """
        halves = state.reshape(-1, 2, _HIDDEN).swapaxes(0, 1)
        asked = {"input": windows, "state": halves, "sr": _RATE}
        probabilities, new = self._session.run(None, asked)
        return probabilities[:, 0], new.swapaxes(0, 1).reshape(state.shape)
