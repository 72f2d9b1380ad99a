"""Workers that take calls from the Twilio stand-in: real worker, real engine, real sockets.

Recogniser and voice have scripts; LiveKit is not needed. Redis is whatever URL is given.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, TypeVar
from urllib.parse import urlencode

from redis.asyncio import Redis
from typing_extensions import Unpack

from switchboard_agent.admission import Admission, Limits, RefusalReason
from switchboard_agent.admission_quota import NoQuota, Quota
from switchboard_agent.clock import LoopClock
from switchboard_agent.dialog.base import Dialog
from switchboard_agent.engine import Engine
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.recovery.base import NoKeeper
from switchboard_agent.recovery.book import Claim
from switchboard_agent.recovery.rescue import RescueParts
from switchboard_agent.revisions.store import RevisionStore
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.livekit.transport import CallTicket
from switchboard_agent.transport.twilio.side import TwilioParts, twilio_side
from switchboard_agent.transport.twilio.signature import sign
from switchboard_agent.worker.job import RoomTransport
from switchboard_agent.worker.service import Worker, WorkerParts
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.call_events import CallEnded, CallStarted, ReplySpoken, TurnHeard
from switchboard_contract.line import Line, TwilioLine
from tests.agent.live.configs import agent_config
from tests.agent.probe.fakes import FakeProbes
from tests.agent.worker.fakes import FakeControl, FakeLink, FakeSource
from tests.support.speech_fakes import LoudnessVad, ScriptedAnswers, ScriptedStt, ScriptedTts
from tests.support.twilio_server import PhoneCall, TwilioStandIn

Event = TypeVar("Event", CallStarted, CallEnded, TurnHeard, ReplySpoken)

NUMBER = "+15550100"
PUBLIC_URL = "https://voice.example/reception"
NO_REDIS = "redis://127.0.0.1:1"


@dataclass(frozen=True)
class Me:
    """A worker on this machine."""

    worker_name: str
    host: str = "127.0.0.1"


@dataclass
class Replica:
    """One worker."""

    name: str
    url: str
    """Where it listens for Twilio."""
    worker: Worker
    admission: Admission
    revisions: RevisionStore
    records: MemoryRecorder
    telemetry: Telemetry
    stop: asyncio.Event
    refusals: list[RefusalReason]

    def faults(self, fault: str) -> float:
        """How many streams were refused for a fault."""
        name = "switchboard_stream_faults_total"
        return self.telemetry.registry.get_sample_value(name, {"fault": fault}) or 0

    def events(self, kind: type[Event]) -> list[Event]:
        """Call events of a kind."""
        return [event for event in self.records.events if isinstance(event, kind)]

    @property
    def started(self) -> CallStarted:
        """The one call that it took."""
        (event,) = [e for e in self.records.events if isinstance(e, CallStarted)]
        return event

    @property
    def ended(self) -> CallEnded:
        """The end of it."""
        (event,) = [e for e in self.records.events if isinstance(e, CallEnded)]
        return event


def line(twilio: TwilioStandIn, config: AgentConfig, token_file: Path, **changes: object) -> Line:
    """The line that the operator would make."""
    token_file.write_text(twilio.auth_token)
    made = Line(
        agent=config.key,
        numbers=(NUMBER,),
        dispatch=DispatchMetadata(agent=config.key, revision=config.revision),
        twilio=TwilioLine(
            account_sid=twilio.account_sid,
            auth_token_file=str(token_file),
            public_url=twilio.public_url,
            api_url=twilio.api_url,
        ),
    )
    return made.model_copy(update=changes)


class Options(TypedDict, total=False):
    """What may differ from worker to worker."""

    name: str
    redis_url: str
    config: AgentConfig
    max_calls: int
    quota: Quota
    make_dialog: Callable[[AgentConfig], Dialog]
    stt: ScriptedStt
    drain_seconds: float
    rescue: RescueParts


@contextlib.asynccontextmanager
async def replica(
    twilio: TwilioStandIn, tmp_path: Path, **options: Unpack[Options]
) -> AsyncIterator[Replica]:
    """A worker that Twilio reaches; leaving the block drains it."""
    name, config = options.get("name", "worker-1"), options.get("config") or agent_config()
    telemetry, records = Telemetry(), MemoryRecorder()
    engine = Engine(
        stt=options.get("stt") or ScriptedStt(),
        tts=ScriptedTts(delay_seconds=0.0, ms_per_letter=20),
        make_dialog=options.get("make_dialog", lambda _: ScriptedAnswers()),
        records=records,
        telemetry=telemetry,
        worker=name,
        vad=LoudnessVad(),
        vad_in_thread=False,
    )
    redis = Redis.from_url(options.get("redis_url", NO_REDIS), socket_connect_timeout=1.0)
    async with engine, contextlib.aclosing(redis):
        revisions = RevisionStore(engine.prepare)
        await revisions.put("reception", config.to_json())
        revisions.lines.put("line", line(twilio, config, tmp_path / "auth-token").to_json())
        admission = Admission(Limits(options.get("max_calls", 10)), lambda: 0.0)
        refusals: list[RefusalReason] = []
        options["rescue"] = rescue_parts(records, telemetry)
        worker = _worker(engine, revisions, admission, refusals, options)
        stop = asyncio.Event()
        parts = TwilioParts(Me(name), redis, worker, revisions.lines, telemetry)
        async with asyncio.TaskGroup() as tasks, twilio_side(parts, 0) as port:
            url = f"http://127.0.0.1:{port}"
            running = tasks.create_task(worker.run(stop))
            await asyncio.sleep(0)
            twilio.workers.append(url)
            try:
                yield Replica(
                    name, url, worker, admission, revisions, records, telemetry, stop, refusals
                )
            finally:
                twilio.workers[:] = [other for other in twilio.workers if other != url]
                stop.set()
                await running


def _worker(
    engine: Engine,
    revisions: RevisionStore,
    admission: Admission,
    refusals: list[RefusalReason],
    options: Options,
) -> Worker:
    parts = WorkerParts(
        engine=engine,
        admission=admission,
        quota=options.get("quota") or NoQuota(),
        revisions=revisions,
        revision_source=FakeSource(),
        control=FakeControl(),
        open_transport=no_room,
        count_refusal=refusals.append,
        probes=FakeProbes().parts,
        livekit_url="ws://livekit",
        drain_seconds=options.get("drain_seconds", 0.0),
        rescue=options.get("rescue"),
    )
    return Worker(parts, FakeLink)


def rescue_parts(records: MemoryRecorder, telemetry: Telemetry) -> RescueParts:
    """What takes up calls of other workers, without a book."""
    return RescueParts(
        keeper=NoKeeper(),
        records=records,
        telemetry=telemetry,
        clock=LoopClock(),
        token=lambda room, identity: f"{identity} into {room}",
        put_back=never_put_back,
    )


async def never_put_back(claim: Claim) -> None:
    """A worker that always has a place."""
    raise AssertionError(claim)


async def no_room(_: CallTicket) -> RoomTransport:
    """A worker whose calls do not come from LiveKit."""
    raise AssertionError("no call comes from LiveKit here")


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that sockets bring about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 sockets set no event of ours
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def system(
    tmp_path: Path, **options: Unpack[Options]
) -> AsyncIterator[tuple[TwilioStandIn, Replica]]:
    """Twilio and one worker."""
    twilio = TwilioStandIn(PUBLIC_URL)
    async with twilio.serve(), replica(twilio, tmp_path, **options) as worker:
        yield twilio, worker


async def connected(twilio: TwilioStandIn) -> PhoneCall:
    """A call whose stream stands."""
    call = twilio.dial(NUMBER)
    async with asyncio.timeout(5):
        await call.streaming.wait()
    return call


async def greeted(twilio: TwilioStandIn) -> PhoneCall:
    """A call in which the agent has spoken."""
    call = await connected(twilio)
    await until(lambda: len(call.played) >= 800)
    return call


def voice_form(twilio: TwilioStandIn, **changes: str) -> dict[str, str]:
    """What Twilio asks about a new call."""
    form = {
        "AccountSid": twilio.account_sid,
        "CallSid": "CA" + "1" * 32,
        "From": "+15550123",
        "To": NUMBER,
        "Direction": "inbound",
    }
    return form | changes


async def answer(
    twilio: TwilioStandIn,
    form: dict[str, str],
    *,
    path: str = "/twilio/voice",
    token: str = "",
    body: str | None = None,
) -> tuple[int, str]:
    """Status and document that the first worker answers a question with."""
    url = PUBLIC_URL + path
    headers = {
        "X-Twilio-Signature": sign(token or twilio.auth_token, url, list(form.items())),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    target = twilio.workers[0] + "/reception" + path
    data = urlencode(form) if body is None else body
    async with twilio.session.post(target, data=data, headers=headers) as response:
        return response.status, await response.text()
