"""Users' objects for tests, and the operator around fakes of both worlds."""

import asyncio
import copy
import dataclasses
from dataclasses import dataclass, field
from typing import Any

from switchboard_contract import names
from switchboard_contract.crd.tenant import TenantSpec
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.directory import Directory, Key, KeyKind
from switchboard_operator.errors import OperatorError
from switchboard_operator.kube.discovery import Discovery
from switchboard_operator.kube.kinds import NAMESPACE, TENANT, VOICE_AGENT, WATCHED, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.livekit_poll import touched
from switchboard_operator.models.servers import ModelServers
from switchboard_operator.reconcile import model_server, suspension, voice_agent
from switchboard_operator.reconcile import tenant as tenant_reconcile
from switchboard_operator.reconcile.context import Context
from switchboard_operator.references import ReferenceCache
from switchboard_operator.settings import Settings, WorkerSettings
from switchboard_operator.sip.mirror import Mirror
from switchboard_operator.store import Store
from switchboard_operator.watch.feed import Feed
from tests.operator.fakes import FakeKube, FakeSip

NOW = "2026-03-01T12:00:00Z"

WORKER = WorkerSettings(
    image="registry.example/switchboard-agent:1",
    livekit_url="ws://livekit:7880",
    livekit_api_key="key",
    livekit_api_secret="secret",
    redis_url="redis://redis:6379",
)
SETTINGS = Settings("http://livekit:7880", WORKER, "switchboard-system", "operator-0")

SCRIPT: Object = {
    "greeting": "Hello, {business}.",
    "intents": [{"name": "bye", "phrases": ["good bye"], "hangUp": True}],
}


TWILIO: Object = {
    "publicUrl": "https://voice.example/reception",
    "accountSid": "AC" + "0" * 32,
    "authTokenRef": {"name": "twilio", "key": "authToken"},
}


def spec(**changes: Any) -> Object:  # noqa: ANN401  any part of a spec
    """Return the spec of a VoiceAgent, as a user writes it."""
    base: Object = {
        "numbers": ["+15550100"],
        "persona": {"name": "Amy", "business": "Smile Dental"},
        "dialog": {"inline": copy.deepcopy(SCRIPT)},
    }
    return base | changes


def agent(name: str = "reception", namespace: str = "smile-dental", **changes: Any) -> Object:  # noqa: ANN401
    """Return a VoiceAgent."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "VoiceAgent",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec(**changes),
    }


def tenant(name: str = "smile-dental", **changes: Any) -> Object:  # noqa: ANN401
    """Return a Tenant."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": changes,
    }


def namespace(name: str = "smile-dental", owner: str | None = "smile-dental") -> Object:
    """Return a namespace that belongs to a tenant, or to none."""
    labels = {names.LABEL_TENANT: owner} if owner else {}
    return {"metadata": {"name": name, "labels": labels}}


def inputs(*, owner: Object | None = None, **changes: Any) -> AgentInputs:  # noqa: ANN401
    """Return an accepted VoiceAgent."""
    parsed = VoiceAgentSpec.model_validate(spec(**changes))
    return AgentInputs(
        namespace="smile-dental",
        name="reception",
        uid="1f0c",
        spec=parsed,
        tenant_name="smile-dental",
        tenant=TenantSpec.model_validate(owner or {}),
        script=parsed.dialog.inline,
    )


