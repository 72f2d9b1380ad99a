"""`switchboard local` when nothing runs: each command says so, and what to do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from switchboard_cli.local import app


@pytest.fixture(autouse=True)
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWITCHBOARD_OUT", str(tmp_path))
    return tmp_path


def test_status_says_that_nothing_runs_and_why_the_last_run_ended(out: Path) -> None:
    (out / "keeper.log").write_text("redis ended with signal SIGKILL\n")
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == 3
    assert "not running; the last run ended with: redis ended" in result.output


def test_kubectl_says_how_to_start_the_system() -> None:
    result = CliRunner().invoke(app, ["kubectl", "get", "pods"])
    assert result.exit_code == 1
    assert "switchboard local up" in result.output


def test_logs_lists_the_parts_that_have_one(out: Path) -> None:
    (out / "logs").mkdir()
    (out / "logs" / "redis.log").write_text("")
    assert "redis" in CliRunner().invoke(app, ["logs"]).output
    result = CliRunner().invoke(app, ["logs", "etcd"])
    assert result.exit_code == 1
    assert "there are: redis" in result.output


def test_another_cluster_is_not_started_but_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_CLUSTER", "current")
    result = CliRunner().invoke(app, ["up"])
    assert result.exit_code == 1
    assert "not ours to start" in result.output
