"""The demo's course, with the system and the calls played by stand-ins."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from switchboard_cli import demo, demo_system
from switchboard_cli.demo_system import (
    DemoError,
    DemoSystem,
    Kubectl,
    apply_samples,
    why_not_ready,
)
from switchboard_cli.local_system import System
from switchboard_loadtest.errors import LoadTestError
from switchboard_loadtest.run import Run, Settings
from switchboard_local.settings import LocalSettings
from tests.loadtest.results import agent, leg, refused, result, view
from tests.loadtest.results import run as finished_run

Calls = Callable[[Settings], Run]


def _booked(settings: Settings) -> Run:
    return finished_run(*[result(view(leg()), agent()) for _ in range(settings.calls)])


def _refused(settings: Settings) -> Run:
    return finished_run(*[result(view(refused()), None) for _ in range(settings.calls)])


def _invoke(
    monkeypatch: pytest.MonkeyPatch, out: Path, calls: Calls, log: list[str], *arguments: str
) -> tuple[int, str]:
    @contextlib.contextmanager
    def system(*_: object, keep: bool, **__: object) -> Iterator[DemoSystem]:
        log.append("up")
        yield DemoSystem(Kubectl(("true",)), System("192.0.2.2", 5060, None, "edge"))
        log.append("kept" if keep else "down")

    async def run(settings: Settings) -> Run:
        log.append(f"{settings.calls} x {settings.script.name}")
        return calls(settings)

    def apply(*_: object) -> None:
        log.append("applied")

    monkeypatch.setattr(demo, "local_system", system)
    monkeypatch.setattr(demo, "apply_samples", apply)
    monkeypatch.setattr(demo, "run", run)
    done = CliRunner().invoke(demo.app, ["--out", str(out), *arguments])
    return done.exit_code, done.output


def test_one_call_then_five_at_once_are_placed_between_up_and_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log: list[str] = []
    code, output = _invoke(monkeypatch, tmp_path, _booked, log)
    assert log == ["up", "applied", "1 x booking", "5 x booking_short", "down"]
    assert code == 0
    facts = json.loads((tmp_path / "demo.json").read_text())
    assert facts["calls"] == {"placed": 6, "answered": 6, "completed": 6}
    assert Path(facts["audio"]).is_file()
    assert "6 of 6 calls completed through edge" in output


def test_keep_leaves_the_system_running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log: list[str] = []
    monkeypatch.setenv("KEEP", "1")
    _invoke(monkeypatch, tmp_path, _booked, log)
    assert log[-1] == "kept"


def test_calls_that_were_not_answered_fail_the_demo_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, output = _invoke(monkeypatch, tmp_path, _refused, [])
    assert code == 1
    assert "call +15551000002: was not answered (final answer 503)" in output


def test_a_system_that_does_not_come_up_fails_the_demo_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: Settings) -> Run:
        raise DemoError("no worker came up")

    code, output = _invoke(monkeypatch, tmp_path, broken, [])
    assert code == 1
    assert "the demo failed: no worker came up" in output


def test_a_system_that_ends_during_the_calls_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = LocalSettings.from_environment({"HOME": str(tmp_path)}, checkout=tmp_path)
    settings.out.mkdir(parents=True)
    (settings.out / "keeper.log").write_text("started\nsip-edge ended with signal SIGSEGV\n")
    said: list[str] = []

    @contextlib.contextmanager
    def held(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(state=None)
        said.append("down")

    monkeypatch.setattr(demo_system, "held_system", held)
    monkeypatch.setattr(demo_system, "_of_state", lambda *_: None)
    with (
        pytest.raises(DemoError, match="sip-edge ended with signal SIGSEGV"),
        demo_system.local_system(settings, pods=False, keep=False, say=said.append),
    ):
        raise LoadTestError("SIPp ended", "see its folder")
    assert said == ["tearing down"]


@pytest.mark.parametrize(("keep", "let_go"), [(True, ["let go"]), (False, [])])
def test_the_demos_system_is_held_unless_it_is_to_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keep: bool, let_go: list[str]
) -> None:
    settings = LocalSettings.from_environment({"HOME": str(tmp_path)}, checkout=tmp_path)
    events: list[str] = []
    keeper = SimpleNamespace(let_go=lambda: events.append("let go"))

    @contextlib.contextmanager
    def held(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(state=None, keeper=keeper)
        events.append("end of the hold")

    monkeypatch.setattr(demo_system, "held_system", held)
    monkeypatch.setattr(demo_system, "_of_state", lambda *_: None)
    with demo_system.local_system(settings, pods=False, keep=keep, say=lambda _: None):
        events.append("calls")
    assert events == [*let_go, "calls", "end of the hold"]


def test_an_existing_cluster_needs_an_address_to_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWITCHBOARD_CLUSTER", "current")
    log: list[str] = []
    code, output = _invoke(monkeypatch, tmp_path, _booked, log)
    assert (code, log) == (1, [])
    assert "give --target host:port" in output


def test_conditions_that_are_not_true_are_told_in_the_operators_words() -> None:
    condition = {"type": "Accepted", "status": "False", "reason": "NumberTaken", "message": "by x"}
    ready = {"type": "SIPReady", "status": "True"}
    seen: dict[str, Any] = {
        "metadata": {"namespace": "a", "name": "b"},
        "status": {"conditions": [condition, ready]},
    }
    assert why_not_ready(seen) == "a/b: Accepted=False (NumberTaken) by x"
    unseen: dict[str, Any] = {"metadata": {"namespace": "a", "name": "c"}}
    assert why_not_ready(unseen) == "a/c has no conditions: the operator has not seen it"


SAMPLE = """
kind: Namespace
metadata: {name: a}
---
kind: VoiceAgent
metadata: {namespace: a, name: b}
"""


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "00.yaml").write_text(SAMPLE)
    return folder


def _kubectl(folder: Path, cases: str) -> tuple[Kubectl, Path]:
    """A kubectl that writes down what it was asked."""
    program, asked = folder / "kubectl", folder / "asked"
    program.write_text(f'#!/bin/sh\necho "$@" >>{asked}\ncase "$1" in\n{cases}\nesac\n')
    program.chmod(0o700)
    return Kubectl((str(program),)), asked


def test_only_the_samples_own_agents_are_waited_for(tmp_path: Path, samples: Path) -> None:
    kubectl, asked = _kubectl(tmp_path, "*) ;;")
    apply_samples(kubectl, samples, lambda _: None)
    (wait,) = [line for line in asked.read_text().splitlines() if line.startswith("wait")]
    assert wait.split() == [
        *("wait", "--for=condition=Ready", "voiceagent/b", "--namespace=a"),
        f"--timeout={demo_system.READY_SECONDS}s",
    ]


def test_a_voice_agent_that_does_not_become_ready_is_told_with_its_conditions(
    tmp_path: Path, samples: Path
) -> None:
    kubectl, _ = _kubectl(
        tmp_path,
        "apply) echo applied ;;\n"
        "wait) echo timed out >&2; exit 1 ;;\n"
        'get) echo \'{"metadata": {"namespace": "a", "name": "b"}}\' ;;',
    )
    said: list[str] = []
    with pytest.raises(DemoError, match="a/b has no conditions"):
        apply_samples(kubectl, samples, said.append)
    assert "applied" in said
