import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from switchboard_cli import loadtest
from switchboard_cli.local_system import System, find_system
from switchboard_loadtest.errors import LoadTestError
from switchboard_loadtest.run import Run, Settings
from tests.loadtest.results import agent, leg, refused, result, view
from tests.loadtest.results import run as finished_run


def _place(monkeypatch: pytest.MonkeyPatch, done: Run) -> list[Settings]:
    placed: list[Settings] = []

    async def run(settings: Settings) -> Run:
        placed.append(settings)
        return done

    monkeypatch.setattr(loadtest, "run", run)
    return placed


def _arguments(out: Path, *more: str) -> list[str]:
    return ["run", "--target", "192.0.2.2:5060", "--out", str(out), *more]


def test_options_become_settings_and_results_a_table_and_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    placed = _place(monkeypatch, finished_run(result(view(leg()), agent())))
    options = ["--scenario", "hours", "--calls", "3", "--rate", "2", "--codec", "pcmu"]
    report = tmp_path / "sub/report.json"
    done = CliRunner().invoke(loadtest.app, _arguments(tmp_path, *options, "--json", str(report)))
    assert done.exit_code == 0, done.output
    (settings,) = placed
    assert (settings.script.name, settings.calls, settings.calls_per_second) == ("hours", 3, 2.0)
    assert (settings.codec.name, settings.target.port) == ("PCMU", 5060)
    assert "1 placed, 1 answered, 1 completed" in done.output
    assert json.loads(report.read_text())["calls"]["completed"] == 1


def test_a_call_that_failed_ends_the_command_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _place(monkeypatch, finished_run(result(view(refused()), None)))
    done = CliRunner().invoke(loadtest.app, _arguments(tmp_path))
    assert done.exit_code == 1
    assert "FAILED" in done.output


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("--scenario", "nothing", "use one of"),
        ("--codec", "opus", "use one of G722"),
        ("--target", "here", "write it like 127.0.0.1:5060"),
    ],
)
def test_wrong_options_are_refused_with_a_remedy(
    tmp_path: Path, option: str, value: str, remedy: str
) -> None:
    done = CliRunner().invoke(loadtest.app, [*_arguments(tmp_path), option, value])
    assert done.exit_code == 1
    assert remedy in done.output


def test_every_packaged_scenario_is_listed() -> None:
    done = CliRunner().invoke(loadtest.app, ["scenarios"])
    assert "booking_short" in done.output
    assert "wrong_number" in done.output


def test_an_address_by_hand_wins_over_the_local_system() -> None:
    assert find_system("192.0.2.2:5070", "redis://x") == System("192.0.2.2", 5070, "redis://x")


def test_without_a_system_and_an_address_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("switchboard_cli.local_system.read_state", lambda _: None)
    with pytest.raises(LoadTestError, match="switchboard local up"):
        find_system(None, None)
