"""The real detector in the engine: what is not speech must not become a turn."""

from collections.abc import Callable

import numpy as np
import pytest

from switchboard_agent.recordings import load_conversation
from switchboard_agent.transport.base import Pcm
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_agent.vad.silero import SileroVad
from switchboard_contract.call_events import Outcome
from switchboard_contract.crd.turn import TurnSpec
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedStt, hush


def white_noise(seconds: float) -> Pcm:
    noise = np.random.default_rng(3).standard_normal(int(seconds * 16_000)) * 1500
    return noise.astype(np.int16)


def hum(seconds: float) -> Pcm:
    wave: Pcm = (5000 * np.sin(np.arange(seconds * 16_000) * 2 * np.pi * 50 / 16_000)).astype(
        np.int16
    )
    return wave


@pytest.mark.parametrize("sound", [white_noise, hum])
def test_a_call_full_of_noise_ends_as_one_without_input(sound: Callable[[float], Pcm]) -> None:
    call = Call(config=agent_config(turn=TurnSpec(no_input_seconds=2)), vad=SileroVad())

    async def script(caller: LoopbackCaller) -> None:
        await caller.say(sound(30))

    call.play(script)
    assert call.outcome is Outcome.NO_INPUT
    assert call.turns == []


def test_recorded_speech_is_one_turn_with_its_end_known_to_a_tenth_of_a_second() -> None:
    turn = load_conversation().turns[0]
    call = Call(stt=ScriptedStt([turn.text]), vad=SileroVad())
    begun: list[float] = []

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(1)
        begun.append(caller.now_ms)
        await caller.say(np.concatenate((turn.pcm, hush(100))))
        await caller.wait_for_agent()

    call.play(script)
    (heard,) = call.turns
    assert heard.text == turn.text
    assert heard.speech_ended_call_ms - begun[0] == pytest.approx(turn.speech_end_ms, abs=100)
