"""Which detector serves: numpy if it is right on this machine and file, else onnxruntime.

Before a worker takes calls, the numpy detector hears two short vowels and must answer as
onnxruntime did when the values below were written down. If it cannot read the weights (another
version of silero-vad) or errs (another model, a broken BLAS), onnxruntime runs the same file. It
is loaded only then.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from switchboard_agent.transport.base import SAMPLE_RATE_HZ
from switchboard_agent.vad.base import (
    CONTEXT_SAMPLES,
    WINDOW_SAMPLES,
    Floats,
    VadError,
    VadModel,
)
from switchboard_agent.vad.onnx_vad import OnnxVad
from switchboard_agent.vad.silero import SileroVad, weights_path

_log = logging.getLogger(__name__)

_PITCHES_HZ: Final = (110, 190)
_FORMANTS_HZ: Final = (700, 1200, 2600)
KNOWN_ANSWERS: Final = (
    (0.7436, 0.8021),
    (0.7932, 0.7048),
    (0.8144, 0.4428),
    (0.7277, 0.2976),
    (0.6320, 0.3168),
    (0.5365, 0.2960),
    (0.1591, 0.1674),
    (0.2050, 0.1345),
)
"""Of silero-vad 6.2.3 by onnxruntime, window by window: one for each pitch."""
_MOST_OFF: Final = 1e-3
_SPEECH: Final = 0.5
"""What another version must reach on the vowels: 5.1.2 and 6.0.0 reach 0.87 and 0.91."""


def choose_vad(on_fallback: Callable[[], None], path: Path | None = None) -> VadModel:
    """The detector for `path`, by default the file in the silero-vad wheel.

    Raises `VadError` if none can serve.
    """
    path = path or weights_path()
    try:
        return _checked(SileroVad(path))
    except VadError as error:
        reason = str(error)
    try:
        model = OnnxVad(path)
        heard = hear_known_sound(model).max()
    except VadError as error:
        raise VadError(f"no voice activity detector can serve: {reason}; {error}") from error
    if not heard > _SPEECH:
        raise VadError(f"{path} does not hear speech: reinstall silero-vad 6.2.3")
    on_fallback()
    _log.warning(
        "onnxruntime runs the voice activity detector, numpy cannot", extra={"reason": reason}
    )
    return model


def hear_known_sound(model: VadModel) -> Floats:
    """A detector's probabilities, window by window: one for each of the two vowels.

    Raises `VadError`.
    """
    pcm = _vowels()
    state = np.zeros((len(pcm), model.state_size), dtype=np.float32)
    found = []
    for begin in range(0, pcm.shape[1] - CONTEXT_SAMPLES, WINDOW_SAMPLES):
        window = pcm[:, begin : begin + CONTEXT_SAMPLES + WINDOW_SAMPLES]
        try:
            probabilities, state = model.run(window, state)
        except Exception as error:  # each runtime has its own for matrices that do not fit
            raise VadError(f"the model cannot be run: {error}") from error
        found.append(probabilities)
    return np.array(found)


def _checked(model: SileroVad) -> SileroVad:
    off = np.abs(hear_known_sound(model) - KNOWN_ANSWERS).max()
    if not off < _MOST_OFF:  # also where it is not a number
        raise VadError(
            f"numpy's answers to a known sound are wrong by up to {off:.2g}: install silero-vad "
            "6.2.3, or numpy from its wheel"
        )
    return model


def _vowels() -> Floats:
    """A quarter of a second of "ah" in two voices that glide, as rows."""
    at = np.arange(CONTEXT_SAMPLES + len(KNOWN_ANSWERS) * WINDOW_SAMPLES) / SAMPLE_RATE_HZ
    voices = []
    for pitch in _PITCHES_HZ:
        harmonics = np.arange(1, 4000 // pitch)[:, None]
        nearness = ((harmonics * pitch - _FORMANTS_HZ) / 150) ** 2
        loudness = (1 + 5 * np.exp(-nearness).sum(axis=1, keepdims=True)) / harmonics
        phase = 2 * np.pi * pitch * (at + 0.004 * np.sin(6 * np.pi * at))
        voice = (loudness * np.sin(harmonics * phase)).sum(axis=0)
        voices.append(0.2 * voice / np.abs(voice).max())
    return np.array(voices, dtype=np.float32)
