"""`switchboard loadtest`: spoken calls to a running system, and what their callers got."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import click

from switchboard_cli.local_system import find_system, speech_cache
from switchboard_loadtest import caller_script, ramp, report
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.errors import LoadTestError
from switchboard_loadtest.run import Run, Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_loadtest.wav import stereo, write

_NUMBER = "+15550100"


@click.group()
def app() -> None:
    """Send spoken calls and measure what the caller gets."""


@app.command()
def scenarios() -> None:
    """List the caller scripts that come with Switchboard."""
    for name in caller_script.names():
        script = caller_script.load(name)
        click.echo(f"{name:<20} {len(script.says)} utterances, {script.hang_up_ms / 1000:.0f} s")


@app.command("run")
@click.option("--scenario", default="booking_short", help="Caller script: a name or a TOML file.")
@click.option("--calls", default=1, type=click.IntRange(1, 1000), help="Calls in all.")
@click.option("--rate", default=1.0, type=click.FloatRange(0.1, 100), help="New calls per second.")
@click.option("--codec", default="G722", help="G722, PCMU or PCMA.")
@click.option("--target", default=None, help="host:port of the SIP server; default: local system.")
@click.option("--number", default=_NUMBER, help="Number to dial.")
@click.option("--user", default="", help="Digest user, where the trunk asks for one.")
@click.option("--password", default="", help="Digest password.")
@click.option("--redis", "redis_url", default=None, help="Redis URL of the call events.")
@click.option("--out", "out", default=None, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--json", "json_path", default=None, type=click.Path(path_type=Path), help="Report.")
@click.option("--wav", is_flag=True, help="Write both sides of every call in stereo.")
@click.option(
    "--ramp",
    "ramp_to",
    default=0,
    help="From --calls at once up to this many, in steps of 5, until the machine is saturated.",
)
def run_command(  # noqa: PLR0917 - one parameter per option
    scenario: str,
    calls: int,
    rate: float,
    codec: str,
    target: str | None,
    number: str,
    user: str,
    password: str,
    redis_url: str | None,
    out: Path | None,
    json_path: Path | None,
    wav: bool,
    ramp_to: int,
) -> None:
    """Place calls, print a table, write JSON. Exits with 1 if a call failed."""
    try:
        system = find_system(target, redis_url)
        settings = Settings(
            target=Target(system.sip_host, system.sip_port, number, user, password),
            script=caller_script.load(scenario),
            codec=codec_by_name(codec),
            calls=calls,
            calls_per_second=rate,
            folder=out or _run_folder(),
            speech_cache=speech_cache(),
            redis_url=system.redis_url,
            system_pid=system.system_pid,
            worker_pages=system.worker_pages(),
        )
        runs = asyncio.run(ramp.climb(settings, ramp_to) if ramp_to else _one(settings))
    except LoadTestError as error:
        raise click.ClickException(str(error)) from error
    facts = [report.summary(one) for one in runs]
    click.echo(ramp.table(facts) if ramp_to else report.table(facts[0]))
    path = json_path or settings.folder / "report.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    written = ramp.facts_of(facts) if ramp_to else facts[0]
    path.write_text(json.dumps(written, indent=2) + "\n")
    click.echo(f"report in {path}, logs in {settings.folder}")
    if wav:
        _write_wavs(runs[-1])
    if not ramp_to and any(call.failure for call in runs[0].calls):
        raise SystemExit(1)


async def _one(settings: Settings) -> list[Run]:
    return [await run(settings)]


def _run_folder() -> Path:
    return Path("out/loadtest") / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def _write_wavs(done: Run) -> None:
    for call in done.calls:
        path = done.settings.folder / f"{call.view.leg.caller.lstrip('+')}.wav"
        write(path, stereo(call.view, done.track))
