"""The system under the demo: brought up, given the sample VoiceAgent, torn down again.

Everything a user would type is typed here: `kubectl apply`, `kubectl wait`. What goes wrong is said
with the words of the resource's own conditions.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from switchboard_cli.local_system import System, find_system, system_of
from switchboard_loadtest.errors import LoadTestError
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, read_state
from switchboard_local.tools.locate import locate
from switchboard_local.up import UpOptions, held_system

READY_SECONDS = 120
"""How long a VoiceAgent may take from apply to Ready; its worker loads a recogniser meanwhile."""

_KEPT = "left running: `switchboard local status`, and `switchboard local down` to end it"

_LAST_WORDS = 300
"""Characters of the keeper's last line that are shown."""

Say = Callable[[str], None]


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl against the system of the demo."""

    command: tuple[str, ...]

    def __call__(self, *arguments: str) -> str:
        """Run it and give what it printed; raises `DemoError` with what it complained of."""
        done = subprocess.run(  # noqa: S603 - found by us, and no shell
            [*self.command, *arguments], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise DemoError(f"kubectl {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout


@dataclass(frozen=True, slots=True)
class DemoSystem:
    """A system that takes VoiceAgents and calls."""

    kubectl: Kubectl
    calls_to: System


@contextlib.contextmanager
def local_system(
    settings: LocalSettings, *, pods: bool, keep: bool, say: Say
) -> Iterator[DemoSystem]:
    """The local system; one that ran before is used and left as it was.

    One that is started here ends with the block, and with this process should it be killed; `keep`
    lets it go on.
    """
    state = read_state(settings.state_file)
    if state is not None:
        with _told_if_it_ended(settings):
            yield _of_state(settings, state)
        return
    with held_system(settings, UpOptions(pods=pods), say) as held:
        if keep:
            held.keeper.let_go()
        try:
            with _told_if_it_ended(settings):
                yield _of_state(settings, held.state)
        finally:
            say(_KEPT if keep else "tearing down")


@contextlib.contextmanager
def _told_if_it_ended(settings: LocalSettings) -> Iterator[None]:
    """Calls fail when the system under them ends: that is then the reason to give."""
    try:
        yield
    except LoadTestError as error:
        if read_state(settings.state_file) is None:
            raise DemoError(
                f"the local system ended during the calls: {last_words(settings)}"
            ) from error
        raise


def _of_state(settings: LocalSettings, state: SystemState) -> DemoSystem:
    program = locate("kubectl", settings.cache)
    kubectl = Kubectl((str(program), f"--kubeconfig={state.kubeconfig}"))
    return DemoSystem(kubectl, system_of(settings, state))


def last_words(settings: LocalSettings) -> str:
    """Why the system ended, as its keeper wrote it."""
    log = settings.out / "keeper.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:_LAST_WORDS] if lines else f"it left no word in {log}"


def current_cluster(target: str | None, redis_url: str | None, sip_kind: str) -> DemoSystem:
    """The cluster of the current kubeconfig, with the charts installed: nothing is started."""
    program = shutil.which("kubectl")
    if program is None or target is None:
        raise DemoError(
            "SWITCHBOARD_CLUSTER=current needs kubectl on PATH and the SIP server's address: "
            "give --target host:port, and --redis for the call events"
        )
    calls_to = replace(find_system(target, redis_url), sip_kind=sip_kind)
    return DemoSystem(Kubectl((program,)), calls_to)


def apply_samples(kubectl: Kubectl, samples: Path, say: Say) -> None:
    """Apply the samples and wait until each VoiceAgent of theirs is Ready."""
    say(f"$ kubectl apply -f {samples}/")
    say(kubectl("apply", "-f", str(samples)).rstrip())
    for namespace, name in agents_of(samples):
        agent = (f"voiceagent/{name}", f"--namespace={namespace}")
        wait = ("wait", "--for=condition=Ready", *agent)
        say(f"$ kubectl {' '.join(wait)}")
        try:
            kubectl(*wait, f"--timeout={READY_SECONDS}s")
        except DemoError as error:
            found = json.loads(kubectl("get", *agent, "-o", "json"))
            raise DemoError(f"{error}\n{why_not_ready(found)}") from error
        say(kubectl("get", *agent).rstrip())


def agents_of(samples: Path) -> list[tuple[str, str]]:
    """Namespace and name of each VoiceAgent of the samples: others of the cluster are not ours."""
    documents = [
        document
        for path in sorted(samples.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document
    ]
    return [
        (one["metadata"]["namespace"], one["metadata"]["name"])
        for one in documents
        if one["kind"] == "VoiceAgent"
    ]


def why_not_ready(agent: dict[str, Any]) -> str:
    """Conditions that are not true, in the operator's own words."""
    name = f"{agent['metadata']['namespace']}/{agent['metadata']['name']}"
    conditions = agent.get("status", {}).get("conditions", [])
    if not conditions:
        return f"{name} has no conditions: the operator has not seen it"
    return "\n".join(
        f"{name}: {one['type']}={one['status']} ({one.get('reason', '')}) {one.get('message', '')}"
        for one in conditions
        if one["status"] != "True"
    )
