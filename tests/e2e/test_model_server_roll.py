"""Live calls led by a language model while its server is rolled and replaced: none may be dropped.

The real system with pods; a stand-in takes vLLM's place, because there is no GPU: same program,
flags and wire. Each caller keeps talking, so every call asks the model all along.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from switchboard_cli.demo_system import DemoSystem, local_system
from switchboard_cli.local_system import speech_cache
from switchboard_contract.call_events import ReplySpoken
from switchboard_contract.names import ANNOTATION_UNUSED_SINCE, LABEL_MODEL_SERVER
from switchboard_loadtest import caller_script
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.outcome import CallResult
from switchboard_loadtest.run import Run, Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_local.images.build import BuiltImage, build_image, build_images
from switchboard_local.images.nodes import import_images
from switchboard_local.install import NAMESPACE as OPERATOR
from switchboard_local.install import install_charts
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, read_state
from tests.e2e.support import PATIENCE, dropped, found, until
from tests.support.vllm.__main__ import said_by

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = Path("tests/support/vllm/Dockerfile")
CALLS = 10
CALL_MS = 140_000
ASK_EVERY_MS = 12_000
"""The recogniser is the heaviest part of ten calls on two cores."""
NUMBER, TENANT, AGENT = "+15550150", "smile-dental", "concierge"
FALLBACK = "I am sorry, I lost my thread."
QUESTIONS = ("when are you open on monday", "how much is a cleaning", "do you take insurance")


@dataclass(frozen=True)
class Rolled:
    """The system, and what its charts are installed with."""

    demo: DemoSystem
    state: SystemState
    settings: LocalSettings
    images: dict[str, BuiltImage]
    vllm: str
    """Name of the stand-in's image."""

    def install(self, max_model_len: int) -> None:
        """Install or upgrade with a profile without a GPU, whose servers have such a context."""
        small = {"count": 0, "cpu": "50m", "memory": "96Mi", "sharedMemory": "16Mi"}
        profile = small | {"vllm": {"maxModelLen": max_model_len}}
        servers = {"gpuProfiles": {"none": profile}, "images": {"vllm": self.vllm}}
        install_charts(self.state, self.settings, self.images, {"modelServers": servers})

    def agent(self) -> dict[str, Any]:
        """Status of the VoiceAgent."""
        status = found(self.demo.kubectl, "voiceagent", TENANT, AGENT).get("status") or {}
        return dict(status)

    def servers(self) -> dict[str, dict[str, Any]]:
        """Deployments of model servers, by the model that they serve."""
        listed = found(self.demo.kubectl, "deployments", OPERATOR, f"-l{LABEL_MODEL_SERVER}")
        by_model = {_args(one["spec"]["template"])[0]: one for one in listed["items"]}
        return {model.rpartition("/")[2]: one for model, one in by_model.items()}

    def pods(self, server: dict[str, Any]) -> set[str]:
        """Names of the pods of a server that are ready and not being ended."""
        selector = f"-l{LABEL_MODEL_SERVER}={server['metadata']['name']}"
        items = found(self.demo.kubectl, "pods", OPERATOR, selector)["items"]
        return {pod["metadata"]["name"] for pod in items if _serves(pod)}


def _args(template: dict[str, Any]) -> list[str]:
    args: list[str] = template["spec"]["containers"][0]["args"]
    return args


def _serves(pod: dict[str, Any]) -> bool:
    ready = [c["status"] for c in pod["status"].get("conditions", []) if c["type"] == "Ready"]
    return ready == ["True"] and "deletionTimestamp" not in pod["metadata"]


def _voice_agent(model: str) -> str:
    """Return the VoiceAgent as a user writes it."""
    server = {"name": "brain", "engine": "vllm", "model": f"stand-in/{model}", "gpuProfile": "none"}
    prompt = {
        "greeting": "Hello, this is {agent}.",
        "instructions": "You answer for a dental practice: monday, cleaning, insurance.",
        "fallback": FALLBACK,
        # A server that is gone fails at once; one that starves beside starting pods may take long.
        "answerWithinMs": 5000,
    }
    spec = {
        "numbers": [NUMBER],
        "persona": {"name": "Ava"},
        "dialog": {"prompt": prompt},
        "modelServers": [server],
        "llm": {"providers": [{"name": "own", "modelServer": "brain"}]},
        "scaling": {"min": 1, "max": 1},
    } | PATIENCE
    metadata = {"name": AGENT, "namespace": TENANT}
    api = {"apiVersion": "switchboard.dev/v1alpha1", "kind": "VoiceAgent"}
    return json.dumps(api | {"metadata": metadata, "spec": spec})


