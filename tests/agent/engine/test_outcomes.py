import asyncio

import pytest
from typing_extensions import override

from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.base import CloseReason, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.call_events import CallStarted, Outcome
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import Limits
from tests.agent.engine.calls import Call, agent_config
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, ScriptedTts, tone
from tests.support.virtual_time import run_virtual


class BrokenDialog(ScriptedAnswers):
    @override
    def commit(self, reply: Reply) -> None:
        raise ZeroDivisionError


class BrokenTransport(LoopbackTransport):
    @override
    def play(self, frame: Pcm) -> None:
        raise OSError("the wire is cut")


class RingingPhone(LoopbackTransport):
    """Is picked up after a second."""

    async def wait_until_answered(self) -> None:
        await asyncio.sleep(1)


async def say_nothing(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(1000)


async def say_one_thing(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(800))
    await caller.wait_for_agent()


def test_a_caller_that_never_speaks_is_asked_and_then_bidden_goodbye() -> None:
    call = Call(config=agent_config(turn=TurnSpec(no_input_seconds=3)))
    call.play(say_nothing)
    assert call.outcome is Outcome.NO_INPUT
    assert [reply.text for reply in call.replies] == ["hello", "are you there", "are you there"]
    assert 6 < call.seconds < 10


def test_a_call_without_any_audio_ends_as_such() -> None:
    call = Call()

    async def script(caller: LoopbackCaller) -> None:
        caller.muted = True
        await say_nothing(caller)

    call.play(script)
    assert call.outcome is Outcome.NO_MEDIA
    assert 10 <= call.seconds <= 12


def test_audio_that_breaks_off_mid_word_ends_the_utterance_and_the_call() -> None:
    call = Call(stt=ScriptedStt(["half a"]))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        caller.muted = True
        await caller.say(tone(600))
        await say_nothing(caller)

    call.play(script)
    assert [turn.text for turn in call.turns] == ["half a"]


def test_a_caller_who_hangs_up_mid_word_is_recorded_as_such() -> None:
    call = Call()

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        speaking = asyncio.ensure_future(caller.say(tone(2000)))
        await asyncio.sleep(0.7)
        caller.hang_up()
        await speaking

    call.play(script)
    assert call.outcome is Outcome.CALLER_HUNG_UP
    assert call.ended.outcome is Outcome.CALLER_HUNG_UP
    assert call.stt.open_streams == call.tts.open_streams == 0


def test_hanging_up_on_a_speaking_agent_records_what_was_heard() -> None:
    call = Call()

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_agent()
        caller.hang_up()

    call.play(script)
    assert call.replies[0].interrupted
    assert call.replies[0].heard != "hello"


def test_a_lost_transport_is_not_the_callers_doing() -> None:
    call = Call()

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        caller.hang_up(CloseReason.LOST)

    call.play(script)
    assert call.outcome is Outcome.TRANSPORT_FAILED


def test_the_longest_call_is_as_long_as_its_limit() -> None:
    call = Call(
        config=agent_config(limits=Limits(max_call_seconds=10), turn=TurnSpec(no_input_seconds=60))
    )
    transport = call.play(say_nothing)
    assert call.outcome is Outcome.MAX_DURATION
    answered = transport.recording.caller[0].at_seconds
    assert call.seconds - answered == pytest.approx(10, abs=0.1)


def test_a_recogniser_that_fails_costs_one_utterance_and_is_replaced() -> None:
    call = Call(
        stt=ScriptedStt([RuntimeError("broken"), "hello"]),
        dialog=ScriptedAnswers([Reply("pardon")]),
    )

    async def script(caller: LoopbackCaller) -> None:
        await say_one_thing(caller)
        await say_one_thing(caller)

    call.play(script)
    assert [turn.text for turn in call.turns] == ["", "hello"]
    assert call.outcome is Outcome.COMPLETED
    assert call.stt.open_streams == 0


def test_a_recogniser_that_never_answers_does_not_mute_the_agent() -> None:
    call = Call(stt=ScriptedStt(["late"], delay_seconds=60))
    call.play(say_one_thing)
    assert call.turns[0].text == ""
    assert call.replies[1].turn_latency_ms is not None
    assert call.replies[1].turn_latency_ms <= 1500


def test_a_synthesiser_that_fails_once_is_tried_again() -> None:
    call = Call(tts=ScriptedTts(failures=1), stt=ScriptedStt(["bye"]))
    call.play(say_one_thing)
    assert [reply.heard for reply in call.replies] == ["hello", "goodbye"]
    assert call.outcome is Outcome.COMPLETED


def test_a_synthesiser_that_keeps_failing_fails_the_call() -> None:
    call = Call(tts=ScriptedTts(failures=9))
    call.play(say_nothing)
    assert call.outcome is Outcome.FAILED
    assert call.seconds < 1


def test_a_bug_in_a_dialog_ends_its_call_and_no_other() -> None:
    call = Call(dialog=BrokenDialog())
    call.play(say_nothing)
    assert call.outcome is Outcome.FAILED
    assert call.ended.outcome is Outcome.FAILED


def test_a_wire_that_breaks_ends_its_call() -> None:
    call = Call(make_transport=BrokenTransport)
    call.play(say_nothing)
    assert call.outcome is Outcome.TRANSPORT_FAILED


def test_a_recogniser_that_chokes_on_audio_costs_the_words_and_not_the_call() -> None:
    call = Call(stt=ScriptedStt(chokes=True))
    call.play(say_one_thing)
    assert [turn.text for turn in call.turns] == [""]
    assert call.outcome is Outcome.COMPLETED
    assert call.stt.open_streams == 0


def test_cancelling_hangs_up_and_records_a_drained_call() -> None:
    call = Call()

    async def main() -> None:
        running = asyncio.ensure_future(call.run(say_nothing))
        await asyncio.sleep(2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtual(main())
    assert call.ended.outcome is Outcome.DRAINED
    assert call.stt.open_streams == call.tts.open_streams == 0


def test_nothing_is_said_to_a_phone_that_rings() -> None:
    call = Call(make_transport=RingingPhone)
    call.play(say_one_thing)
    greeting, _ = call.replies
    assert greeting.started_call_ms >= 1_000
    assert call.outcome is Outcome.COMPLETED


def test_a_call_that_is_cut_off_while_it_rings_is_on_record() -> None:
    call = Call(make_transport=RingingPhone)

    async def main() -> None:
        running = asyncio.ensure_future(call.run(say_nothing))
        await asyncio.sleep(0.5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtual(main())
    started, ended = call.records.events
    assert isinstance(started, CallStarted)
    assert ended is call.ended
    assert call.ended.outcome is Outcome.DRAINED
