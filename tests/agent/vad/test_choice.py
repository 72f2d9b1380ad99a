"""Numpy serves where it gives the known answers; if not, onnxruntime does, over the same file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from switchboard_agent.engine import Engine
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.vad.base import VadError
from switchboard_agent.vad.choice import KNOWN_ANSWERS, choose_vad, hear_known_sound
from switchboard_agent.vad.onnx_vad import OnnxVad
from switchboard_agent.vad.onnx_weights import read_weights
from switchboard_agent.vad.silero import SileroVad, weights_path
from tests.agent.vad.test_silero import speech_and_noise, windows_of
from tests.support.onnx_model import write_model
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, ScriptedTts

BRANCH = b"If_0_then_branch"


def changed(path: Path, old: bytes, new: bytes) -> Path:
    """A copy of the model with other bytes in it."""
    content = weights_path().read_bytes()
    assert old in content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.replace(old, new))
    return path


def renamed(path: Path) -> Path:
    """The same model as another version might write it: ours cannot find the weights."""
    return changed(path, BRANCH, b"If_9_then_branch")


def biased(path: Path, factor: float) -> Path:
    """Another model in the same form."""
    bias = read_weights(weights_path(), BRANCH.decode())["decoder.rnn.bias_ih"]
    return changed(path, bias.tobytes(), (bias * np.float32(factor)).tobytes())


def test_the_known_answers_are_those_of_onnxruntime() -> None:
    assert hear_known_sound(OnnxVad(weights_path())) == pytest.approx(
        np.array(KNOWN_ANSWERS), abs=1e-4
    )
    assert hear_known_sound(SileroVad()) == pytest.approx(np.array(KNOWN_ANSWERS), abs=1e-4)


def test_both_detectors_hear_the_same_in_forty_calls_at_once() -> None:
    numpy, onnx = SileroVad(), OnnxVad(weights_path())
    windows = windows_of(speech_and_noise())
    ours = theirs = np.zeros((40, numpy.state_size), np.float32)
    highest = 0.0
    for step in range(60):
        due = windows[(step + 11 * np.arange(40)) % len(windows)]
        found, ours = numpy.run(due, ours)
        expected, theirs = onnx.run(due, theirs)
        assert found == pytest.approx(expected, abs=1e-4), step
        assert theirs == pytest.approx(ours, abs=1e-3), step
        highest = max(highest, float(expected.max()))
    assert highest > 0.9, "the test must contain speech"


def test_weights_that_cannot_be_read_are_run_by_onnxruntime(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    vad = choose_vad(lambda: told.append("fallback"), renamed(tmp_path / "model.onnx"))
    assert isinstance(vad, OnnxVad)
    assert hear_known_sound(vad) == pytest.approx(np.array(KNOWN_ANSWERS), abs=1e-4)
    assert told == ["fallback"]
    (record,) = caplog.records
    assert (record.levelname, BRANCH.decode() in record.__dict__["reason"]) == ("WARNING", True)


def test_answers_that_are_wrong_are_not_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = biased(tmp_path / "model.onnx", 0.5)
    assert isinstance(choose_vad(lambda: None, path), OnnxVad)
    assert "wrong by up to 0." in caplog.records[0].__dict__["reason"]


def test_a_file_without_the_tensors_or_of_another_form_is_refused(tmp_path: Path) -> None:
    other = write_model(tmp_path / "turn.onnx")
    with pytest.raises(VadError, match=r"no branch.*input_features.*install silero-vad 6\.2\.3"):
        choose_vad(pytest.fail, other)
    # The numbers of a layer's input and output channels, 129 and 128, the other way round.
    sizes, turned = (bytes.fromhex(each) for each in ("0880010881010803", "0881010880010803"))
    with pytest.raises(VadError, match=r"cannot be run: matmul.*cannot be run: .*ONNXRuntimeError"):
        choose_vad(pytest.fail, changed(tmp_path / "turned.onnx", sizes, turned))
    lacking = changed(tmp_path / "lacking.onnx", b"decoder.rnn.bias_ih", b"decoder.rnn.bias_xx")
    with pytest.raises(VadError, match="other tensors"):
        SileroVad(lacking)


def test_a_file_that_is_deaf_is_refused(tmp_path: Path) -> None:
    """With onnxruntime silence comes of weights that are not numbers."""
    with pytest.raises(VadError, match="does not hear speech"):
        choose_vad(pytest.fail, biased(tmp_path / "model.onnx", np.nan))


async def test_the_engine_counts_which_detector_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for installed, value in ((False, 0), (True, 1)):
        if installed:
            (
                renamed(tmp_path / "silero_vad/data/silero_vad.onnx").parents[1] / "__init__.py"
            ).touch()
            monkeypatch.syspath_prepend(tmp_path)
        telemetry = Telemetry()
        async with Engine(
            stt=ScriptedStt(),
            tts=ScriptedTts(),
            make_dialog=lambda _: ScriptedAnswers([]),
            records=MemoryRecorder(),
            telemetry=telemetry,
        ):
            assert telemetry.registry.get_sample_value("switchboard_vad_fallback") == value


def test_a_worker_that_no_detector_serves_says_what_to_do_and_ends(tmp_path: Path) -> None:
    (renamed(tmp_path / "silero_vad/data/silero_vad.onnx").parents[1] / "__init__.py").touch()
    (tmp_path / "onnxruntime.py").write_text("raise ImportError")
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "SWITCHBOARD_POOL": "smile.reception",
        "SWITCHBOARD_NAMESPACE": "smile",
        "SWITCHBOARD_LIVEKIT_URL": "ws://127.0.0.1:9",
        "SWITCHBOARD_LIVEKIT_API_KEY": "key",
        "SWITCHBOARD_LIVEKIT_API_SECRET": "secret",
        "SWITCHBOARD_REDIS_URL": "redis://127.0.0.1:9",
        "SWITCHBOARD_REVISIONS": f"dir:{tmp_path}",
    }
    command = [sys.executable, "-m", "switchboard_agent"]
    ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 3, said
    assert "TURN_MODEL=1" in said
    assert "install silero-vad 6.2.3" in said
    assert "Traceback" not in said


def test_onnxruntime_is_not_loaded_where_numpy_serves() -> None:
    code = (
        "import sys; from switchboard_agent.vad.choice import choose_vad; choose_vad(sys.exit);"
        "sys.exit('onnxruntime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
