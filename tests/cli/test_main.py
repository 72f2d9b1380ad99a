"""The `switchboard` command itself."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from switchboard_cli.main import COMMANDS, kubectl_plugin, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage:" in done.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_asks_the_command(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0, done.output
    assert f"_SWITCHBOARD_COMPLETE={shell}_complete" in done.output


def test_names_of_commands_are_completed() -> None:
    env = {
        "_SWITCHBOARD_COMPLETE": "bash_complete",
        "COMP_WORDS": "switchboard re",
        "COMP_CWORD": "1",
    }
    done = CliRunner().invoke(main, [], env=env, prog_name="switchboard")
    assert done.output.split() == ["plain,resume", "plain,render", "plain,report"]


def test_kubectl_finds_the_same_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["kubectl-switchboard", "status", "--help"])
    with pytest.raises(SystemExit) as ended:
        kubectl_plugin()
    assert ended.value.code == 0
    assert "Usage: kubectl switchboard status" in capsys.readouterr().out


def test_explain_asks_the_system_of_the_place_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWITCHBOARD_OUT", str(tmp_path))
    done = CliRunner().invoke(main, ["explain", "call", "--to", "+1", "--from", "+2"])
    assert f"nothing runs by {tmp_path}/state.json" in done.output