def _apply(system: DemoSystem, folder: Path, model: str) -> None:
    path = folder / f"{model}.json"
    path.write_text(_voice_agent(model))
    system.kubectl("apply", "-f", str(path))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolled]:
    """The system with an agent whose model server answers."""
    folder = tmp_path_factory.mktemp("roll")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWITCHBOARD_OUT", str(folder / "out"))
        settings = LocalSettings.from_environment()
        with local_system(settings, pods=True, keep=False, say=print) as demo:
            state = read_state(settings.state_file)
            assert state is not None
            images = build_images(settings, print)
            vllm = build_image(settings, "vllm-stand-in", DOCKERFILE, images["operator"], print)
            import_images(state, [vllm])
            rolled = Rolled(demo, state, settings, images, vllm.name)
            rolled.install(4096)
            for sample in ("00-namespace.yaml", "10-tenant.yaml"):
                demo.kubectl("apply", "-f", str(ROOT / "manifests/samples" / sample))
            _apply(demo, folder, "first")
            wait = ("--for=condition=Ready", "voiceagent", AGENT, f"--namespace={TENANT}")
            demo.kubectl("wait", *wait, "--timeout=90s")
            yield rolled


def _script() -> caller_script.CallerScript:
    """A caller who asks something now and then and hangs up in the end."""
    starts = range(4000, CALL_MS - 8000, ASK_EVERY_MS)
    says = (
        caller_script.Says(at_ms=at, text=QUESTIONS[index % len(QUESTIONS)])
        for index, at in enumerate(starts)
    )
    return caller_script.CallerScript("curious", hang_up_ms=CALL_MS, says=tuple(says))


def _place_calls(system: DemoSystem, folder: Path) -> Run:
    return asyncio.run(
        run(
            Settings(
                target=Target(system.calls_to.sip_host, system.calls_to.sip_port, NUMBER),
                script=_script(),
                codec=codec_by_name("G722"),
                calls=CALLS,
                calls_per_second=0.5,  # a join takes half a second of both cores
                folder=folder,
                speech_cache=speech_cache(),
                redis_url=system.calls_to.redis_url,
            )
        )
    )


def _with_live_calls(
    system: Rolled, folder: Path, disturb: Callable[[], None]
) -> tuple[CallResult, ...]:
    """Place the calls, do something to the system while all are live; return how they went."""
    with ThreadPoolExecutor(1) as pool:
        calls = pool.submit(_place_calls, system.demo, folder)
        until(lambda: system.agent().get("activeCalls") == CALLS, "all calls are live", 45)
        began = time.monotonic()
        disturb()
        print(f"everything changed within {time.monotonic() - began:.1f} s")  # noqa: T201
        assert not calls.done(), "the calls ended before everything had changed"
        return calls.result().calls


def _why_models(system: Rolled) -> str:
    """Return the reason of ModelsReady."""
    conditions = {one["type"]: one["reason"] for one in system.agent()["conditions"]}
    return str(conditions.get("ModelsReady", ""))


def _replies(call: CallResult) -> list[str]:
    events = call.agent.events if call.agent else ()
    return [event.text for event in events if isinstance(event, ReplySpoken) and event.turn > 0]


def test_a_model_server_is_rolled_and_replaced_under_live_calls(
    system: Rolled, tmp_path: Path
) -> None:
    def roll() -> None:
        """New flags for the same server: the old pod stays until the new one answers."""
        old = system.pods(system.servers()["first"])
        assert len(old) == 1
        system.install(8192)
        seen: list[set[str]] = []

        def rolled() -> bool:
            seen.append(system.pods(system.servers()["first"]))
            return bool(seen[-1]) and not seen[-1] & old

        until(rolled, "the new pod answers and the old one is being ended", 60)
        assert all(seen), "for a moment no pod answered"

    def replace() -> None:
        """Another model: calls stay with the old revision until the new server answers."""
        before = system.agent()["revision"]
        _apply(system.demo, tmp_path, "second")
        until(lambda: _why_models(system) == "HandoverWaiting", "the status says why", 20)
        until(lambda: "second" in system.servers(), "the new server is made", 20)

        def handed_over() -> bool:
            status = system.agent()
            if status["revision"] == before:
                return False
            assert system.pods(system.servers()["second"]), "handed over to nobody"
            return True

        until(handed_over, "the new revision serves", 60)
        first = system.servers()["first"]
        until(
            lambda: ANNOTATION_UNUSED_SINCE in system.servers()["first"]["metadata"]["annotations"],
            "the old server is marked as unused",
            15,
        )
        assert system.pods(first), "calls in progress lost their server"

    def disturb() -> None:
        roll()
        replace()

    calls = _with_live_calls(system, tmp_path / "calls", disturb)
    assert len(calls) == CALLS
    assert [how for call in calls if (how := dropped(call))] == []
    for call in calls:
        said = _replies(call)
        assert FALLBACK not in said
        assert said_by("first", 4096) in said, said
        assert said_by("first", 8192) in said, said
