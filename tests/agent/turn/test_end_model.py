"""Judging by ear whether a caller is done, with a real ONNX model."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from switchboard_agent.turn.end_judges import EndJudges
from switchboard_agent.turn.end_model import SPAN_SAMPLES, EndModel, EndModelError, features
from switchboard_agent.turn.log_mel import log_mel
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.turn import EndDetector, Endpointing, TurnSpec
from switchboard_contract.crd.turn import EndModel as EndModelSpec
from tests.agent.engine.calls import agent_config
from tests.support.onnx_model import write_model
from tests.support.speech_fakes import hush, tone


def with_model(path: Path) -> AgentConfig:
    endpointing = Endpointing(detector=EndDetector.AUDIO_MODEL, model=EndModelSpec(path=str(path)))
    return agent_config(turn=TurnSpec(endpointing=endpointing))


def test_the_picture_is_that_of_the_feature_extractor_which_the_models_were_trained_with() -> None:
    """Values of transformers 4.57.1, `WhisperFeatureExtractor(chunk_length=8)`, do_normalize."""
    at = np.arange(5 * 16_000) / 16_000
    noise = np.random.default_rng(7).standard_normal(len(at))
    sound = 0.3 * np.sin(2 * np.pi * 440 * at) * np.sin(2 * np.pi * 1.5 * at) + 0.05 * noise
    whole = np.pad(sound.astype(np.float32), (SPAN_SAMPLES - len(at), 0))
    even = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
    picture = log_mel(even.astype(np.float32))
    assert picture.shape == (80, 800)
    expected = {
        (0, 300): 0.9802,
        (10, 400): 1.0354,
        (20, 500): 0.7724,
        (40, 600): 0.9615,
        (60, 700): 0.9434,
        (79, 799): 0.8080,
        (5, 0): -0.2156,
        (12, 450): 1.6393,
    }
    assert {at: picture[at] for at in expected} == pytest.approx(expected, abs=1e-3)


def test_a_short_turn_has_silence_before_it_and_of_a_long_one_the_end_counts() -> None:
    short = features(tone(1000))[0]
    assert short[:, :690].max() < short[:, 710:].max()
    last = tone(8000)
    assert np.array_equal(features(np.concatenate((hush(3000), last))), features(last))


def test_a_model_tells_turns_apart(tmp_path: Path) -> None:
    model = EndModel(str(write_model(tmp_path / "turn.onnx")))
    assert 0.0 <= model.finished(tone(6000)) < model.finished(tone(300)) <= 1.0


def test_a_model_of_another_interface_is_refused(tmp_path: Path) -> None:
    for path in (
        write_model(tmp_path / "name.onnx", name="audio"),
        write_model(tmp_path / "bands.onnx", bands=128),
    ):
        with pytest.raises(EndModelError, match="use an export of Smart Turn v3"):
            EndModel(str(path))


def test_a_file_that_is_missing_or_no_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EndModelError, match="mount it into the worker"):
        EndModel(str(tmp_path / "nowhere.onnx"))
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"no model")
    with pytest.raises(EndModelError, match="is no model that onnxruntime"):
        EndModel(str(garbage))


async def test_a_model_that_cannot_be_loaded_costs_no_call(tmp_path: Path) -> None:
    failed: list[str] = []
    judges = EndJudges(lambda config: failed.append(config.key))
    config = with_model(tmp_path / "nowhere.onnx")
    await judges.prepare(config)
    assert failed == ["clinic/desk"]
    assert await judges.finished(config, tone(1000)) is None
    with pytest.raises(EndModelError):
        await judges.check(config)
    judges.close()


async def test_an_agent_without_a_model_needs_no_thread() -> None:
    judges = EndJudges(lambda _: None)
    await judges.prepare(agent_config())
    assert await judges.finished(agent_config(), tone(1000)) is None
    assert judges._executor is None


def test_onnxruntime_is_loaded_only_with_a_model() -> None:
    code = (
        "import sys, switchboard_agent.main, switchboard_agent.turn.end_judges;"
        "sys.exit('onnxruntime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
