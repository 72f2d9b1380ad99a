"""Puts a worker together: settings, providers, engine, transports, connection; then runs it.

Nothing is decided here. Each part is made once, given what it needs, and closed in reverse order.
"""

import asyncio
import gc
import logging
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from functools import partial
from importlib.metadata import version

import uvloop
from redis.asyncio import Redis

from switchboard_agent.admission import Admission, Limits, RefusalReason
from switchboard_agent.admission_quota import RedisQuota
from switchboard_agent.admission_rate import RedisRate
from switchboard_agent.dialog.factory import dialog_maker
from switchboard_agent.drain import stop_on_signals
from switchboard_agent.engine import Engine
from switchboard_agent.health import health_app, serve_health
from switchboard_agent.heartbeat import Heart, Pulse
from switchboard_agent.llm.models import LanguageModels
from switchboard_agent.logs import configure_logging
from switchboard_agent.loop_lag import LoopLag
from switchboard_agent.loop_watch import LoopWatch
from switchboard_agent.places import FoundPlaces, Places, places
from switchboard_agent.probe.desk import ProbeParts
from switchboard_agent.probe.room import ProbeRoom, ProbeTicket, enter
from switchboard_agent.records.fenced import FencedAppend
from switchboard_agent.records.redis_stream import FLUSH_SECONDS, RedisStreamRecorder
from switchboard_agent.recovery.assembly import Recovery
from switchboard_agent.recovery.fence import Fence
from switchboard_agent.revisions.choice import OnFallback
from switchboard_agent.revisions.directory import DirectoryRevisions
from switchboard_agent.revisions.kubernetes import KubernetesRevisions
from switchboard_agent.revisions.store import RevisionSource, RevisionStore
from switchboard_agent.settings import Settings, SettingsError, read_settings
from switchboard_agent.strain import strain
from switchboard_agent.stt.base import SpeechToText
from switchboard_agent.stt.chosen import ChosenStt
from switchboard_agent.stt.factory import make_stt
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.tracing import Tracing, make_tracing
from switchboard_agent.transport.livekit.control import CallControl, LiveKitRoomControl
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.transport import CallTicket, LiveKitTransport, open_call
from switchboard_agent.transport.twilio.side import TwilioParts, twilio_side
from switchboard_agent.tts.chosen import ChosenTts
from switchboard_agent.tts.factory import make_tts
from switchboard_agent.vad.base import VadError
from switchboard_agent.worker.connection import WorkerConnection
from switchboard_agent.worker.events import WorkerEvent
from switchboard_agent.worker.protocol import Registration
from switchboard_agent.worker.service import Worker, WorkerParts
from switchboard_contract.agent_config import AgentConfig

EXIT_BAD_SETTINGS = 2
EXIT_NO_VAD = 3

RESTART_SECONDS = 1.0

NO_PROGRAMS = "/nonexistent"
"""Where programs are looked for. None is needed, and the native media library would ask one or two
at each join for the name of the system: six processes and an eighth of a join's work where
`lsb_release` is installed."""

Work = Callable[[], Awaitable[None]]

_log = logging.getLogger(__name__)


def main() -> int:
    """Run until drained; gives the exit code."""
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"switchboard worker: {error}", file=sys.stderr)  # noqa: T201 logs are not set up yet
        return EXIT_BAD_SETTINGS
    tracing = make_tracing(settings.otlp_endpoint, settings.worker_name, settings.pool)
    configure_logging(settings.log_level, tracing.trace_id)
    os.environ["PATH"] = NO_PROGRAMS
    gc.freeze()  # what was imported is no garbage: to look at it again and again makes calls late
    try:
        uvloop.run(run_worker(settings, tracing))
    except VadError as error:
        _log.error("worker cannot start", extra={"reason": str(error)})
        return EXIT_NO_VAD
    return 0


