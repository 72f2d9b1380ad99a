"""`switchboard try`: talk to a VoiceAgent on this machine. No cluster, no network, no account.

The same engine, recogniser, voice and dialog as in a worker answer a recorded caller (or your
microphone). The conversation is printed as it happens; its sound and timings are kept.
"""

import asyncio
import sys
from pathlib import Path

import click

from switchboard_agent.recordings import Conversation, load_conversation
from switchboard_agent.transport.loopback import LoopbackTransport, Recording
from switchboard_agent.virtual_time import run_virtual
from switchboard_cli import tryout_call, tryout_report
from switchboard_cli.tryout_agent import SAMPLE, ManifestError, load_agent
from switchboard_contract.agent_config import AgentConfig


@click.command("try")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--caller",
    type=click.Choice(["recorded", "mic"]),
    default="recorded",
    show_default=True,
    help="Who calls: a recorded caller who books an appointment, or you.",
)
@click.option(
    "--fast", is_flag=True, help="Let the recorded call take no more time than its computations."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/try"),
    show_default=True,
    help="Folder for call.wav (caller left, agent right) and timings.json.",
)
@click.option(
    "--secrets",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder with files <secret>/<key>, for language models that want a key.",
)
def app(
    file: Path | None, caller: str, *, fast: bool, out: Path, secrets: Path | None = None
) -> None:
    """Talk to the VoiceAgent in FILE, by default the dental receptionist of the samples."""
    try:
        config = load_agent(file or SAMPLE, secrets)
    except ManifestError as error:
        raise click.ClickException(str(error)) from error
    if fast and config.prompt is not None:
        raise click.ClickException("a language model answers in real time: leave out --fast")
    click.echo(f"{config.persona.name} of {config.persona.business or config.key} is called.")
    records = tryout_report.PrintingRecorder()
    expected = None if caller == "mic" else load_conversation()
    try:
        if expected is None:
            recording = _run_microphone(config, records)
        else:
            recording = _run_recorded(config, records, expected, fast=fast)
    except tryout_call.CannotTryError as error:
        raise click.ClickException(str(error)) from error
    tryout_report.write(out, records.events, recording)
    click.echo(f"Sound and timings: {out}/call.wav, {out}/timings.json")
    if expected is not None:
        _compare(records, expected, must_match=file is None)


def _run_recorded(
    config: AgentConfig,
    records: tryout_report.PrintingRecorder,
    conversation: Conversation,
    *,
    fast: bool,
) -> Recording:
    call = tryout_call.run_call(config, records, tryout_call.recorded_caller(conversation))
    return run_virtual(call) if fast else asyncio.run(call)


def _run_microphone(config: AgentConfig, records: tryout_report.PrintingRecorder) -> Recording:
    try:
        from switchboard_cli import tryout_microphone  # noqa: PLC0415 - needs an optional package
    except (ImportError, OSError) as error:
        raise click.ClickException(
            f"no sound device can be used ({error}): `pip install sounddevice`, and on Linux the "
            "system package libportaudio2"
        ) from error
    click.echo("Speak after the greeting; use headphones. Ctrl-C hangs up.")
    transports: list[LoopbackTransport] = []
    try:
        call = tryout_microphone.run(config, records, transports)
        return asyncio.run(call)
    except KeyboardInterrupt:
        return transports[0].recording if transports else Recording()


def _compare(
    records: tryout_report.PrintingRecorder, expected: Conversation, *, must_match: bool
) -> None:
    ended = records.ended
    slots = dict(ended.slots) if ended is not None else {}
    learned = ", ".join(f"{name}: {value}" for name, value in slots.items()) or "nothing"
    click.echo(f"The agent learned: {learned}")
    if must_match and (ended is None or ended.result != expected.flow or slots != expected.slots):
        wanted = ", ".join(f"{name}: {value}" for name, value in expected.slots.items())
        click.echo(f"The caller asked for: {wanted}", err=True)
        sys.exit(1)
