"""The detector written as matrix products against a runtime of the same file."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from switchboard_agent.recordings import load_conversation
from switchboard_agent.vad.base import CONTEXT_SAMPLES, WINDOW_SAMPLES, Floats
from switchboard_agent.vad.onnx_weights import WeightsError, read_weights
from switchboard_agent.vad.silero import SileroVad, weights_path


def windows_of(samples: Floats) -> Floats:
    """Windows with the end of the one before as context."""
    count = len(samples) // WINDOW_SAMPLES
    padded = np.concatenate((np.zeros(CONTEXT_SAMPLES, np.float32), samples))
    size = CONTEXT_SAMPLES + WINDOW_SAMPLES
    return np.stack([padded[i * WINDOW_SAMPLES :][:size] for i in range(count)])


def speech_and_noise() -> Floats:
    """About 500 windows: recorded speech, silence, noise that swells."""
    turns = load_conversation().turns[:5]
    pause = np.zeros(8000, np.float32)
    parts = [np.concatenate((turn.pcm.astype(np.float32) / 32768, pause)) for turn in turns]
    noise = np.random.default_rng(7).standard_normal(32000) * np.linspace(0, 0.3, 32000)
    return np.concatenate([*parts, noise.astype(np.float32)])


def test_equals_onnxruntime_step_by_step_on_speech_and_noise() -> None:
    runtime = onnxruntime.InferenceSession(str(weights_path()), providers=["CPUExecutionProvider"])
    ours, state = SileroVad(), np.zeros((2, 256), np.float32)
    theirs = np.zeros((2, 2, 128), np.float32)
    windows = windows_of(speech_and_noise())
    assert len(windows) > 450
    highest = 0.0
    for step in range(len(windows)):
        # Two calls at once, half a recording apart, with states of their own.
        pair = windows[[step, (step + len(windows) // 2) % len(windows)]]
        probabilities, state = ours.run(pair, state)
        expected, theirs = runtime.run(
            None, {"input": pair, "state": theirs, "sr": np.array(16000, np.int64)}
        )
        assert np.abs(probabilities - expected[:, 0]).max() < 1e-4, step
        highest = max(highest, float(probabilities.max()))
    assert highest > 0.9, "the test must contain speech"


def test_one_call_is_not_touched_by_the_others_in_its_batch() -> None:
    vad = SileroVad()
    windows = windows_of(speech_and_noise())[:60]
    alone, batch = np.zeros((1, 256), np.float32), np.zeros((5, 256), np.float32)
    for step in range(len(windows)):
        single, alone = vad.run(windows[[step]], alone)
        many, batch = vad.run(windows[[step, 3, 7, step, 0]], batch)
        assert many[0] == pytest.approx(single[0], abs=1e-4)
        assert many[3] == pytest.approx(single[0], abs=1e-4)


def test_weights_of_the_narrow_band_branch_are_others() -> None:
    wide = read_weights(weights_path(), "If_0_then_branch")
    narrow = read_weights(weights_path(), "If_0_else_branch")
    assert wide["stft.forward_basis_buffer"].shape == (258, 1, 256)
    assert narrow["stft.forward_basis_buffer"].shape == (130, 1, 128)


def test_a_missing_branch_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(WeightsError, match="no branch If_9"):
        read_weights(weights_path(), "If_9")
    with pytest.raises(WeightsError, match="no branch"):
        read_weights(tmp_path / "empty.onnx", "If_0_then_branch")


@pytest.mark.parametrize("content", [b"\xff", b"\x3a\xff\xff", b"\x0b", b"<html>"])
def test_a_file_that_is_no_model_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(content)
    with pytest.raises(WeightsError, match="reinstall silero-vad"):
        read_weights(broken, "If_0_then_branch")
