"""The autoscaler's closed loop on the real system: `python -m tests.bench.bench_scaling`.

Spoken calls come and go; the timeline of calls, wanted and ready workers is what the API server and
the workers say, once a second. Writes out/bench/scaling.json and docs/images/scaling.svg. The local
system's autoscaler looks every 5 s (15 s in a cluster), and the agent's windows are short, so that
the whole takes four minutes: what it shows is the shape, and that no call is lost.
"""

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import matplotlib as mpl
import yaml
from matplotlib.figure import Figure
from redis.asyncio import Redis

from switchboard_cli.demo_system import DemoSystem, local_system
from switchboard_cli.local_system import speech_cache
from switchboard_contract import names
from switchboard_contract.heartbeat import Heartbeat
from switchboard_loadtest.caller_script import CallerScript, Expected, Says
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.outcome import CallResult
from switchboard_loadtest.run import Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, read_state

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "manifests" / "samples"
NAMESPACE, AGENT, NUMBER = "smile-dental", "scaled", "+15550190"

CALL_MS = 50_000
SCALING: dict[str, Any] = {
    "min": 1,
    "max": 4,
    "callsPerWorker": 6,
    "behavior": {"scaleDownStabilizationSeconds": 10},
}
LIMITS = {"maxCallSeconds": 55}
"""Also the time between two workers that are taken away."""

CALLER = CallerScript(
    name="asks again and again",
    hang_up_ms=CALL_MS,
    says=tuple(
        Says(at_ms=at, text="what are your opening hours") for at in range(7000, 45_000, 9000)
    ),
    expected=Expected(outcomes=("caller_hung_up",)),
)


@dataclass(frozen=True, slots=True)
class Wave:
    """Calls that come together."""

    after_s: float
    """From the start of the timeline."""
    calls: int
    calls_per_second: float
    workers: int = 0
    """Workers that must be ready before."""


@dataclass(frozen=True, slots=True)
class Course:
    """What happens, and for how long it is watched."""

    waves: tuple[Wave, ...]
    end_s: float
    spare_calls: int


COURSE = Course((Wave(5, 10, 1 / 7), Wave(140, 2, 0.1)), 235.0, spare_calls=4)
"""Calls come no faster than workers start, as the spare places allow for; the second wave comes
while workers are taken away."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One second."""

    t_s: float
    calls: int
    """Live calls on all workers, draining ones too."""
    places: int
    """On workers that take calls."""
    wanted: int
    ready: int
    told: int
    """`status.activeCalls` of the VoiceAgent."""
    scaling: str
    """Reason of ScalingReady."""


@dataclass(slots=True)
class Watch:
    """Looks once a second."""

    state: SystemState
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)

    async def ready(self, workers: int) -> None:
        """Wait for that many ready workers."""
        async with asyncio.timeout(120):
            while not self.samples or self.samples[-1].ready < workers:  # noqa: ASYNC110  samples
                await asyncio.sleep(0.2)

    async def run(self) -> None:
        """Look until cancelled."""
        trust = ssl.create_default_context(cafile=self.state.kube_ca_file)
        token = await asyncio.to_thread(Path(self.state.kube_token_file).read_text)
        redis = Redis.from_url(self.state.redis_url)
        async with aiohttp.ClientSession(
            self.state.kube_url,
            connector=aiohttp.TCPConnector(ssl=trust),
            headers={"Authorization": f"Bearer {token}"},
        ) as http:
            try:
                while True:
                    self.samples.append(await self._look(http, redis))
                    await asyncio.sleep(1 - (time.monotonic() - self.began) % 1)
            finally:
                await redis.aclose()

    async def _look(self, http: aiohttp.ClientSession, redis: "Redis") -> Sample:
        agent = await _get(http, f"/apis/{names.API_VERSION}", f"voiceagents/{AGENT}")
        deployment = await _get(http, "/apis/apps/v1", f"deployments/{AGENT}-worker")
        beats = await _heartbeats(redis)
        status = agent.get("status") or {}
        reasons = {c["type"]: c["reason"] for c in status.get("conditions", [])}
        return Sample(
            t_s=round(time.monotonic() - self.began, 2),
            calls=sum(beat.calls for beat in beats),
            places=sum(beat.capacity for beat in beats),
            wanted=int((deployment.get("spec") or {}).get("replicas", 0)),
            ready=int((deployment.get("status") or {}).get("readyReplicas", 0)),
            told=int(status.get("activeCalls", 0)),
            scaling=str(reasons.get("ScalingReady", "")),
        )


async def _get(http: aiohttp.ClientSession, root: str, path: str) -> dict[str, Any]:
    async with http.get(f"{root}/namespaces/{NAMESPACE}/{path}") as answer:
        return cast("dict[str, Any]", await answer.json())


async def _heartbeats(redis: "Redis") -> list[Heartbeat]:
    pool = names.pool_name(NAMESPACE, AGENT)
    members = await cast("Awaitable[set[bytes]]", redis.smembers(names.HEARTBEAT_INDEX))
    ours = [m.decode() for m in members if m.decode().startswith(f"{pool}/")]
    said = await redis.mget([names.heartbeat_key(m) for m in ours]) if ours else []
    return [Heartbeat.model_validate_json(text) for text in said if text]


def voice_agent(spare_calls: int) -> dict[str, Any]:
    """Return the sample's receptionist with small workers and short windows."""
    made = yaml.safe_load((SAMPLES / "20-voiceagent.yaml").read_text(encoding="utf-8"))
    made["metadata"]["name"] = AGENT
    made["spec"] |= {
        "numbers": [NUMBER],
        "scaling": SCALING | {"spareCalls": spare_calls},
        "limits": LIMITS,
        "probe": {"enabled": False},
    }
    return cast("dict[str, Any]", made)


