"""The file by which commands find the running system."""

import os
from pathlib import Path

import pytest

from switchboard_local.bundle.inside import inside_command
from switchboard_local.images.build import BuiltImage
from switchboard_local.install import chart_values
from switchboard_local.state import (
    Mode,
    SystemState,
    process_started,
    read_state,
    read_state_file,
    write_state,
)


@pytest.fixture
def state() -> SystemState:
    return SystemState(
        mode=Mode.PODS,
        keeper_pid=os.getpid(),
        keeper_started=process_started(os.getpid()) or 0,
        init_pid=42,
        init_started=7,
        network="10.70.0.0/16",
        kube_url="https://10.70.1.2:6443",
        kubeconfig="/out/kubeconfig",
        kube_ca_file="/out/ca.crt",
        kube_token_file="/out/token",
        livekit_http_url="http://10.70.1.2:7880",
        livekit_ws_url="ws://10.70.1.2:7880",
        livekit_api_key="key",
        livekit_api_secret="very-secret",
        redis_url="redis://10.70.1.2:6379",
        sip_host="10.70.3.1",
        sip_port=5060,
        sip_kind="edge",
        nodes=("node-1",),
        logs="/out/logs",
    )


def test_what_was_written_is_read(state: SystemState, tmp_path: Path) -> None:
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state


def test_only_the_owner_can_read_the_file(state: SystemState, tmp_path: Path) -> None:
    write_state(tmp_path / "state.json", state)
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0


def test_the_secret_is_not_shown(state: SystemState) -> None:
    assert "very-secret" not in repr(state)


def test_a_file_of_a_dead_keeper_means_nothing_runs(state: SystemState, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(
        state.to_json().replace(f'"keeper_started": {state.keeper_started}', '"keeper_started": 1')
    )
    assert read_state(path) is None
    assert read_state_file(path) is not None


@pytest.mark.parametrize("text", ["", "{}", '{"mode": "other"}', "[]"])
def test_a_file_of_another_version_means_nothing_runs(text: str, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    assert read_state(path) is None


def test_a_command_inside_enters_the_bundles_namespaces(state: SystemState) -> None:
    command = inside_command(state, ["sipp", "-v"])
    assert command[:3] == ["nsenter", "--target", "42"]
    assert command[-2:] == ["sipp", "-v"]


def test_the_chart_gets_the_systems_addresses_and_the_built_images(state: SystemState) -> None:
    images = {
        name: BuiltImage(f"localhost/{name}:1", Path(f"/{name}.tar"))
        for name in ("operator", "agent")
    }
    values = chart_values(state, images)
    assert values["livekit"]["apiUrl"] == "http://10.70.1.2:7880"
    assert values["livekit"]["workerUrl"] == "ws://10.70.1.2:7880"
    assert values["worker"]["image"] == "localhost/agent:1"
    assert values["worker"]["pullPolicy"] == "IfNotPresent"