@dataclass
class World:
    """The operator between two fakes; `settle` is what the queue and its workers do."""

    kube: FakeKube = field(default_factory=FakeKube)
    sip: FakeSip = field(default_factory=FakeSip)
    errors: dict[Key, OperatorError] = field(default_factory=dict)
    woken: dict[Key, None] = field(default_factory=dict)
    now: str = NOW

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin as a new process, with nothing in memory."""
        self.store = Store()
        self.directory = Directory(self.store)
        cache = ReferenceCache(self.kube, self._wake)
        self.mirror = Mirror(self.sip)
        self.discovery = Discovery(self.kube)
        self.feed = Feed(
            self.kube, self.store, self.directory, self._wake, discovery=self.discovery
        )
        self.context = Context(
            SETTINGS,
            self.kube,
            self.store,
            self.directory,
            cache,
            self.mirror,
            lambda: self.now,
            self.discovery,
        )
        servers = ModelServers(self.directory.model_asks, self._wake)
        self.context = dataclasses.replace(self.context, models=servers)
        self.cache = cache
        self.kube.on_event = self.event
        self.woken.clear()

    async def open(self) -> None:
        """List both worlds and let the start barrier fall."""
        await self.mirror.poll()
        await self.feed.open()

    def event(self, kind: Kind, event: str, obj: Object) -> None:
        """Deliver a watch event, as far as the selectors let it through."""
        if kind in WATCHED and _selected(kind, obj):
            self.feed.event(kind, event, obj)

    def users_put(self, *objects: tuple[Kind, Object]) -> None:
        """Let a user write objects."""
        for kind, obj in objects:
            self.kube.put(kind, obj)

    async def settle(self, rounds: int = 50) -> None:
        """Reconcile until nothing is woken any more; failures are noted, not retried."""
        self.errors.clear()
        for _ in range(rounds):
            if not self.woken:
                return
            key = next(iter(self.woken))
            del self.woken[key]
            await self.reconcile(key)
        raise AssertionError(f"does not settle: {list(self.woken)}")

    async def reconcile(self, key: Key) -> None:
        """Look at one key, as a worker does."""
        by_kind = {
            KeyKind.VOICE_AGENT: voice_agent.reconcile,
            KeyKind.TENANT: tenant_reconcile.reconcile,
            KeyKind.MODEL_SERVER: model_server.reconcile,
            KeyKind.SUSPENSION: suspension.reconcile,
        }
        try:
            await by_kind[key.kind](self.context, key)
        except OperatorError as error:
            self.errors[key] = error

    async def discover(self) -> None:
        """Look which APIs are served, as happens once a minute."""
        if await self.discovery.refresh():
            await self.feed.served_changed()

    async def poll(self) -> None:
        """Poll LiveKit and wake who must look again."""
        for key in touched(await self.mirror.poll(), self.store):
            self._wake(key)

    def seen(self, name: str = "reception", namespace: str = "smile-dental") -> Object:
        """Return a VoiceAgent as the API server has it."""
        return self.kube.objects[VOICE_AGENT, namespace, name]

    def condition(self, kind: str, name: str = "reception", namespace: str = "smile-dental") -> str:
        """Return `status/reason` of a condition."""
        conditions = self.seen(name, namespace)["status"]["conditions"]
        found = next(c for c in conditions if c["type"] == kind)
        return f"{found['status']}/{found['reason']}"

    def message(self, kind: str, name: str = "reception", namespace: str = "smile-dental") -> str:
        """Return the message of a condition."""
        conditions = self.seen(name, namespace)["status"]["conditions"]
        return str(next(c for c in conditions if c["type"] == kind)["message"])

    def _wake(self, key: Key) -> None:
        self.woken[key] = None


async def served_world(**changes: Any) -> World:  # noqa: ANN401
    """Return a world in which one VoiceAgent is served."""
    world = World()
    world.users_put((TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, agent(**changes)))
    await world.open()
    await world.settle()
    return world


def _selected(kind: Kind, obj: Object) -> bool:
    labels = obj["metadata"].get("labels") or {}
    if kind is NAMESPACE:
        return names.LABEL_TENANT in labels
    if kind in {TENANT, VOICE_AGENT}:
        return True
    return labels.get(names.LABEL_MANAGED_BY) == names.MANAGED_BY


def run(coroutine: Any) -> Any:  # noqa: ANN401
    """Run a coroutine from a property test, which cannot be async itself."""
    return asyncio.run(coroutine)
