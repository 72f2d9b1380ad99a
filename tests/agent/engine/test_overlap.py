"""The caller is heard over the agent's voice: it goes on, or it must not be stopped at all."""

import asyncio

import numpy as np
import pytest

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import Outcome
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone

LONG = "one two three four five six seven eight nine ten"
LABELS = {"tenant": "clinic", "agent": "clinic/desk"}


def voiced(transport: LoopbackTransport) -> Pcm:
    return np.concatenate([heard.frame for heard in transport.recording.agent])


def whole(text: str) -> Pcm:
    return np.concatenate(
        [tone(len(text[at : at + 20]) * 60, level=3000) for at in range(0, len(text), 20)]
    )


@pytest.mark.parametrize(
    ("sound_ms", "words", "verdict"),
    [(350, "uh-huh", "backchannel"), (600, "yeah okay", "backchannel"), (450, "", "noise")],
)
def test_assent_and_noise_let_the_agent_go_on_at_the_exact_sample_within_a_second(
    sound_ms: int, words: str, verdict: str
) -> None:
    call = Call(dialog=ScriptedAnswers([Reply(LONG)]), stt=ScriptedStt(["tell me", words, "bye"]))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(0.6)
        await caller.say(tone(sound_ms))
        await caller.wait_for_silence(1.5)
        await caller.say(tone(800))

    transport = call.play(script)
    assert [turn.text for turn in call.turns] == ["tell me", "bye"]
    assert call.replies[1].heard == LONG
    pauses = np.diff([heard.at_seconds for heard in transport.recording.agent])
    longest = max(pause for pause in pauses if pause < sound_ms / 1000 + 1)
    assert 0.2 < longest < sound_ms / 1000 + 1
    begin = len(whole("hello"))
    assert np.array_equal(voiced(transport)[begin : begin + len(whole(LONG))], whole(LONG))
    counted = call.telemetry.registry.get_sample_value(
        "switchboard_overlaps_total", LABELS | {"verdict": verdict}
    )
    assert counted == 1


def test_a_protected_reply_is_heard_to_its_end_and_the_words_over_it_are_answered_after() -> None:
    call = Call(
        dialog=ScriptedAnswers([Reply(LONG, protected=True)]), stt=ScriptedStt(["tell me", "stop"])
    )

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await asyncio.sleep(0.6)
        caller.press("1")
        await caller.say(tone(900))

    transport = call.play(script)
    assert [reply.heard for reply in call.replies] == ["hello", LONG, "goodbye"]
    assert not call.replies[1].interrupted
    assert [(turn.text, turn.dtmf) for turn in call.turns] == [("tell me", ""), ("stop", "1")]
    within = [h.at_seconds for h in transport.recording.agent][20:100]
    assert max(np.diff(within)) < 0.021


def test_every_caller_hears_the_disclosure_even_who_interrupts_the_greeting() -> None:
    config = agent_config()
    assert config.script is not None
    script_with = config.script.model_copy(
        update={"disclosure": "{agent} records this call.", "greeting": LONG}
    )
    call = Call(
        config=config.model_copy(update={"script": script_with}),
        dialog=ScriptedAnswers(),
        stt=ScriptedStt(["help"]),
    )

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_agent()
        await asyncio.sleep(0.05)
        await caller.say(tone(1500))

    call.play(script)
    assert call.outcome is Outcome.COMPLETED
    assert [reply.text for reply in call.replies] == [
        "hello",
        "Ann records this call.",
        "goodbye",
    ]
    assert call.replies[0].interrupted
    assert call.replies[1].heard == call.replies[1].text
    assert call.dialog.heard_of[1] == "Ann records this call."
