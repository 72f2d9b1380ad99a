"""Live calls while everything around them changes: none may be dropped.

The real system with pods. Calls last 100 s, so that each is alive during every change.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from switchboard_cli.demo import NUMBER
from switchboard_cli.demo_system import DemoSystem, apply_samples, local_system
from switchboard_cli.local_system import speech_cache
from switchboard_contract.names import LABEL_POOL, pool_name
from switchboard_loadtest import caller_script
from switchboard_loadtest.encode import codec_by_name
from switchboard_loadtest.run import Run, Settings, run
from switchboard_loadtest.sipp import Target
from switchboard_local.settings import LocalSettings
from tests.e2e.support import PATIENCE, dropped, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

CALLS = 10
"""What two cores just hold beside the SIP side, LiveKit, a cluster and pods that start."""
NAMESPACE, AGENT = "smile-dental", "receptionist"
OPERATOR = ("--namespace=switchboard-system", "--selector=app.kubernetes.io/name=switchboard")
ROOT = Path(__file__).resolve().parents[2]
PATIENT = Path(__file__).with_name("patient.toml")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSystem]:
    """The system with the sample and two workers, ready."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWITCHBOARD_OUT", str(tmp_path_factory.mktemp("live") / "out"))
        settings = LocalSettings.from_environment()
        with local_system(settings, pods=True, keep=False, say=print) as started:
            apply_samples(started.kubectl, ROOT / "manifests/samples", print)
            change(started, PATIENCE)
            scale(started, 2)
            until(lambda: len(workers(started)) == 2 and ready(started) == 2, "two workers")
            yield started


def agent(system: DemoSystem) -> dict[str, object]:
    """Status of the VoiceAgent."""
    found = system.kubectl("get", "voiceagent", AGENT, f"--namespace={NAMESPACE}", "-o", "json")
    status: dict[str, object] = json.loads(found)["status"]
    return status


def live(system: DemoSystem) -> object:
    """Calls in progress, by the status."""
    return agent(system).get("activeCalls")


def change(system: DemoSystem, spec: dict[str, object]) -> None:
    """Change the spec, as a user does."""
    patch = json.dumps({"spec": spec})
    arguments = ("voiceagent", AGENT, f"--namespace={NAMESPACE}", "--type=merge", f"-p={patch}")
    system.kubectl("patch", *arguments)


def scale(system: DemoSystem, workers_wanted: int) -> None:
    """Set the number of workers; a fixed one, so that no autoscaler has a say."""
    change(system, {"scaling": {"min": workers_wanted, "max": workers_wanted}})


def workers(system: DemoSystem) -> set[str]:
    """Names of the worker pods that are not being ended."""
    selector = f"--selector={LABEL_POOL}={pool_name(NAMESPACE, AGENT)}"
    listed = system.kubectl("get", "pods", f"--namespace={NAMESPACE}", selector, "-o", "json")
    alive = (p["metadata"] for p in json.loads(listed)["items"])
    return {meta["name"] for meta in alive if "deletionTimestamp" not in meta}


def ready(system: DemoSystem) -> int:
    """Workers that are ready, by the status."""
    count = agent(system).get("readyWorkers", 0)
    assert isinstance(count, int)
    return count


def place_calls(system: DemoSystem, folder: Path) -> Run:
    """Callers who stay."""
    return asyncio.run(
        run(
            Settings(
                target=Target(system.calls_to.sip_host, system.calls_to.sip_port, NUMBER),
                script=caller_script.load(str(PATIENT)),
                codec=codec_by_name("G722"),
                calls=CALLS,
                calls_per_second=0.5,  # a join takes half a second of both cores
                folder=folder,
                speech_cache=speech_cache(),
                redis_url=system.calls_to.redis_url,
            )
        )
    )


def outcomes(done: Run) -> list[str]:
    """What became of each call."""
    return [dropped(call) or f"{call.view.leg.caller} served" for call in done.calls]


def with_live_calls(system: DemoSystem, folder: Path, disturb: Callable[[], None]) -> None:
    """Place the calls, do something to the system while all are live, and count the dropped."""
    with ThreadPoolExecutor(1) as pool:
        calls = pool.submit(place_calls, system, folder)
        until(lambda: calls.done() or live(system) == CALLS, "all calls are live", 45)
        assert not calls.done(), outcomes(calls.result())
        disturb()
        assert not calls.done(), "the calls ended before everything had changed"
        done = calls.result()
    assert len(done.calls) == CALLS
    assert [how for call in done.calls if (how := dropped(call))] == []


WRITE = """
import os, pathlib
for folder in ("/", "/opt/switchboard", "/usr", "/var"):
    try:
        pathlib.Path(folder, "written").write_text("x")
    except OSError as error:
        print(folder, error.strerror)
print(os.getuid(), os.getgid())
"""


@pytest.mark.parametrize(
    ("namespace", "deployment"),
    [(NAMESPACE, f"{AGENT}-worker"), ("switchboard-system", "switchboard-operator")],
)
def test_pods_that_serve_run_as_a_user_without_rights_on_images_they_cannot_write(
    system: DemoSystem, namespace: str, deployment: str
) -> None:
    pod = (f"deployment/{deployment}", f"--namespace={namespace}")
    *refused, user = system.kubectl("exec", *pod, "--", "python", "-c", WRITE).splitlines()
    assert [line.partition(" ")[2] for line in refused] == ["Read-only file system"] * 4
    assert user == "65532 65532"


def test_a_roll_out_and_the_death_of_the_operator_drop_no_call(
    system: DemoSystem, tmp_path: Path
) -> None:
    first = workers(system)

    def disturb() -> None:
        deployment = f"deployment/{AGENT}-worker"
        system.kubectl("rollout", "restart", deployment, f"--namespace={NAMESPACE}")
        system.kubectl("delete", "pod", *OPERATOR, "--grace-period=0", "--force", "--wait=false")
        until(lambda: not first <= workers(system), "a worker with calls is being ended", 60)

    with_live_calls(system, tmp_path / "calls", disturb)
    until(lambda: not first & workers(system) and ready(system) == 2, "both workers are new")


def test_a_new_revision_and_scaling_in_drop_no_call(system: DemoSystem, tmp_path: Path) -> None:
    def disturb() -> None:
        revision = agent(system)["revision"]
        change(system, {"persona": {"name": "Bea"}})
        until(lambda: agent(system)["revision"] != revision, "the new revision serves", 30)
        scale(system, 1)
        until(lambda: len(workers(system)) == 1, "one worker is being ended", 30)

    with_live_calls(system, tmp_path / "calls", disturb)
