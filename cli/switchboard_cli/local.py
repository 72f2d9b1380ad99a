"""`switchboard local`: the whole system on this machine, from one command to the next."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click

from switchboard_local.bundle.control import down as end_system
from switchboard_local.errors import LocalError
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, read_state
from switchboard_local.status import ask_all, describe
from switchboard_local.tools.locate import locate
from switchboard_local.up import UpOptions, bring_up


@click.group()
def app() -> None:
    """Run the whole system on this machine: real Kubernetes, LiveKit, Redis and SIP.

    With root it is a private machine within the machine, with real nodes, and Switchboard's own
    parts run as pods. Without (--no-pods) they run as processes beside a control plane.
    """


@app.command()
@click.option("--nodes", default=1, type=click.IntRange(1, 3), help="Kubernetes nodes.")
@click.option("--no-pods", is_flag=True, help="Switchboard's parts as processes: needs no root.")
@click.option("--bare", is_flag=True, help="Without Switchboard: no images, no helm install.")
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, which ends the system.")
@click.option(
    "--drop-unrouted",
    is_flag=True,
    help="The SIP edge is silent where no rule fits, as livekit-sip is.",
)
def up(nodes: int, *, no_pods: bool, bare: bool, foreground: bool, drop_unrouted: bool) -> None:
    """Start everything and return when it can be used; `local down` ends it."""
    settings = LocalSettings.from_environment()
    if drop_unrouted:
        settings = replace(settings, drop_unrouted=True)
    options = UpOptions(nodes=nodes, pods=not no_pods, bare=bare, foreground=foreground)
    try:
        bring_up(settings, options, _say)
    except LocalError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException("interrupted: everything that was started has ended") from None


@app.command()
def status() -> None:
    """Say what runs, where, and how each part is."""
    settings = LocalSettings.from_environment()
    state = read_state(settings.state_file)
    if state is None:
        last = _last_words(settings.out / "keeper.log")
        _say("not running" + (f"; the last run ended with: {last}" if last else ""))
        sys.exit(3)
    for line in describe(state):
        _say(line)
    answers = asyncio.run(ask_all(state))
    for name, why in answers.items():
        _say(f"  {name:<11} {'ready' if why is None else why}")
    sys.exit(1 if any(answers.values()) else 0)


@app.command()
@click.argument("part", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on as the part writes.")
@click.option("-n", "--lines", default=50, help="How many of the last lines.")
def logs(part: str | None, lines: int, *, follow: bool) -> None:
    """Show the log of a part, or list the parts that have one."""
    directory = LocalSettings.from_environment().logs
    found = sorted(directory.glob("*.log"))
    if part is None:
        for path in found:
            _say(f"{path.stem:28} {path}")
        return
    chosen = [path for path in found if path.stem == part] or [
        path for path in found if path.stem.startswith(part)
    ]
    if not chosen:
        names = ", ".join(path.stem for path in found) or "none yet"
        raise click.ClickException(f"no part is called {part}; there are: {names}")
    command = ["tail", f"--lines={lines}", *(["--follow"] if follow else []), *map(str, chosen)]
    sys.exit(_run(command))


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(arguments: tuple[str, ...]) -> None:
    """Run kubectl against the local system."""
    settings = LocalSettings.from_environment()
    state = _running(settings)
    program = locate("kubectl", settings.cache)
    sys.exit(_run([str(program), f"--kubeconfig={state.kubeconfig}", *arguments]))


@app.command()
def down() -> None:
    """End everything and remove what it left, that of a killed run too."""
    try:
        was_running = end_system(LocalSettings.from_environment())
    except LocalError as error:
        raise click.ClickException(str(error)) from error
    _say("ended" if was_running else "nothing was running")


def _running(settings: LocalSettings) -> SystemState:
    state = read_state(settings.state_file)
    if state is None:
        raise click.ClickException("the local system is not running: `switchboard local up`")
    return state


def _last_words(log: Path) -> str:
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _run(command: list[str]) -> int:
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603 - found by us, no shell
    except KeyboardInterrupt:
        return 130


def _say(line: str) -> None:
    click.echo(line)
