"""A call from Twilio outlives the worker that served it."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchboard_contract.call_events import (
    CallEnded,
    CallRecovered,
    CallStarted,
    Outcome,
    ReplySpoken,
)
from switchboard_local.ports import free_port
from switchboard_local.servers import LiveKitServer, RedisServer
from tests.agent.dialog.sample import sample_config
from tests.agent.live.recovery_rig import eventually
from tests.agent.live.test_twilio import _BYE, _DAY, _HELLO, _NAME, events_of, say
from tests.agent.live.worker_process import Process, worker_process
from tests.agent.transport.twilio.rig import NUMBER, PUBLIC_URL, line
from tests.support.twilio_server import TwilioStandIn

pytestmark = pytest.mark.integration


@contextlib.asynccontextmanager
async def two_workers(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> AsyncIterator[tuple[TwilioStandIn, dict[str, Process]]]:
    """Twilio, and two workers as they are shipped behind one address."""
    config, twilio = sample_config(), TwilioStandIn(PUBLIC_URL)
    workers: dict[str, Process] = {}
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(twilio.serve())
        written = line(twilio, config, tmp_path / "auth-token")
        for name in ("one", "two"):
            port = free_port()
            workers[name] = await stack.enter_async_context(
                worker_process(
                    tmp_path,
                    livekit,
                    redis,
                    config,
                    pool=f"twilio-{tmp_path.name}",
                    name=name,
                    environment={"SWITCHBOARD_TWILIO_PORT": str(port)},
                )
            )
            (tmp_path / name / "reception.line.json").write_text(written.to_json())
            twilio.workers.append(f"http://127.0.0.1:{port}")
        await asyncio.sleep(1.5)  # the directory is looked at once a second
        yield twilio, workers


async def test_killed_worker_costs_the_caller_a_moment_and_the_appointment_is_booked(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    async with two_workers(tmp_path, livekit, redis) as (twilio, workers):
        call = twilio.dial(NUMBER)
        await call.listen()
        for turn in (_HELLO, _NAME, _DAY):
            await say(call, turn)
        started = (await events_of(redis, call.sid))[0]
        assert isinstance(started, CallStarted)
        workers[started.worker].process.send_signal(signal.SIGKILL)
        async with asyncio.timeout(20):
            await call.listen()  # the bridging phrase, and the question that was open
        for digit in "5551234#":
            call.press(digit)
        await call.listen()
        for key in "1#":  # yes
            call.press(key)
        await call.listen()
        await say(call, _BYE)
        async with asyncio.timeout(20):
            await call.ended.wait()
        events = await events_of(redis, call.sid)

    assert len([event for event in events if isinstance(event, CallStarted)]) == 1
    (recovered,) = [event for event in events if isinstance(event, CallRecovered)]
    assert recovered.worker == ({"one", "two"} - {started.worker}).pop()
    replies = [event.text for event in events if isinstance(event, ReplySpoken)]
    assert any(text.startswith("Sorry, I lost you for a moment.") for text in replies)
    (ended,) = [event for event in events if isinstance(event, CallEnded)]
    assert (ended.outcome, ended.result) == (Outcome.COMPLETED, "booking")
    assert ended.slots["name"] == "Sarah Johnson"
    assert ended.slots["phone"] == "5551234"
    assert twilio.completed == [call.sid]


async def test_caller_who_leaves_with_the_worker_still_has_one_end(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    async with two_workers(tmp_path, livekit, redis) as (twilio, workers):
        call = twilio.dial(NUMBER)
        await call.listen()
        started = (await events_of(redis, call.sid))[0]
        assert isinstance(started, CallStarted)
        await call.drop()
        workers[started.worker].process.send_signal(signal.SIGKILL)

        async def over() -> bool:
            return isinstance((await events_of(redis, call.sid))[-1], CallEnded)

        await eventually(over, 30)
        ends = [e for e in await events_of(redis, call.sid) if isinstance(e, CallEnded)]

    (ended,) = ends
    assert ended.outcome is Outcome.WORKER_LOST