async def run_worker(settings: Settings, tracing: Tracing) -> None:
    """Serve calls until SIGTERM, then drain."""
    loop = asyncio.get_running_loop()
    stop = stop_on_signals(loop)
    telemetry = Telemetry()
    async with AsyncExitStack() as stack:
        lag = LoopLag(telemetry.loop_lag, stack.enter_context(LoopWatch()))
        stt = _recogniser(settings, stack)
        strained = strain(lag, settings.max_loop_lag_ms / 1000, stt)
        held = _places(settings, strained, telemetry)
        redis = _redis(settings, stack)
        records = _records(settings, redis, telemetry)
        recovery = Recovery.of(settings, redis, telemetry)
        quota = RedisQuota(redis, on_unshared=telemetry.quota_unshared.inc)
        models = await stack.enter_async_context(LanguageModels(telemetry))
        engine = await _engine(
            settings, stack, records, telemetry, tracing, stt=stt, recovery=recovery, models=models
        )
        control = await _control(settings, stack)
        revisions = RevisionStore(engine.prepare)
        source = revision_source(settings)
        admission = Admission(Limits(held.now, settings.max_joins), strained, held)
        ffi = stack.enter_context(closing(FfiDemux(loop, _exit_on_panic)))
        worker = Worker(
            WorkerParts(
                engine=engine,
                admission=admission,
                quota=quota,
                rate=RedisRate(redis, on_unshared=telemetry.quota_unshared.inc),
                revisions=revisions,
                revision_source=source,
                control=control,
                open_transport=_opener(ffi, control, recovery.fence),
                count_refusal=_refusal_counter(telemetry),
                probes=_probes(settings, engine, partial(enter, ffi, control), telemetry),
                livekit_url=settings.livekit_url,
                drain_seconds=settings.drain_seconds,
                on_fallback=_fallback_counter(telemetry),
                rescue=recovery.rescue(settings, records, telemetry),
            ),
            _connector(settings),
        )
        not_ready = _readiness(worker, revisions, admission)
        pulse = _pulse(telemetry, worker, admission, not_ready, models)
        heart = _heart(settings, redis, telemetry, pulse)
        port = await stack.enter_async_context(
            serve_health(health_app(not_ready, telemetry.registry), settings.http_port)
        )
        twilio = TwilioParts(settings, redis, worker, revisions.lines, telemetry, recovery.fence)
        await stack.enter_async_context(twilio_side(twilio, settings.twilio_port))
        _log.info("worker started", extra={"pool": settings.pool, "http_port": port})
        background: tuple[Work, ...] = (
            *(lag.run, quota.run, records.run, revisions.run, heart.run, tracing.run),
            partial(source.run, revisions),
            partial(recovery.run, worker, lag),
            *_finding_out(held, admission, telemetry),
        )
        await _run_beside(worker.run(stop), background)
        await _leave(heart, recovery, records, tracing)
    _log.info("worker stopped")


def _finding_out(held: Places, admission: Admission, telemetry: Telemetry) -> tuple[Work, ...]:
    if not isinstance(held, FoundPlaces):
        return ()
    return (partial(held.follow, lambda: admission.held, telemetry.call_capacity.set),)


async def _run_beside(main_work: Awaitable[None], background: tuple[Work, ...]) -> None:
    """Run the main work; the background ends with it."""
    async with asyncio.TaskGroup() as tasks:
        helpers = [tasks.create_task(_keep_running(work)) for work in background]
        await main_work
        for helper in helpers:
            helper.cancel()


