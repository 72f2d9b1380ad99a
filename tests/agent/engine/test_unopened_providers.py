"""A provider that raises as soon as it is asked: the call goes on, and it is asked again later."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from typing_extensions import override

from switchboard_agent.dialog.base import Reply
from switchboard_agent.stt.base import SpeechStream, SpeechToTextError, Transcript
from switchboard_agent.transport.base import Pcm
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_agent.tts.base import TextToSpeechError
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import Outcome
from switchboard_contract.crd.voice_agent import TtsSpec
from tests.agent.engine.calls import Call
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, ScriptedTts, tone

LABELS = {"tenant": "clinic", "agent": "clinic/desk"}


@dataclass
class ShutStt(ScriptedStt):
    """Cannot be opened at the tries named, counted from 1."""

    shut: frozenset[int] = frozenset()
    tries: int = 0

    @override
    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        self.tries += 1
        if self.tries in self.shut:
            raise SpeechToTextError("scripted")
        return super().open(config, on_partial)


@dataclass
class ShutTts(ScriptedTts):
    """Raises before it gives an iterator, for one text."""

    shut_for: str = ""
    tries: list[str] = field(default_factory=list)

    @override
    def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        self.tries.append(text)
        if text == self.shut_for:
            raise TextToSpeechError("scripted")
        return super().synthesize(text, spec)


async def speaks_twice(caller: LoopbackCaller) -> None:
    for _ in range(2):
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()
        await caller.wait_for_silence(1.0)
    caller.hang_up()


def failures(call: Call, part: str) -> float:
    found = call.telemetry.registry.get_sample_value(
        "switchboard_speech_failures_total", LABELS | {"part": part, "reason": "error"}
    )
    return found or 0.0


def served(stt: ShutStt, tts: ScriptedTts | None = None) -> Call:
    answers = ScriptedAnswers([Reply("first answer"), Reply("second answer"), Reply("third")])
    call = Call(dialog=answers, stt=stt, tts=tts or ScriptedTts())
    call.play(speaks_twice)
    assert call.outcome is Outcome.CALLER_HUNG_UP
    assert [reply.heard for reply in call.replies][:2] == ["hello", "first answer"]
    assert call.stt.open_streams == call.tts.open_streams == 0
    return call


def test_a_recogniser_shut_at_the_start_of_the_call_is_opened_with_the_first_utterance() -> None:
    call = served(ShutStt(["yes", "no"], shut=frozenset({1})))
    assert [turn.text for turn in call.turns] == ["yes", "no"]
    assert failures(call, "stt") == 1


def test_a_recogniser_that_stays_shut_costs_the_words_of_the_utterance_only() -> None:
    stt = ShutStt(["yes"], shut=frozenset({1, 2}))
    call = served(stt)
    assert [turn.text for turn in call.turns] == ["", "yes"]
    assert failures(call, "stt") == 2
    assert stt.tries == 3, "once at the start, once with each utterance"


def test_a_broken_recogniser_that_cannot_be_replaced_is_opened_with_the_next_utterance() -> None:
    stt = ShutStt([RuntimeError("scripted"), "yes"], shut=frozenset({2}))
    call = served(stt)
    assert [turn.text for turn in call.turns] == ["", "yes"]
    assert failures(call, "stt") == 2
    assert stt.tries == 3


def test_a_synthesiser_that_raises_at_once_is_tried_twice_and_excused() -> None:
    tts = ShutTts(shut_for="first answer")
    call = Call(
        dialog=ScriptedAnswers([Reply("first answer"), Reply("second answer")]),
        stt=ScriptedStt(["yes", "no"]),
        tts=tts,
    )
    call.play(speaks_twice)
    assert call.outcome is Outcome.CALLER_HUNG_UP
    assert tts.tries.count("first answer") == 4, "an excuse is no answer: it is given again"
    assert failures(call, "tts") == 4
    assert len(call.replies) == 3
    assert all(reply.heard for reply in call.replies)
