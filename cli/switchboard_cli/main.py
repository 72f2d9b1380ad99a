"""The `switchboard` command: a thin list of subcommands, each imported only when it runs.

A part that is not installed (an extra left out) costs nothing and says how to get it.
"""

import importlib

import click
from click.shell_completion import CompletionItem
from typing_extensions import override

COMMANDS = {
    "status": ("status:app", "Show how VoiceAgents are, and what to do about it."),
    "rollout": ("rollout:app", "See the revisions of a VoiceAgent, go back to one."),
    "pause": ("pause:pause", "Keep the operator's hands off a VoiceAgent."),
    "resume": ("pause:resume", "Let the operator go on with a VoiceAgent."),
    "render": ("render:app", "Print all objects of a VoiceAgent, without a cluster."),
    "report": ("report:app", "Collect a support bundle, without secrets."),
    "explain": ("explain:app", "Say which trunk and rule a call would take, and why."),
    "try": ("tryout:app", "Talk to a VoiceAgent on this machine, without a cluster."),
    "talk": ("talk:app", "Call a VoiceAgent from a web page."),
    "call": ("call:app", "Let a VoiceAgent call somebody, through its Twilio account."),
    "local": ("local:app", "Run the whole system on this machine."),
    "loadtest": ("loadtest:app", "Send spoken calls and measure what the caller gets."),
    "demo": ("demo:app", "From an empty machine to an answered call."),
    "completion": ("completion:app", "Print the completion script of a shell."),
}
"""Subcommand -> module of this package with its click command, and one line of help."""


class _LazyGroup(click.Group):
    """Imports the module of a subcommand when it is asked for."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        try:
            found: click.Command = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"`switchboard {cmd_name}` needs the package {error.name}, which is not installed: "
                "install switchboard with all extras"
            ) from error
        return found

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    @override
    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands without importing them all."""
        found = [
            CompletionItem(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=_LazyGroup)
def main() -> None:
    """Switchboard: a voice-AI platform for Kubernetes that answers real phone calls."""


def kubectl_plugin() -> None:
    """Run as `kubectl switchboard`: kubectl finds the program kubectl-switchboard on PATH."""
    main(prog_name="kubectl switchboard")
