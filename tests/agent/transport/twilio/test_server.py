"""Calls from Twilio to a worker, over real sockets: taken, refused, resumed, ended."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from switchboard_agent.admission import RefusalReason
from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.twilio import desk as desk_module
from switchboard_contract.call_events import (
    CallEnded,
    CallStarted,
    Channel,
    KeysSent,
    Outcome,
    ReplySpoken,
    TurnHeard,
)
from switchboard_media.g711 import ulaw_decode, ulaw_encode
from tests.agent.live.configs import agent_config
from tests.agent.transport.twilio.rig import (
    NUMBER,
    PUBLIC_URL,
    Options,
    answer,
    greeted,
    line,
    system,
    until,
    voice_form,
)
from tests.agent.transport.twilio.test_hostile import CONNECTED, start
from tests.agent.worker.fakes import FakeQuota
from tests.support.goertzel import keys_heard
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone


def loud(ms: int) -> bytes:
    return ulaw_encode(tone(ms * 2, level=8000)[: ms * 8])


async def test_conversation_by_voice_and_keys_ends_with_the_agents_goodbye(tmp_path: Path) -> None:
    answers = ScriptedAnswers([Reply("one moment"), Reply("goodbye", end_call=True)])
    options: Options = {
        "make_dialog": lambda _: answers,
        "stt": ScriptedStt(["hello there"]),
    }
    async with system(tmp_path, **options) as (twilio, worker):
        call = await greeted(twilio)
        call.say(loud(600))
        await until(lambda: len(worker.events(ReplySpoken)) >= 2)
        call.press("4")
        call.press("2")
        call.press("#")
        await call.ended.wait()
        await until(lambda: not worker.worker.calls_by_agent())
        (first, second) = worker.events(TurnHeard)
        assert (first.text, second.dtmf) == ("hello there", "42")
        assert twilio.completed == [call.sid]
        assert worker.ended.outcome is Outcome.COMPLETED
        spoken = 20 * 8 * len("hello" + "one moment" + "goodbye")
        assert len(call.played) >= spoken  # to the last word: the end waits for Twilio's queue


async def test_keys_are_tones_in_the_stream_and_the_goodbye_waits_for_the_last(
    tmp_path: Path,
) -> None:
    answers = ScriptedAnswers([Reply("come in", keys="19#", end_call=True)])
    options: Options = {"make_dialog": lambda _: answers, "stt": ScriptedStt(["it is me"])}
    async with system(tmp_path, **options) as (twilio, worker):
        call = await greeted(twilio)
        call.say(loud(600))
        await call.ended.wait()
        await until(lambda: not worker.worker.calls_by_agent())
        (sent,) = [e for e in worker.records.events if isinstance(e, KeysSent)]
        assert (sent.dtmf, sent.complete) == ("19#", True)
        heard = keys_heard(ulaw_decode(bytes(call.played)), 8000)
        assert [key for key, _ in heard] == ["1", "9", "#"]
        assert {ms for _, ms in heard} <= {80, 100}
        assert twilio.completed == [call.sid]
        assert worker.ended.outcome is Outcome.COMPLETED


async def test_call_is_recorded_as_any_other(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = await greeted(twilio)
        config = agent_config()
        assert worker.worker.calls_by_agent() == {config.key: 1}
        started = worker.started
        assert (started.call_id, started.channel) == (call.sid, Channel.TWILIO)
        assert (started.caller, started.called) == ("+15550123", NUMBER)
        assert (started.agent, started.revision) == (config.key, config.revision)
        await call.hang_up()
        await until(lambda: not worker.worker.calls_by_agent())
        assert worker.ended.outcome is Outcome.CALLER_HUNG_UP
        assert twilio.completed == []
        assert worker.admission.held == 0


async def test_interruption_empties_twilios_queue(tmp_path: Path) -> None:
    answers = ScriptedAnswers([Reply("word " * 100)])
    options: Options = {
        "make_dialog": lambda _: answers,
        "stt": ScriptedStt(["go on", "stop"]),
    }
    async with system(tmp_path, **options) as (twilio, worker):
        call = await greeted(twilio)
        call.say(loud(400))
        await until(lambda: len(call.played) > 6000)
        call.say(loud(800))
        await until(lambda: call.streams[0].clears == 1)
        await until(lambda: len(worker.events(ReplySpoken)) >= 2)
        cut = worker.events(ReplySpoken)[1]
        assert cut.interrupted
        assert 0 < len(cut.heard) < 500


async def test_broken_stream_is_resumed_and_the_call_goes_on(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = await greeted(twilio)
        call.break_stream()
        async with asyncio.timeout(5):
            await call.streaming.wait()
        assert len(call.streams) == 2
        call.press("1")
        call.press("#")
        await until(lambda: len(worker.events(TurnHeard)) == 1)
        assert worker.started.call_id == call.sid
        assert worker.admission.held == 1
        await call.hang_up()


async def test_suspended_line_is_busy_and_a_cut_one_ends_its_calls(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        live = await greeted(twilio)
        suspended = line(twilio, agent_config(), tmp_path / "auth-token", dispatch=None)
        worker.revisions.lines.put("line", suspended.to_json())
        refused = twilio.dial(NUMBER)
        await refused.ended.wait()
        assert refused.verbs == ["Reject busy"]
        assert not live.ended.is_set()
        cut = suspended.model_copy(update={"cut": True})
        worker.revisions.lines.put("line", cut.to_json())
        await live.ended.wait()
        assert twilio.completed == [live.sid]


async def test_full_worker_sends_on_and_then_lets_the_caller_hear_busy(tmp_path: Path) -> None:
    async with system(tmp_path, max_calls=1) as (twilio, worker):
        await greeted(twilio)
        refused = twilio.dial(NUMBER)
        await refused.ended.wait()
        assert refused.verbs[-1] == "Reject busy"
        assert refused.verbs[0] == f"Redirect {PUBLIC_URL}/twilio/voice?try=1"
        assert len(refused.verbs) == desk_module.MOST_TRIES
        assert set(worker.refusals) == {RefusalReason.FULL}


async def test_over_quota_no_other_worker_is_asked(tmp_path: Path) -> None:
    quota = FakeQuota()
    config = agent_config(concurrent_calls=1)
    async with system(tmp_path, config=config, quota=quota) as (twilio, worker):
        first = await greeted(twilio)
        refused = twilio.dial(NUMBER)
        await refused.ended.wait()
        assert refused.verbs == ["Reject busy"]
        assert worker.refusals == [RefusalReason.QUOTA]
        await first.hang_up()
        await until(lambda: not quota.held)


async def test_drain_waits_for_the_call_and_takes_no_other(tmp_path: Path) -> None:
    async with system(tmp_path, drain_seconds=20.0) as (twilio, worker):
        call = await greeted(twilio)
        worker.stop.set()
        await until(lambda: worker.admission.draining)
        refused = twilio.dial(NUMBER)
        await refused.ended.wait()
        assert refused.reason == "rejected"
        assert not call.ended.is_set()
        await call.hang_up()
        await until(lambda: worker.ended.outcome is Outcome.CALLER_HUNG_UP)


async def test_drain_that_takes_too_long_ends_the_call(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = await greeted(twilio)
        worker.stop.set()
        await call.ended.wait()
        await until(lambda: len(worker.events(CallEnded)) == 1)
        assert worker.ended.outcome is Outcome.DRAINED


async def test_promise_without_a_stream_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "PROMISE_SECONDS", 0.05)
    async with system(tmp_path) as (twilio, worker):
        await answer(twilio, voice_form(twilio))
        assert worker.admission.held == 1
        await until(lambda: worker.admission.held == 0)
        assert not worker.worker.calls_by_agent()


async def test_call_that_is_over_is_not_begun_anew_by_a_late_stream(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = await greeted(twilio)
        form = voice_form(twilio, CallSid=call.sid)
        _, document = await answer(twilio, form)
        late = document.partition('value="')[2].partition('"')[0]
        await call.hang_up()
        await until(lambda: worker.admission.held == 0)
        url = twilio.workers[0] + "/twilio/streams"
        async with twilio.session.ws_connect(url) as socket:
            await socket.send_str(CONNECTED)
            await socket.send_str(start(twilio, late, call.sid))
            await socket.receive()
            assert socket.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        assert len(worker.events(CallStarted)) == 1


async def test_stream_that_could_not_be_opened_is_asked_for_again(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = twilio.dial(NUMBER, wrong_ports=1)
        async with asyncio.timeout(5):
            await call.streaming.wait()
        assert call.verbs == ["Connect", f"Redirect {PUBLIC_URL}/twilio/after?try=1", "Connect"]
        await until(lambda: len(worker.events(CallStarted)) == 1)
        assert worker.admission.held == 1
        await call.hang_up()


async def test_call_ends_even_if_the_calls_api_fails(tmp_path: Path) -> None:
    answers = ScriptedAnswers([Reply("goodbye", end_call=True)])
    async with system(tmp_path, make_dialog=lambda _: answers) as (twilio, worker):
        twilio.api_status = 500
        call = await greeted(twilio)
        call.press("1")
        call.press("#")
        await call.ended.wait()
        await until(lambda: len(worker.events(CallEnded)) == 1)
        assert call.verbs == ["Connect", f"Redirect {PUBLIC_URL}/twilio/after?try=1", "Hangup"]
        assert worker.ended.outcome is Outcome.COMPLETED
