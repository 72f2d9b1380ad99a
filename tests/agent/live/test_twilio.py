"""Calls from Twilio on real servers: a worker as it is shipped, and several behind one address."""

import asyncio
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from switchboard_agent.admission_quota import KEY_PREFIX, RedisQuota
from switchboard_agent.dialog.base import Reply
from switchboard_agent.recordings import load_conversation
from switchboard_agent.transport.twilio import desk as desk_module
from switchboard_agent.transport.twilio.book import CallBook
from switchboard_contract.call_events import (
    CALL_EVENT,
    CallEnded,
    CallEvent,
    CallStarted,
    Outcome,
    TurnHeard,
)
from switchboard_contract.names import CALL_STREAM
from switchboard_local.ports import free_port
from switchboard_local.servers import LiveKitServer, RedisServer
from switchboard_media.g711 import ulaw_encode
from switchboard_media.resample import resample
from tests.agent.dialog.sample import sample_config
from tests.agent.live.configs import agent_config
from tests.agent.live.worker_process import worker_process
from tests.agent.transport.twilio.rig import (
    NUMBER,
    PUBLIC_URL,
    Options,
    Replica,
    answer,
    greeted,
    line,
    replica,
    until,
    voice_form,
)
from tests.agent.transport.twilio.test_hostile import CONNECTED, start
from tests.support.speech_fakes import ScriptedAnswers
from tests.support.twilio_server import PhoneCall, TwilioStandIn

pytestmark = pytest.mark.integration

_HELLO, _NAME, _DAY, _, _, _, _YES, _BYE = range(8)


# --- the worker as it is shipped ------------------------------------------------------------


async def say(call: PhoneCall, turn: int) -> None:
    """Speak a recorded sentence over the narrow line; return when the agent has answered."""
    spoken = load_conversation().turns[turn].pcm
    call.say(ulaw_encode(resample(spoken, 16_000, 8000)))
    await call.listen()


async def events_of(redis: RedisServer, call_sid: str) -> list[CallEvent]:
    async with Redis.from_url(redis.url) as client:
        entries: Any = await client.xrange(CALL_STREAM)
    events = [CALL_EVENT.validate_json(fields[b"event"]) for _, fields in entries]
    return [event for event in events if event.call_id == call_sid]


