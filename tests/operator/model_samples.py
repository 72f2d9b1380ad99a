"""A platform with GPU profiles, agents that ask for its model servers, and the world with both."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from typing_extensions import override

from switchboard_contract import names
from switchboard_contract.crd.model_server import ModelServer
from switchboard_operator.desired.models.server import Server
from switchboard_operator.directory import model_server_key
from switchboard_operator.kube.kinds import DEPLOYMENT, NAMESPACE, TENANT, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.models.settings import ModelServerSettings
from tests.operator.samples import NOW, SETTINGS, World, agent, namespace, tenant

OPERATOR = SETTINGS.operator_namespace

PLATFORM: Object = {
    "gpuProfiles": {
        "l4": {
            "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
            "tolerations": [
                {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
            ],
            "runtimeClassName": "nvidia",
            "cacheStorage": {"size": "100Gi", "storageClass": "fast"},
            "colocated": {
                "deviceClass": "gpu.nvidia.com",
                "vllmMemoryFraction": 0.45,
                "tritonMemoryFraction": 0.3,
            },
        },
        "h100x2": {
            "count": 2,
            "sharedMemory": "8Gi",
            "cpu": "8",
            "memory": "64Gi",
            "cacheStorage": {"size": "500Gi", "shared": True},
            "maxReplicas": 8,
            "models": ["Qwen/*"],
            "vllm": {"maxModelLen": 8192, "gpuMemoryUtilization": 0.92},
        },
        "claimed": {"count": 2, "deviceClass": "gpu.nvidia.com"},
        "patched": {
            "podTemplates": {
                "vllm": {
                    "spec": {
                        "priorityClassName": "models",
                        "containers": [
                            {"name": "vllm", "env": [{"name": "NCCL_DEBUG", "value": "WARN"}]}
                        ],
                    }
                }
            }
        },
        "cpu": {"count": 0, "models": ["whisper*", "kokoro"]},
    },
    "hfTokenSecret": "hugging-face",
    "triton": {"repository": {"image": "registry.example/switchboard-models:1"}},
}


def platform(**changes: Any) -> ModelServerSettings:  # noqa: ANN401  any part of the file
    """Return the platform's settings."""
    return ModelServerSettings.model_validate(PLATFORM | changes)


def write_platform(folder: Path) -> str:
    """Write the file as the chart mounts it, with a short grace time; return its path."""
    path = folder / "model-servers.json"
    path.write_text(json.dumps(PLATFORM | {"idleGraceSeconds": 3}), encoding="utf-8")
    return str(path)


def ask(model: str = "Qwen/Qwen3-8B", **changes: Any) -> Object:  # noqa: ANN401
    """Return an entry of spec.modelServers, as a user writes it."""
    return {"name": "llm", "engine": "vllm", "model": model, "gpuProfile": "l4"} | changes


def whisper(**changes: Any) -> Object:  # noqa: ANN401
    """Return an ask for Triton."""
    return ask("whisper", name="ears", engine="triton", **changes)


def server(asked: Object, settings: ModelServerSettings | None = None) -> Server:
    """Return the server that an ask means."""
    parsed = ModelServer.model_validate(asked)
    settings = settings or platform()
    return Server(parsed, parsed.replicas, OPERATOR, settings, parsed.most_replicas)


class ModelWorld(World):
    """A world on that platform, with a clock that tests set."""

    now = NOW

    @override
    def start(self) -> None:
        super().start()
        settings = dataclasses.replace(self.context.settings, model_servers=platform())
        self.context = dataclasses.replace(self.context, settings=settings, now=lambda: self.now)

    def tenant_agent(self, owner: str, *asks: Object, **changes: Any) -> None:  # noqa: ANN401
        """Let a tenant with a namespace of its name have an agent that asks for servers."""
        wanted = agent("reception", owner, modelServers=list(asks), **changes)
        self.users_put((TENANT, tenant(owner)), (NAMESPACE, namespace(owner, owner)))
        place = (VOICE_AGENT, owner, "reception")
        if existing := self.kube.objects.get(place):
            wanted = existing | {"spec": wanted["spec"]}
        self.users_put((VOICE_AGENT, wanted))

    def servers(self) -> dict[str, Object]:
        """Return the Deployments of model servers, by name."""
        return {
            name: obj
            for (kind, where, name), obj in self.kube.objects.items()
            if kind is DEPLOYMENT
            and where == OPERATOR
            and names.LABEL_MODEL_SERVER in obj["metadata"]["labels"]
        }

    def kinds_of(self, name: str) -> set[str]:
        """Return the kinds of objects that carry a server's label."""
        return {
            kind.kind
            for (kind, _, _), obj in self.kube.objects.items()
            if (obj["metadata"].get("labels") or {}).get(names.LABEL_MODEL_SERVER) == name
        }

    def report(self, name: str, **status: Any) -> None:  # noqa: ANN401
        """Let a Deployment have a status, as its controller writes it."""
        found = self.kube.objects[DEPLOYMENT, OPERATOR, name]
        self.kube.put(DEPLOYMENT, found | {"status": status})

    async def look(self, name: str, *, at: str = "") -> None:
        """Let time come for a server to be looked at."""
        self.now = at or self.now
        self.woken[model_server_key(name)] = None
        await self.settle()

    def place(self, kind: Kind, name: str) -> Object:
        """Return an object of the operator's namespace."""
        return self.kube.objects[kind, OPERATOR, name]


async def model_world(*asks: Object) -> ModelWorld:
    """Return a world in which one agent with these asks is served."""
    world = ModelWorld()
    world.tenant_agent("smile-dental", *asks)
    await world.open()
    await world.settle()
    return world
