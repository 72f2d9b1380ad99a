"""The whole path without root: operator and workers as processes, an answered call, a clean end.

One system for the module; its tests go from the first call to the end of everything.
"""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from livekit import api
from livekit.protocol.room import ListRoomsRequest
from livekit.protocol.sip import ListSIPDispatchRuleRequest, ListSIPInboundTrunkRequest

from switchboard_cli import demo
from switchboard_cli.demo import NUMBER, Wave
from switchboard_cli.demo_system import Kubectl, apply_samples
from switchboard_cli.local_system import speech_cache
from switchboard_cli.worker_pages import worker_pages
from switchboard_loadtest import caller_script, lateness
from switchboard_loadtest.caller_view import CallerView
from switchboard_loadtest.flite import Flite
from switchboard_loadtest.listening_call import call
from switchboard_loadtest.reactive import ReactiveCaller
from switchboard_loadtest.sipp import Target
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, read_state
from switchboard_local.tools.locate import locate
from switchboard_local.up import UpOptions, held_system
from switchboard_media.codec import G722
from tests.operator.system import until
from tests.support.leftovers import processes_of, wait_until_gone

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

SAMPLES = Path(__file__).resolve().parents[2] / "manifests" / "samples"
GONE_SECONDS = 60.0


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSettings]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWITCHBOARD_OUT", str(tmp_path_factory.mktemp("processes") / "out"))
        yield LocalSettings.from_environment()


@pytest.fixture(scope="module")
def state(settings: LocalSettings) -> Iterator[SystemState]:
    """The system with the sample VoiceAgent, ready."""
    with held_system(settings, UpOptions(pods=False), print) as held:
        apply_samples(kubectl_of(settings, held.state), SAMPLES, print)
        yield held.state


def kubectl_of(settings: LocalSettings, state: SystemState) -> Kubectl:
    program = str(locate("kubectl", settings.cache))
    return Kubectl((program, f"--kubeconfig={state.kubeconfig}"))


def a_call(state: SystemState) -> CallerView:
    """One question and goodbye, at the pace of whoever answers."""
    caller = ReactiveCaller(caller_script.load("hours"), Flite(speech_cache()).say)
    target = Target(state.sip_host, state.sip_port, NUMBER)
    seen, _ = asyncio.run(call(target, caller, G722))
    return seen


def test_a_worker_process_answers_a_spoken_question(
    state: SystemState, settings: LocalSettings
) -> None:
    seen = a_call(state)
    assert seen.answered, seen.leg.final_status
    assert seen.turns[0].latency_ms is not None, seen.turns
    late = lateness.read(worker_pages(settings, state))
    assert late is not None
    assert late.ticks > 100, "the worker that spoke is the one that is asked"


def test_the_same_system_serves_as_a_cluster_that_is_already_there(
    state: SystemState, settings: LocalSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").symlink_to(locate("kubectl", settings.cache))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("KUBECONFIG", state.kubeconfig)
    monkeypatch.setenv("SWITCHBOARD_CLUSTER", "current")
    monkeypatch.setattr(demo, "WAVES", (Wave("hours", 1, 1, 15_551_000_301),))
    to = ("--target", f"{state.sip_host}:{state.sip_port}", "--redis", state.redis_url)
    done = CliRunner().invoke(demo.app, ["--out", str(tmp_path / "out"), *to, "--sip", "edge"])
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "out" / "demo.json").read_text())
    assert facts["calls"] == {"placed": 1, "answered": 1, "completed": 1}
    assert facts["sip"] == "edge"
    assert facts["transcript"]
    assert read_state(settings.state_file) == state, "nothing of it was ended"


def test_deleting_everything_leaves_no_trunk_no_rule_and_no_room(
    state: SystemState, settings: LocalSettings
) -> None:
    kubectl = kubectl_of(settings, state)
    trunks, rules, _ = asyncio.run(in_livekit(state))
    assert (trunks, rules) == (1, 1)
    kubectl("delete", "-f", str(SAMPLES), "--wait=true", f"--timeout={GONE_SECONDS:.0f}s")

    async def nothing() -> bool:
        return await in_livekit(state) == (0, 0, 0)

    asyncio.run(until(nothing, "LiveKit is empty", seconds=GONE_SECONDS))
    assert kubectl("get", "voiceagents", "--all-namespaces").strip() == ""


async def in_livekit(state: SystemState) -> tuple[int, int, int]:
    """Trunks, rules and rooms."""
    secret = state.livekit_api_secret
    async with api.LiveKitAPI(state.livekit_http_url, state.livekit_api_key, secret) as client:
        trunks = await client.sip.list_inbound_trunk(ListSIPInboundTrunkRequest())
        rules = await client.sip.list_dispatch_rule(ListSIPDispatchRuleRequest())
        rooms = await client.room.list_rooms(ListRoomsRequest())
    return len(trunks.items), len(rules.items), len(rooms.rooms)


def test_after_a_kill_of_the_keeper_neither_operator_nor_worker_nor_helper_is_left(
    state: SystemState, settings: LocalSettings
) -> None:
    apply_samples(kubectl_of(settings, state), SAMPLES, print)
    running = "\n".join(processes_of(settings.out))
    for part in ("switchboard_operator", "runner_main", "switchboard_agent", "kube-apiserver"):
        assert part in running
    os.kill(state.keeper_pid, signal.SIGKILL)
    wait_until_gone(settings.out)
    assert read_state(settings.state_file) is None
