"""Ten calls at once on one worker, then more until the machine has had enough.

`python -m tests.bench.calls` brings the local system up with the sample agent on one worker, places
ten spoken calls that are all live together, and goes on in steps of five. Callers, LiveKit, the SIP
side, the cluster and the worker share this machine. Writes out/bench/calls.json: where it ended and
why, what each process costs per call, what callers heard, and how late the worker's frames were.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from switchboard_cli.demo import NUMBER
from switchboard_cli.demo_system import DemoSystem, apply_samples, local_system
from switchboard_cli.local_system import speech_cache
from switchboard_loadtest import caller_script, ramp, report
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.run import Run, Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_local.settings import LocalSettings
from switchboard_local.state import Mode

ROOT = Path(__file__).resolve().parents[2]
FIRST, LAST = 10, 40
ONE_WORKER = {"spec": {"scaling": {"min": 1, "max": 1, "callsPerWorker": 60}}}
AGENT = ("voiceagent/receptionist", "--namespace=smile-dental")


def prepare(system: DemoSystem) -> None:
    """The sample agent on one worker that refuses no call for want of a place."""
    apply_samples(system.kubectl, ROOT / "manifests" / "samples", _say)
    system.kubectl("patch", *AGENT, "--type=merge", f"--patch={json.dumps(ONE_WORKER)}")
    rollout = ("rollout", "status", "deployment/receptionist-worker", AGENT[1], "--timeout=120s")
    system.kubectl(*rollout)
    system.kubectl("wait", "--for=condition=Ready", *AGENT, "--timeout=120s")


async def climb(
    system: DemoSystem, folder: Path, first: int, last: int, write: Callable[[list[Run]], None]
) -> None:
    """Raise the calls until the machine is saturated; what there is is written after each step."""
    calls_to = system.calls_to
    settings = Settings(
        target=Target(calls_to.sip_host, calls_to.sip_port, NUMBER),
        script=caller_script.load("booking_short"),
        codec=codec_by_name("G722"),
        calls=first,
        calls_per_second=0.5,
        folder=folder,
        speech_cache=speech_cache(),
        redis_url=calls_to.redis_url,
        system_pid=calls_to.system_pid,
        worker_pages=calls_to.worker_pages(),
    )
    done: list[Run] = []

    async def place(step: Settings) -> Run:
        done.append(await run(step))
        write(done)
        return done[-1]

    await ramp.climb(settings, last, place=place)


def summary(runs: list[Run], sip: str) -> dict[str, Any]:
    """What is written."""
    facts = ramp.facts_of([report.summary(run) for run in runs])
    return {"cores": os.cpu_count(), "sip": sip, **facts}


def main() -> int:
    """Run and write; 1 if not even the first step was held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--first", type=int, default=FIRST, help="calls at once of the first step")
    parser.add_argument("--last", type=int, default=LAST, help="of the last step")
    parser.add_argument("--no-pods", action="store_true", help="parts as processes: no root")
    chosen = parser.parse_args()
    settings = LocalSettings.from_environment()
    pods = os.geteuid() == 0 and not chosen.no_pods
    path = chosen.out / "calls.json"
    facts: dict[str, Any] = {}
    with local_system(settings, pods=pods, keep=False, say=_say) as system:
        prepare(system)

        def write(runs: list[Run]) -> None:
            mode = Mode.PODS if pods else Mode.PROCESSES
            facts.update({"mode": mode, **summary(runs, system.calls_to.sip_kind)})
            path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
            _say(ramp.table(facts["steps"]))

        asyncio.run(climb(system, chosen.out / "calls", chosen.first, chosen.last, write))
    _say(str(path))
    return 0 if facts["held_calls"] >= chosen.first else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
