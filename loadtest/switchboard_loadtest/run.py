"""One load test run: SIPp calls, the collector listens, everything is measured afterwards.

While calls run, this process only stores stamped datagrams; sound is decoded and figures are made
when the last call is over, so that the load generator does not compete with the system it loads.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from switchboard_loadtest import cpu, lateness, sipp
from switchboard_loadtest.agent_events import AgentView, CallStream
from switchboard_loadtest.caller_script import CallerScript
from switchboard_loadtest.caller_speech import CallerTrack, make_track
from switchboard_loadtest.caller_view import view
from switchboard_loadtest.capture import PacketSocketDeniedError, capturing
from switchboard_loadtest.collector import Collector, Ear
from switchboard_loadtest.encode import encode
from switchboard_loadtest.flite import Flite
from switchboard_loadtest.lateness import Lateness
from switchboard_loadtest.outcome import CallResult, judge
from switchboard_loadtest.signalling import CallLeg, from_trace, read
from switchboard_loadtest.sip_scenario import Keys, Plan
from switchboard_loadtest.tap import Tap, planned_ns
from switchboard_loadtest.voiced import FRAME_MS
from switchboard_media.codec import Codec

DRAIN_S = 0.3
"""Time for the last packets after SIPp has ended."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run."""

    target: sipp.Target
    script: CallerScript
    codec: Codec
    calls: int
    calls_per_second: float
    folder: Path
    """For sounds, logs and reports of this run."""
    speech_cache: Path
    redis_url: str | None = None
    """Redis with the call events; None judges calls by SIP and sound alone."""
    first_caller: int = 15551000001
    """Number of the first caller; the next callers count up from it."""
    system_pid: int | None = None
    """Process that the system's others descend from; None counts processor time by name alone."""
    worker_pages: tuple[str, ...] = ()
    """Addresses of the workers' metrics, to tell their share of gaps."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it."""

    settings: Settings
    track: CallerTrack
    calls: tuple[CallResult, ...]
    cpu: cpu.CpuUse
    wall_s: float
    """From before the first call to after the last."""
    captured: bool
    """Whether send times were captured, or derived from SIPp's message trace."""
    lateness: Lateness | None = None
    """Of the workers' frames; None where no worker could be asked."""

    @property
    def call_seconds(self) -> float:
        """Length of all calls together."""
        return sum(call.view.duration_ms for call in self.calls) / 1000


async def run(settings: Settings) -> Run:
    """Place the calls, wait for their end, measure."""
    speech = Flite(settings.speech_cache)
    track = await asyncio.to_thread(make_track, settings.script, speech.say)
    local_ip = sipp.local_ip_towards(settings.target.host)
    ports = sipp.free_ports(local_ip)
    tap = Tap(ports.rtp)
    since_unix_ms = int(time.time() * 1000)
    scope = cpu.Scope(settings.system_pid, os.getpid())
    late_before = await asyncio.to_thread(lateness.read, settings.worker_pages)
    before, began_s = cpu.sample(scope), time.monotonic()
    async with Collector(local_ip, settings.calls) as collector:
        job = _job(settings, track, collector, local_ip, ports)
        with _watched(ports, tap):
            await sipp.run(job)
            await asyncio.sleep(DRAIN_S)
    used, wall_s = cpu.sample(scope).since(before), time.monotonic() - began_s
    late_after = await asyncio.to_thread(lateness.read, settings.worker_pages)
    captured = any(message.source[1] == ports.sip for message in tap.messages)
    if not captured:
        trace = job.message_trace.read_text(encoding="utf-8", errors="replace")
        tap.messages = from_trace(trace, ports.sip)
    legs = list(read(tap.messages, ports.sip).values())
    agents = await _agent_views(settings, legs, since_unix_ms)
    ears = {ear.port: ear for ear in collector.ears}
    calls = tuple(
        _result(settings, track, leg, tap=tap, ears=ears, agents=agents, captured=captured)
        for leg in legs
    )
    late = late_after.since(late_before) if late_before and late_after else None
    return Run(settings, track, calls, used, wall_s, captured, late)


@contextlib.contextmanager
def _watched(ports: sipp.Ports, tap: Tap) -> Iterator[None]:
    """Capture if allowed."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(PacketSocketDeniedError):
            stack.enter_context(capturing(ports.rtp, ports.sip, tap.take))
        yield


def _job(
    settings: Settings,
    track: CallerTrack,
    collector: Collector,
    local_ip: str,
    ports: sipp.Ports,
) -> sipp.Job:
    script, codec = settings.script, settings.codec
    folder = settings.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    sound = folder / f"caller.{codec.name.lower()}"
    if script.sends_rtp:
        sound.write_bytes(encode(track.pcm, codec))
    plan = Plan(
        codec=codec,
        ending=script.ending,
        sound=sound if script.sends_rtp else None,
        hang_up_ms=script.hang_up_ms,
        keys=tuple(Keys(one.at_ms, one.keys) for one in script.says if one.keys),
        digest=bool(settings.target.username),
    )
    callers = [
        sipp.Caller(f"+{settings.first_caller + index}", ear.port)
        for index, ear in enumerate(collector.ears)
    ]
    number = script.number or settings.target.number
    return sipp.Job(
        target=replace(settings.target, number=number),
        plan=plan,
        callers=callers,
        calls_per_second=settings.calls_per_second,
        local_ip=local_ip,
        ports=ports,
        folder=folder / "sipp",
    )


async def _agent_views(
    settings: Settings, legs: Sequence[CallLeg], since_unix_ms: int
) -> dict[str, AgentView]:
    if settings.redis_url is None:
        return {}
    stream = CallStream(settings.redis_url, since_unix_ms)
    answered = [leg.call_id for leg in legs if leg.answered_ns is not None]
    return await stream.views([leg.call_id for leg in legs], answered=answered)


def _result(
    settings: Settings,
    track: CallerTrack,
    leg: CallLeg,
    *,
    tap: Tap,
    ears: dict[int, Ear],
    agents: dict[str, AgentView],
    captured: bool,
) -> CallResult:
    ear = ears.get(leg.ear_port)
    seen = view(
        leg,
        track,
        tap.sent_ns(leg) if captured else _planned(settings, leg),
        ear.heard if ear is not None else [],
        settings.codec,
    )
    agent = agents.get(leg.call_id)
    failure = judge(settings.script, seen, agent, joined=settings.redis_url is not None)
    return CallResult(settings.script, seen, agent, failure)


def _planned(settings: Settings, leg: CallLeg) -> list[int]:
    if leg.acknowledged_ns is None or leg.ended_ns is None or not settings.script.sends_rtp:
        return []
    length_ms = (leg.ended_ns - leg.acknowledged_ns) / 1e6
    return planned_ns(leg.acknowledged_ns, int(length_ms // FRAME_MS))


def failures(calls: Sequence[CallResult]) -> list[str]:
    """One line per call that failed."""
    return [
        f"call {call.view.leg.caller or call.view.leg.call_id}: {call.failure}"
        for call in calls
        if call.failure
    ]
