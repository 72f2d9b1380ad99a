import numpy as np

from switchboard_agent.dialog.base import CallerTurn, Reply
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.call_events import CallStarted, Outcome, SlotsChanged
from tests.agent.engine.calls import INFO, Call
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, hush, tone


async def answers_twice(caller: LoopbackCaller) -> None:
    for _ in range(2):
        await caller.wait_for_silence(0.5)
        await caller.say(tone(1000))
        await caller.wait_for_agent()


def two_turns() -> Call:
    return Call(
        dialog=ScriptedAnswers([Reply("what day")]), stt=ScriptedStt(["i need help", "monday"])
    )


def test_caller_is_greeted_answered_and_bidden_goodbye() -> None:
    call = two_turns()
    call.play(answers_twice)
    assert call.outcome is Outcome.COMPLETED
    assert [turn.text for turn in call.turns] == ["i need help", "monday"]
    assert [reply.heard for reply in call.replies] == ["hello", "what day", "goodbye"]
    assert call.dialog.asked == [CallerTurn("i need help"), CallerTurn("monday")]
    assert call.ended.result == "done"


def test_the_greeting_was_spoken_ahead_and_starts_at_once() -> None:
    call = two_turns()
    recording = call.play(answers_twice).recording
    assert recording.agent[0].at_seconds == recording.caller[0].at_seconds
    assert call.replies[0].turn_latency_ms is None


def test_reply_comes_as_soon_as_endpoint_and_providers_allow() -> None:
    """Silence of 190 ms is seen after 192 to 224 ms, and the providers take 330 ms after it."""
    call = two_turns()
    call.play(answers_twice)
    for reply in call.replies[1:]:
        assert reply.turn_latency_ms is not None
        assert 500 <= reply.turn_latency_ms <= 580


def test_hangs_up_only_after_the_goodbye_was_heard_to_the_end() -> None:
    call = two_turns()
    transport = call.play(answers_twice)
    last = transport.recording.agent[-1]
    assert call.replies[-1].heard == "goodbye"
    assert call.seconds - last.at_seconds >= 0.299
    samples = sum(int(np.count_nonzero(heard.frame)) for heard in transport.recording.agent)
    assert samples > 0.99 * 16 * 60 * len("hellowhat daygoodbye") * 0.98


def test_records_are_numbered_without_holes_and_begin_with_who_called() -> None:
    call = two_turns()
    call.play(answers_twice)
    events = call.records.events
    assert [event.sequence for event in events] == list(range(len(events)))
    first = events[0]
    assert isinstance(first, CallStarted)
    assert (first.caller, first.called, first.worker) == (INFO.caller, INFO.called, "worker-1")
    assert [e.slots["turns"] for e in events if isinstance(e, SlotsChanged)] == ["1", "2", "3"]
    times = [event.at_call_ms for event in events]
    assert times == sorted(times)


def test_nothing_is_left_open_at_the_end() -> None:
    call = two_turns()
    call.play(answers_twice)
    assert call.stt.open_streams == 0
    assert call.tts.open_streams == 0
    page = call.telemetry.registry
    labels = {"tenant": "clinic", "agent": "clinic/desk"}
    assert page.get_sample_value("switchboard_active_calls", labels) == 0
    ended = page.get_sample_value("switchboard_calls_total", labels | {"outcome": "completed"})
    assert ended == 1
    for stage in ("endpointing", "stt", "dialog", "tts", "total"):
        count = page.get_sample_value(
            "switchboard_turn_latency_seconds_count", labels | {"stage": stage}
        )
        assert count is not None
        assert count >= 2, stage


def test_a_pause_after_unfinished_words_does_not_end_the_turn() -> None:
    call = Call(stt=ScriptedStt(["monday and", "tuesday"]))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(np.concatenate((tone(700), hush(900), tone(700))))
        await caller.wait_for_agent()

    call.play(script)
    assert [turn.text for turn in call.turns] == ["monday and tuesday"]
    assert [reply.text for reply in call.replies] == ["hello", "goodbye"]


def test_a_reply_prepared_too_early_is_thrown_away_and_never_counted() -> None:
    call = Call(stt=ScriptedStt(["monday", "or tuesday"]))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(np.concatenate((tone(700), hush(340), tone(700))))
        await caller.wait_for_agent()

    call.play(script)
    assert [turn.text for turn in call.dialog.asked] == ["monday", "monday or tuesday"]
    assert [reply.text for reply in call.dialog.committed] == ["hello", "goodbye"]
    assert [turn.text for turn in call.turns] == ["monday or tuesday"]


def test_the_first_sound_reaches_the_recogniser_with_what_came_before_it() -> None:
    call = Call(stt=ScriptedStt(["hello"]))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(1000))
        await caller.wait_for_agent()

    call.play(script)
    (samples,) = call.stt.utterances
    assert samples >= (300 + 1000 + 150) * 16


def test_what_the_caller_said_before_the_agent_listened_is_heard() -> None:
    call = Call(stt=ScriptedStt(["hello"]), early=np.concatenate((tone(600), hush(300))))

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(100)

    call.play(script)
    assert [turn.text for turn in call.turns] == ["hello"]
    assert call.stt.utterances[0] >= 600 * 16
    assert [reply.text for reply in call.replies] == ["hello", "goodbye"]


def test_keyed_digits_are_a_turn_ended_by_hash() -> None:
    call = Call()

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        for digit in "555#":
            caller.press(digit)
        await caller.wait_for_agent()

    call.play(script)
    assert call.dialog.asked == [CallerTurn("", "555")]
    assert [turn.dtmf for turn in call.turns] == ["555"]
    assert call.outcome is Outcome.COMPLETED


def test_keyed_digits_are_a_turn_ended_by_a_pause() -> None:
    call = Call()

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_agent()
        caller.press("7")
        await caller.wait_for_silence(1.5)
        caller.press("8")
        await caller.wait_for_agent()

    call.play(script)
    assert call.dialog.asked == [CallerTurn("", "78")]
    assert call.replies[0].interrupted