async def _keep_running(work: Work) -> None:
    """A fault in the background is logged and the work begun again: live calls go on."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 live calls must not end for it
            _log.exception("background work failed and is started again")
        await asyncio.sleep(RESTART_SECONDS)


async def _leave(
    heart: Heart, recovery: Recovery, records: RedisStreamRecorder, tracing: Tracing
) -> None:
    """Drained: nobody must take this worker for lost while its last events come out."""
    await recovery.keeper.linger(FLUSH_SECONDS * 2)
    await heart.leave()
    await _flush(records)
    await recovery.keeper.leave()
    await tracing.aclose()


async def _flush(records: RedisStreamRecorder) -> None:
    """Bring out the events of the last calls."""
    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(records.run())
        await records.flush()
        writer.cancel()


def _redis(settings: Settings, stack: AsyncExitStack) -> Redis:
    redis = Redis.from_url(
        settings.redis_url, socket_timeout=2.0, socket_connect_timeout=2.0, health_check_interval=15
    )
    stack.push_async_callback(redis.aclose)
    return redis


def _records(settings: Settings, redis: Redis, telemetry: Telemetry) -> RedisStreamRecorder:
    return RedisStreamRecorder(
        redis, on_dropped=telemetry.events_dropped.inc, append=FencedAppend(settings.pool)
    )


async def _control(settings: Settings, stack: AsyncExitStack) -> LiveKitRoomControl:
    return await stack.enter_async_context(
        LiveKitRoomControl(
            settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret
        )
    )


def _recogniser(settings: Settings, stack: AsyncExitStack) -> ChosenStt:
    stt = ChosenStt(partial(make_stt, processes=settings.stt_processes))
    stack.push_async_callback(stt.aclose)
    return stt


def _places(settings: Settings, strained: Callable[[], float], telemetry: Telemetry) -> Places:
    held = places(settings.max_calls, strained)
    telemetry.call_capacity.set(held.now)
    return held


async def _engine(
    settings: Settings,
    stack: AsyncExitStack,
    records: RedisStreamRecorder,
    telemetry: Telemetry,
    tracing: Tracing,
    *,
    stt: SpeechToText,
    recovery: Recovery,
    models: LanguageModels,
) -> Engine:
    tts = ChosenTts(make_tts)
    stack.push_async_callback(tts.aclose)
    return await stack.enter_async_context(
        Engine(
            stt=stt,
            tts=tts,
            make_dialog=dialog_maker(models),
            checks={"llm": models.check},
            records=records,
            telemetry=telemetry,
            tracing=tracing,
            worker=settings.worker_name,
            keeper=recovery.keeper,
        )
    )


def _probes(
    settings: Settings,
    engine: Engine,
    enter_room: Callable[[ProbeTicket], Awaitable[ProbeRoom]],
    telemetry: Telemetry,
) -> ProbeParts:
    def count(result: str) -> None:
        telemetry.probes.labels(result=result).inc()

    return ProbeParts(engine.rehearsal, enter_room, count, settings.worker_name)


def revision_source(settings: Settings) -> RevisionSource:
    """Where this worker finds what it may be asked to answer as."""
    if settings.revisions_directory is not None:
        return DirectoryRevisions(settings.revisions_directory)
    return KubernetesRevisions(
        settings.kubernetes, namespace=settings.namespace, pool=settings.pool
    )


def _connector(
    settings: Settings,
) -> Callable[[Callable[[WorkerEvent], None]], WorkerConnection]:
    def connect(on_event: Callable[[WorkerEvent], None]) -> WorkerConnection:
        return WorkerConnection(
            url=settings.livekit_url,
            api_key=settings.livekit_api_key,
            api_secret=settings.livekit_api_secret,
            registration=Registration(settings.pool, version("switchboard")),
            on_event=on_event,
        )

    return connect


def _opener(
    ffi: FfiDemux, control: CallControl, fence: Fence
) -> Callable[[CallTicket], Awaitable[LiveKitTransport]]:
    async def open_transport(ticket: CallTicket) -> LiveKitTransport:
        return await open_call(ffi, control, ticket, fence)

    return open_transport


def _refusal_counter(telemetry: Telemetry) -> Callable[[RefusalReason], None]:
    def count(reason: RefusalReason) -> None:
        telemetry.calls_refused.labels(reason=reason).inc()

    return count


def _fallback_counter(telemetry: Telemetry) -> OnFallback:
    def count(served: AgentConfig, variant: str) -> None:
        telemetry.variant_fallbacks.labels(served.tenant, served.key, variant).inc()
        fields = {"agent": served.key, "variant": variant}
        _log.warning("revision of the variant is not there: served without it", extra=fields)

    return count


def _readiness(
    worker: Worker, revisions: RevisionStore, admission: Admission
) -> Callable[[], str | None]:
    def not_ready() -> str | None:
        if admission.draining:
            return "draining"
        if not worker.registered:
            return "not registered at LiveKit"
        if not revisions.ready:
            return "no agent revision is loaded"
        return None

    return not_ready


def _pulse(
    telemetry: Telemetry,
    worker: Worker,
    admission: Admission,
    not_ready: Callable[[], str | None],
    models: LanguageModels,
) -> Pulse:
    return Pulse(
        calls_by_agent=worker.calls_by_agent,
        calls_by_model=partial(_calls_by_model, worker, models),
        places=lambda: 0 if not_ready() else admission.places,
        draining=lambda: admission.draining,
        recent_turns=telemetry.recent_turns.recent,
    )


def _calls_by_model(worker: Worker, models: LanguageModels) -> Counter[str]:
    """Count calls by the model server that their next question goes to."""
    asked = Counter(models.server_of(config) for config in worker.configs())
    del asked[""]
    return asked


def _heart(settings: Settings, redis: Redis, telemetry: Telemetry, pulse: Pulse) -> Heart:
    return Heart(
        redis,
        pool=settings.pool,
        worker=settings.worker_name,
        namespace=settings.namespace,
        pulse=pulse,
        on_missed=telemetry.heartbeats_missed.inc,
    )


def _exit_on_panic(message: str) -> None:
    """The media library is broken beyond repair: no call of this process can go on."""
    _log.critical("the media library failed, the process ends: %s", message)
    logging.shutdown()
    os._exit(70)
