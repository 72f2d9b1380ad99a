"""Calls that lose their worker, and what their events say about it.

The agent asks for one code after the other, so that a question asked twice and an answer forgotten
both show.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from livekit import api
from redis.asyncio import Redis

from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import (
    CallEnded,
    CallEvent,
    CallRecovered,
    CallStarted,
    Outcome,
    ReplySpoken,
    SlotsChanged,
)
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import Limits, Persona, SttSpec, TtsSpec
from switchboard_contract.dialog import Flow, Intent, Script, Slot, SlotType
from switchboard_local.servers import LiveKitServer, RedisServer
from tests.agent.live.configs import dispatch_metadata
from tests.agent.live.light_callers import LightPhones, light_phones
from tests.agent.live.worker_process import Process, worker_process
from tests.support.call_consumer import CallConsumer

POOL = "codes"

NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
)
SLOTS = tuple(f"code{number.capitalize()}" for number in NUMBERS)


def codes_config(name: str) -> AgentConfig:
    """An agent that asks for eighteen codes, which takes over a minute."""
    slots = {
        slot: Slot(
            type=SlotType.PHONE_NUMBER,
            digits=3,
            ask=f"Would you please tell me what is code {number}?",
        )
        for slot, number in zip(SLOTS, NUMBERS, strict=True)
    }
    script = Script(
        greeting="Hello. How can I help you?",
        slots=slots,
        intents=[
            Intent(name="book", phrases=["i would like to book an appointment"], flow="codes")
        ],
        flows={"codes": Flow(collect=list(SLOTS), done="That is all. Goodbye.", hang_up=True)},
    )
    return AgentConfig(
        namespace="smile-dental",
        name=name,
        tenant="smile-dental",
        language="en-US",
        persona=Persona(name="Ann"),
        script=script,
        stt=SttSpec(),
        tts=TtsSpec(),
        turn=TurnSpec(),
        limits=Limits(),
    )


async def dispatch(server: LiveKitServer, room: str, pool: str, config: AgentConfig) -> None:
    """Make a room as the SIP bridge does: with an agent dispatched into it."""
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as livekit:
        await livekit.room.create_room(
            api.CreateRoomRequest(
                name=room,
                departure_timeout=2,
                agents=[api.RoomAgentDispatch(agent_name=pool, metadata=dispatch_metadata(config))],
            )
        )


async def agents_in(server: LiveKitServer, room: str) -> int:
    """How many agents are in a room."""
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as livekit:
        answer = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
    return sum(p.kind == api.ParticipantInfo.AGENT for p in answer.participants)


@dataclass(frozen=True, slots=True)
class Told:
    """What the stream says about one call."""

    events: tuple[CallEvent, ...]

    @property
    def starts(self) -> int:
        return sum(isinstance(e, CallStarted) for e in self.events)

    @property
    def ends(self) -> list[CallEnded]:
        return [e for e in self.events if isinstance(e, CallEnded)]

    @property
    def recoveries(self) -> list[CallRecovered]:
        return [e for e in self.events if isinstance(e, CallRecovered)]

    @property
    def known(self) -> list[dict[str, str]]:
        """Slots after each change."""
        return [e.slots for e in self.events if isinstance(e, SlotsChanged)]

    @property
    def replies(self) -> list[str]:
        return [e.text for e in self.events if isinstance(e, ReplySpoken)]

    @property
    def turns_repeated(self) -> int:
        """Questions whose answer the agent had been given before."""
        asked = [
            (slot, event)
            for event in self.events
            for slot, number in zip(SLOTS, NUMBERS, strict=True)
            if isinstance(event, ReplySpoken) and f"code {number}?" in event.text
        ]
        return sum(_asked_again(slot, event, self.events) for slot, event in asked)

    @property
    def forgotten(self) -> int:
        """Slots that once were known and are not, or not the same, later."""
        lost = 0
        for before, after in zip(self.known, self.known[1:], strict=False):
            lost += sum(after.get(slot) != value for slot, value in before.items())
        return lost


def _asked_again(slot: str, reply: ReplySpoken, events: tuple[CallEvent, ...]) -> bool:
    """Whether the slot was known before the reply began."""
    return any(
        isinstance(e, SlotsChanged) and slot in e.slots and e.at_call_ms < reply.started_call_ms - 1
        for e in events
    )


class Reader:
    """Reads the stream as it grows, through a consumer group of its own."""

    def __init__(self, consumer: CallConsumer) -> None:
        self._consumer = consumer

    async def calls(self) -> dict[str, Told]:
        """All calls so far, by call id."""
        await self._consumer.take()
        calls: dict[str, list[CallEvent]] = {}
        for event in self._consumer.events:
            calls.setdefault(event.call_id, []).append(event)
        return {c: Told(tuple(sorted(es, key=lambda e: e.sequence))) for c, es in calls.items()}


@contextlib.asynccontextmanager
async def reading(redis: RedisServer) -> AsyncIterator[Reader]:
    """A reader that begins with the first event."""
    async with Redis.from_url(redis.url) as client:
        consumer = CallConsumer(client, group=f"test-{asyncio.get_running_loop().time()}")
        await consumer.open()
        yield Reader(consumer)


async def told(redis: RedisServer) -> dict[str, Told]:
    """All calls in the stream now."""
    async with reading(redis) as reader:
        return await reader.calls()


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait for something that real servers bring about."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 servers set no event of ours
            await asyncio.sleep(0.25)


@contextlib.asynccontextmanager
async def served_by_one(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer, room: str
) -> AsyncIterator[tuple[Process, Process, LightPhones]]:
    """A caller in conversation with worker one; worker two is ready."""
    config = codes_config(POOL)
    async with contextlib.AsyncExitStack() as stack:
        phones = await stack.enter_async_context(light_phones(livekit))
        one = await stack.enter_async_context(
            worker_process(tmp_path, livekit, redis, config, pool=POOL, name="one")
        )
        await dispatch(livekit, room, POOL, config)
        await phones.call(room)
        await knows(redis, room, codes=1)
        two = await stack.enter_async_context(
            worker_process(tmp_path, livekit, redis, config, pool=POOL, name="two")
        )
        yield one, two, phones


async def about(redis: RedisServer, room: str) -> Told:
    return (await told(redis)).get(f"SCL_{room}", Told(()))


async def knows(redis: RedisServer, room: str, *, codes: int) -> None:
    """Wait until the agent has learned so many codes."""

    async def learned() -> bool:
        known = (await about(redis, room)).known
        return bool(known) and len(known[-1]) >= codes

    await eventually(learned, 40)


async def gone_on_with(redis: RedisServer, room: str) -> None:
    """Wait until another worker serves the call and it has moved on by two codes."""

    async def recovered() -> bool:
        return bool((await about(redis, room)).recoveries)

    await eventually(recovered, 20)
    known = (await about(redis, room)).known
    await knows(redis, room, codes=len(known[-1]) + 2)


async def over(redis: RedisServer, room: str) -> Told:
    """What is told of the call once it has ended."""

    async def ended() -> bool:
        return bool((await about(redis, room)).ends)

    await eventually(ended, 40)
    return await about(redis, room)


async def silence_seconds(phones: LightPhones, room: str, fault_at: float) -> float:
    """From the fault to the next worker's first word."""
    silence = await phones.silence_seconds(room, fault_at)
    assert silence is not None
    return silence


def one_record_of_a_whole_conversation(call: Told) -> None:
    assert call.starts == 1
    assert len(call.ends) == 1
    assert call.turns_repeated == 0
    assert call.forgotten == 0
    assert call.ends[0].outcome is Outcome.CALLER_HUNG_UP
    workers = [event.worker for event in call.recoveries]
    assert workers == ["two"]
