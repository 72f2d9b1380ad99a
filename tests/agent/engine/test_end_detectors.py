"""Which pause ends a turn, by each detector, in whole calls."""

from pathlib import Path

import numpy as np
import pytest

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.crd.turn import EndDetector, EndModel, Endpointing, TurnSpec
from tests.agent.engine.calls import Call, agent_config
from tests.support.onnx_model import write_model
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, hush, tone


def call(endpointing: Endpointing, *words: str) -> Call:
    return Call(
        dialog=ScriptedAnswers([Reply("what day")]),
        stt=ScriptedStt(list(words)),
        config=agent_config(turn=TurnSpec(endpointing=endpointing)),
    )


async def pauses_for_700_ms(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(np.concatenate((tone(800), hush(700), tone(800))))
    await caller.wait_for_agent()


def test_silence_knows_no_words() -> None:
    made = call(Endpointing(detector=EndDetector.SILENCE), "monday and", "tuesday")
    made.play(pauses_for_700_ms)
    assert [turn.text for turn in made.turns][:2] == ["monday and", "tuesday"]


def test_completeness_waits_for_what_the_words_promise() -> None:
    made = call(Endpointing(), "monday and", "tuesday")
    made.play(pauses_for_700_ms)
    assert made.turns[0].text == "monday and tuesday"


@pytest.mark.parametrize(("threshold", "first"), [(0.95, "one two"), (0.05, "one")])
def test_the_ear_decides_where_there_is_a_model(
    tmp_path: Path, threshold: float, first: str
) -> None:
    model = EndModel(path=str(write_model(tmp_path / "turn.onnx")), threshold=threshold)
    made = call(Endpointing(detector=EndDetector.AUDIO_MODEL, model=model), "one", "two")
    made.play(pauses_for_700_ms)
    assert made.turns[0].text == first
    labels = {"tenant": "clinic", "agent": "clinic/desk"}
    page = made.telemetry.registry
    assert page.get_sample_value(
        "switchboard_turn_latency_seconds_count", labels | {"stage": "judge"}
    )
    assert not page.get_sample_value("switchboard_turn_model_failures_total", labels)


def test_without_its_model_file_an_agent_goes_by_the_words() -> None:
    endpointing = Endpointing(
        detector=EndDetector.AUDIO_MODEL, model=EndModel(path="/nowhere/turn.onnx")
    )
    made = call(endpointing, "monday and", "tuesday")
    made.play(pauses_for_700_ms)
    assert made.turns[0].text == "monday and tuesday"
