"""`switchboard completion`: what a shell needs to complete commands and options."""

import sys
from pathlib import Path

import click
from click.shell_completion import get_completion_class

_HOW = {
    "bash": "source <(switchboard completion bash)",
    "zsh": "source <(switchboard completion zsh)",
    "fish": "switchboard completion fish | source",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def app(context: click.Context, shell: str) -> None:
    """Print the completion script of SHELL (bash, zsh or fish).

    Load it in the shell's start-up file, such as: source <(switchboard completion bash)
    """
    chosen = get_completion_class(shell)
    if chosen is None:
        raise click.ClickException(f"{shell} is not known to click; try another shell")
    program = Path(sys.argv[0]).name
    name = program if program.startswith("switchboard") else "switchboard"
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    completion = chosen(context.find_root().command, {}, name, variable)
    click.echo(completion.source())
