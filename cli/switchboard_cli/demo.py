"""`switchboard demo`: from an empty machine to an answered phone call, measured at the caller.

One caller asks, interrupts, books and corrects; then five call at once. It fails, with the reason,
if a call was not answered or the appointment booked is not the one that was asked for.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from switchboard_cli import demo_report
from switchboard_cli.demo_system import (
    DemoError,
    DemoSystem,
    apply_samples,
    current_cluster,
    local_system,
)
from switchboard_cli.local_system import UNKNOWN_SIP, System, speech_cache
from switchboard_loadtest import caller_script
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.errors import LoadTestError
from switchboard_loadtest.run import Run, Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_loadtest.wav import stereo, write
from switchboard_local.errors import LocalError
from switchboard_local.settings import ClusterChoice, LocalSettings

NUMBER = "+15550100"
"""Of the sample VoiceAgent."""

CODEC = "G722"


@dataclass(frozen=True, slots=True)
class Wave:
    """Calls that are placed together."""

    script: str
    calls: int
    calls_per_second: float
    first_caller: int


WAVES = (
    Wave("booking", 1, 1, 15_551_000_001),
    # People do not dial in the same millisecond; what a burst costs is for a load test to say.
    Wave("booking_short", 5, 2, 15_551_000_101),
)


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo left to show."""

    runs: list[Run]
    sip_kind: str
    cold_start_s: float


@click.command()
@click.option("--no-pods", is_flag=True, help="Switchboard's parts as processes: needs no root.")
@click.option("--keep", is_flag=True, envvar="KEEP", help="Leave the system running (KEEP=1).")
@click.option("--out", default="out", type=click.Path(path_type=Path), help="Where results go.")
@click.option("--target", help="SWITCHBOARD_CLUSTER=current: host:port of its SIP server.")
@click.option("--redis", "redis_url", help="SWITCHBOARD_CLUSTER=current: Redis of call events.")
@click.option(
    "--sip",
    "sip_kind",
    type=click.Choice(["edge", "livekit-sip", UNKNOWN_SIP]),
    default=UNKNOWN_SIP,
    show_default=True,
    help="SWITCHBOARD_CLUSTER=current: what answers SIP there, for the report.",
)
def app(
    *,
    no_pods: bool,
    keep: bool,
    out: Path,
    target: str | None,
    redis_url: str | None,
    sip_kind: str,
) -> None:
    """Bring everything up, place six spoken calls, print what was said and measured."""
    settings = LocalSettings.from_environment()
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_terminated_like_interrupted())
            began = time.monotonic()
            if settings.cluster is ClusterChoice.CURRENT:
                system = current_cluster(target, redis_url, sip_kind)
            else:
                pods = _pods(no_pods=no_pods)
                system = stack.enter_context(
                    local_system(settings, pods=pods, keep=keep, say=click.echo)
                )
            demo = _play(system, settings, out, began)
    except (DemoError, LoadTestError, LocalError) as error:
        click.echo(f"the demo failed: {error}\nlogs are in {settings.logs}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    _finish(demo, out, settings.logs)


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Without this, SIGTERM would end the demo and leave the system behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _pods(*, no_pods: bool) -> bool:
    if not no_pods and os.geteuid() != 0:
        click.echo(
            "not root: Switchboard's parts run as processes, not as pods; for pods type: "
            'sudo env "PATH=$PATH" make demo'
        )
        return False
    return not no_pods


def _play(system: DemoSystem, settings: LocalSettings, out: Path, began: float) -> Demo:
    apply_samples(system.kubectl, settings.checkout / "manifests/samples", click.echo)
    cold_start_s = time.monotonic() - began
    click.echo(f"ready to take calls after {cold_start_s:.1f} s")
    return Demo(list(_calls(system.calls_to, out)), system.calls_to.sip_kind, cold_start_s)


def _calls(system: System, out: Path) -> Iterator[Run]:
    for wave in WAVES:
        together = "1 spoken call" if wave.calls == 1 else f"{wave.calls} spoken calls at once"
        click.echo(f"{together} ({wave.script}) ...")
        yield asyncio.run(
            run(
                Settings(
                    target=Target(system.sip_host, system.sip_port, NUMBER),
                    script=caller_script.load(wave.script),
                    codec=codec_by_name(CODEC),
                    calls=wave.calls,
                    calls_per_second=wave.calls_per_second,
                    folder=out / "demo" / wave.script,
                    speech_cache=speech_cache(),
                    redis_url=system.redis_url,
                    first_caller=wave.first_caller,
                    system_pid=system.system_pid,
                    worker_pages=system.worker_pages(),
                )
            )
        )


def _finish(demo: Demo, out: Path, logs: Path) -> None:
    audio = _write_sound(demo.runs, out)
    facts = demo_report.facts(
        demo.runs, audio=audio, sip=demo.sip_kind, cold_start_s=demo.cold_start_s
    )
    path = out / "demo.json"
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    click.echo(f"\n{demo_report.text(demo.runs, facts)}")
    click.echo(f"figures            {path}\nlogs               {logs}, {out / 'demo'}")
    problems = demo_report.problems(demo.runs)
    if problems:
        click.echo("the demo failed:\n" + "\n".join(f"  {line}" for line in problems), err=True)
        sys.exit(1)


def _write_sound(runs: list[Run], out: Path) -> Path:
    """Both sides of every call; gives the file of the first."""
    first: Path | None = None
    for done in runs:
        for number, call in enumerate(done.calls, start=1):
            path = out / "demo" / f"{done.settings.script.name}-{number}.wav"
            if call.view.answered:
                write(path, stereo(call.view, done.track))
                first = first or path
    return first or out / "demo"