async def test_appointment_is_booked_over_a_media_stream(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    config, port, twilio = sample_config(), free_port(), TwilioStandIn(PUBLIC_URL)
    environment = {"SWITCHBOARD_TWILIO_PORT": str(port)}
    async with (
        twilio.serve(),
        worker_process(
            tmp_path, livekit, redis, config, pool="twilio-booking", environment=environment
        ),
    ):
        written = line(twilio, config, tmp_path / "auth-token")
        (tmp_path / "worker" / "reception.line.json").write_text(written.to_json())
        await asyncio.sleep(1.5)  # the directory is looked at once a second
        twilio.workers.append(f"http://127.0.0.1:{port}")
        call = twilio.dial(NUMBER)
        await call.listen()
        for turn in (_HELLO, _NAME, _DAY):
            await say(call, turn)
        for digit in "5551234#":
            call.press(digit)
        await call.listen()
        for turn in (_YES, _BYE):
            await say(call, turn)
        async with asyncio.timeout(20):
            await call.ended.wait()
        events = await events_of(redis, call.sid)

    assert isinstance(events[0], CallStarted)
    ended = events[-1]
    assert isinstance(ended, CallEnded)
    assert ended.outcome is Outcome.COMPLETED
    assert ended.result == "booking"
    assert ended.slots == {
        "name": "Sarah Johnson",
        "day": "next tuesday",
        "time": "15:00",
        "phone": "5551234",
    }
    assert twilio.completed == [call.sid]


# --- several workers behind one address -----------------------------------------------------


@asynccontextmanager
async def two(
    tmp_path: Path, redis: RedisServer, *, concurrent_calls: int | None = None
) -> AsyncIterator[tuple[TwilioStandIn, Replica, Replica]]:
    """Twilio, and two workers that it comes to in turn."""
    twilio = TwilioStandIn(PUBLIC_URL)
    async with twilio.serve(), Redis.from_url(redis.url) as client:

        def options(name: str) -> Options:
            return {
                "name": name,
                "redis_url": redis.url,
                "config": agent_config(concurrent_calls=concurrent_calls),
                "quota": RedisQuota(client, on_unshared=pytest.fail),
                "drain_seconds": 20.0,
                "make_dialog": lambda _: ScriptedAnswers([Reply(f"answer {n}") for n in range(9)]),
            }

        async with (
            replica(twilio, tmp_path, **options("one")) as one,
            replica(twilio, tmp_path, **options("two")) as other,
        ):
            yield twilio, one, other


async def test_stream_that_comes_to_another_worker_is_served_there_and_counts_once(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "PROMISE_SECONDS", 0.5)
    async with two(tmp_path, redis, concurrent_calls=1) as (twilio, one, other):
        call = await greeted(twilio)  # asked at one, streamed to the other: the last place moves
        assert other.started.call_id == call.sid
        assert not one.events(CallStarted)
        await until(lambda: one.admission.held == 0)
        assert other.admission.held == 1
        async with Redis.from_url(redis.url) as client:
            assert await client.zcard(KEY_PREFIX + "smile-dental") == 1
        await call.hang_up()
        await until(lambda: other.admission.held == 0)
        async with Redis.from_url(redis.url) as client:
            assert await client.zcard(KEY_PREFIX + "smile-dental") == 0


async def test_stream_that_could_not_be_opened_is_asked_for_again_with_the_last_place(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with two(tmp_path, redis, concurrent_calls=1) as (twilio, one, other):
        call = twilio.dial(NUMBER, wrong_ports=2)
        await until(call.streaming.is_set)
        await until(lambda: len(one.events(CallStarted) + other.events(CallStarted)) == 1)
        assert not call.ended.is_set()
        await call.hang_up()


async def test_token_is_good_once_over_all_workers(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as (twilio, one, other):
        _, document = await answer(twilio, voice_form(twilio))
        token = document.partition('value="')[2].partition('"')[0]

        async def stream(worker: Replica) -> None:
            async with twilio.session.ws_connect(f"{worker.url}/twilio/streams") as socket:
                await socket.send_str(CONNECTED)
                await socket.send_str(start(twilio, token))
                await asyncio.sleep(1.0)

        await asyncio.gather(*(stream(worker) for worker in (one, other, one, other)))
        began = one.events(CallStarted) + other.events(CallStarted)
        assert len(began) == 1
        assert one.faults("token") + other.faults("token") == 3


def _reached(things: Sized, count: int) -> bool:
    return len(things) == count


async def test_broken_stream_finds_the_worker_that_serves_the_call(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with two(tmp_path, redis) as (twilio, one, other):
        call = await greeted(twilio)
        serving, idle = (one, other) if one.events(CallStarted) else (other, one)
        for times in (1, 2, 3):
            call.break_stream()
            await until(partial(_reached, call.streams, times + 1))
            call.press("1")
            call.press("#")
            await until(lambda: len(serving.events(TurnHeard)) >= len(call.streams) - 1)
        assert len(serving.events(CallStarted)) == 1
        assert not idle.events(CallStarted)
        assert not call.ended.is_set()
        await call.hang_up()


async def test_draining_worker_keeps_its_call_though_nothing_new_is_led_to_it(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with two(tmp_path, redis) as (twilio, one, other):
        call = await greeted(twilio)
        serving, idle = (one, other) if one.events(CallStarted) else (other, one)
        serving.stop.set()
        await until(lambda: serving.admission.draining)
        twilio.workers[:] = [idle.url]
        call.break_stream()
        await until(partial(_reached, call.streams, 2))
        call.press("1")
        call.press("#")
        await until(lambda: len(serving.events(TurnHeard)) == 1)
        await call.hang_up()
        await until(lambda: len(serving.events(CallEnded)) == 1)
        assert serving.ended.outcome is Outcome.CALLER_HUNG_UP
        twilio.workers[:] = [one.url, other.url]


async def test_call_is_over_for_all_workers_once_it_is_over(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with two(tmp_path, redis) as (twilio, one, other):
        call = await greeted(twilio)
        await call.hang_up()
        await until(lambda: one.admission.held + other.admission.held <= 1)
        for worker in (one, other):
            twilio.workers[:] = [worker.url]
            form = voice_form(twilio, CallSid=call.sid)
            _, document = await answer(twilio, form, path="/twilio/after")
            assert "<Hangup />" in document
        twilio.workers[:] = [one.url, other.url]


async def test_stream_of_a_lost_call_is_held_until_it_has_moved_or_ended(
    tmp_path: Path, redis: RedisServer
) -> None:
    sid = "CA" + "1" * 32
    async with two(tmp_path, redis) as (twilio, one, other), Redis.from_url(redis.url) as client:
        dead = CallBook(client, "dead")
        dead.address = f"127.0.0.1:{free_port()}"
        await dead.hold(sid, 60)
        call = PhoneCall(twilio, sid, "+15550123", NUMBER)
        twilio.calls[sid] = call
        call.begin("/twilio/after?try=1")
        await until(partial(_reached, call.streams, 1))
        await asyncio.sleep(0.5)
        assert len(call.streams) == 1  # held, not sent round in circles
        await dead.forget(sid)
        await call.ended.wait()
        assert call.verbs[-1] == "Hangup"
        assert not one.events(CallStarted) + other.events(CallStarted)