def prepare(system: DemoSystem, folder: Path, course: Course) -> None:
    """Make the agent and wait until it takes calls and can scale."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "scaled.yaml"
    manifest.write_text(yaml.safe_dump(voice_agent(course.spare_calls)), encoding="utf-8")
    for path in (SAMPLES / "00-namespace.yaml", SAMPLES / "10-tenant.yaml", manifest):
        system.kubectl("apply", "-f", str(path))
    for condition in ("Ready", "ScalingReady"):
        wait = ("wait", f"--for=condition={condition}", f"voiceagent/{AGENT}", "-n", NAMESPACE)
        system.kubectl(*wait, "--timeout=120s")


async def wave(
    system: DemoSystem, watch: Watch, number: int, what: Wave, folder: Path
) -> Sequence[CallResult]:
    """Place the calls of one wave at their time; return what became of them."""
    await asyncio.sleep(what.after_s)
    await watch.ready(what.workers)
    done = await run(
        Settings(
            target=Target(system.calls_to.sip_host, system.calls_to.sip_port, NUMBER, "", ""),
            script=CALLER,
            codec=codec_by_name("G722"),
            calls=what.calls,
            calls_per_second=what.calls_per_second,
            folder=folder / f"wave-{number}",
            speech_cache=speech_cache(),
            redis_url=system.calls_to.redis_url,
            first_caller=15_552_000_001 + 1000 * number,
        )
    )
    return done.calls


async def measure(
    system: DemoSystem, state: SystemState, folder: Path, course: Course
) -> tuple[list[Sample], list[CallResult]]:
    """Run the waves and watch."""
    watch = Watch(state)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch.run())
        waves = [
            tasks.create_task(wave(system, watch, number, what, folder))
            for number, what in enumerate(course.waves)
        ]
        calls = [call for one in waves for call in await one]
        await asyncio.sleep(max(0.0, course.end_s - (time.monotonic() - watch.began)))
        watching.cancel()
    return watch.samples, calls


def summary(course: Course, samples: list[Sample], calls: list[CallResult]) -> dict[str, Any]:
    """Return the figures and the timeline."""
    return {
        "scaling": SCALING | {"spareCalls": course.spare_calls},
        "limits": LIMITS,
        "calls": {
            "placed": sum(one.calls for one in course.waves),
            "completed": sum(call.completed for call in calls),
            "refused": sum(not call.view.answered for call in calls),
            "dropped": sum(call.view.answered and not call.completed for call in calls),
            "failures": [call.failure for call in calls if call.failure],
        },
        "most_calls": max(one.calls for one in samples),
        "most_workers": max(one.ready for one in samples),
        "wanted_two_after_s": first(samples, lambda one: one.wanted > 1),
        "second_ready_after_s": first(samples, lambda one: one.ready > 1),
        "back_at_minimum_after_s": last(samples, lambda one: one.wanted > SCALING["min"]),
        "timeline": [asdict(one) for one in samples],
    }


def first(samples: list[Sample], is_it: Callable[[Sample], bool]) -> float | None:
    """Return when it was so for the first time."""
    return next((one.t_s for one in samples if is_it(one)), None)


def last(samples: list[Sample], is_it: Callable[[Sample], bool]) -> float | None:
    """Return when it had been so for the last time; None while it still is."""
    times = [one.t_s for one in samples if is_it(one)]
    return times[-1] if times and not is_it(samples[-1]) else None


def plot(facts: dict[str, Any], path: Path) -> None:
    """Draw calls over workers."""
    mpl.rcParams["svg.hashsalt"] = "switchboard"
    timeline = facts["timeline"]
    seconds = [one["t_s"] for one in timeline]
    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.step(seconds, [one["calls"] for one in timeline], where="post", label="live calls")
    places = [one["places"] for one in timeline]
    above.step(seconds, places, where="post", linestyle=":", label="places on ready workers")
    above.set_ylabel("calls")
    wanted = [one["wanted"] for one in timeline]
    below.step(seconds, wanted, where="post", label="workers wanted (HPA)")
    ready = [one["ready"] for one in timeline]
    below.step(seconds, ready, where="post", linestyle="--", label="workers ready")
    below.set_ylabel("worker pods")
    below.set_xlabel("seconds")
    done = facts["calls"]
    above.set_title(f"{done['completed']} of {done['placed']} calls completed")
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="upper right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Run, write, draw; 1 if a call was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--image", type=Path, default=ROOT / "docs" / "images" / "scaling.svg")
    parser.add_argument("--keep", action="store_true", help="leave the local system running")
    parser.add_argument("--redraw", action="store_true", help="draw the last run again")
    chosen = parser.parse_args()
    report = chosen.out / "scaling.json"
    if not chosen.redraw:
        settings = LocalSettings.from_environment()
        with local_system(settings, pods=True, keep=chosen.keep, say=_say) as system:
            state = read_state(settings.state_file)
            assert state is not None, "the local system runs"
            prepare(system, chosen.out / "scaling", COURSE)
            _say(f"watching for {COURSE.end_s:.0f} s")
            folder = chosen.out / "scaling"
            samples, calls = asyncio.run(measure(system, state, folder, COURSE))
        facts = summary(COURSE, samples, calls)
        report.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    facts = json.loads(report.read_text(encoding="utf-8"))
    plot(facts, chosen.image)
    _say(json.dumps({key: value for key, value in facts.items() if key != "timeline"}, indent=1))
    _say(f"{report}, {chosen.image}")
    whole: bool = facts["calls"]["completed"] == facts["calls"]["placed"]
    return 0 if whole else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
