"""One model server: what agents ask for, with what the platform says about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from switchboard_contract import names
from switchboard_contract.crd.model_server import ModelEngine, ModelPlacement, ModelServer
from switchboard_operator.desired.models.names import server_name
from switchboard_operator.desired.names import NAME_LABEL
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.models.settings import GpuProfile, ModelServerSettings

MODEL_SERVER = "switchboard-model-server"
GPU_PROFILE_LABEL = f"{names.GROUP}/gpu-profile"
ENGINE_LABEL = f"{names.GROUP}/model-engine"


@dataclass(frozen=True, slots=True)
class Server:
    """One server, whoever asks for it."""

    ask: ModelServer
    """Engine, model, profile and placement; its name is that of one of those who ask."""
    replicas: int
    namespace: str
    """The operator's: the server is the platform's and no tenant's."""
    settings: ModelServerSettings
    max_replicas: int = 0
    """Most pods that an autoscaler may make of it; 0 for as many as `replicas`."""
    longest_call_seconds: int = 0
    """Longest call of any agent that asks for it, or did."""

    @property
    def name(self) -> str:
        """Name of its objects."""
        return server_name(self.ask)

    @property
    def profile(self) -> GpuProfile:
        """Its GPU profile."""
        return self.settings.gpu_profiles[self.ask.gpu_profile]

    @property
    def is_colocated(self) -> bool:
        """Whether it shares its GPU."""
        return self.ask.placement is ModelPlacement.COLOCATED

    @property
    def most_replicas(self) -> int:
        """Most pods."""
        return max(self.replicas, self.max_replicas)

    @property
    def is_autoscaled(self) -> bool:
        """Whether the number of pods may move."""
        return self.most_replicas > self.replicas

    @property
    def is_vllm(self) -> bool:
        """Whether it is vLLM."""
        return self.ask.engine is ModelEngine.VLLM

    @property
    def has_image_volume(self) -> bool:
        """Whether its models come from an image volume, which not every cluster keeps."""
        repository = self.settings.triton.repository
        return not self.is_vllm and repository is not None and repository.oci is not None

    @property
    def labels(self) -> dict[str, str]:
        """What all its objects carry."""
        return {
            names.LABEL_MANAGED_BY: names.MANAGED_BY,
            NAME_LABEL: MODEL_SERVER,
            names.LABEL_MODEL_SERVER: self.name,
            ENGINE_LABEL: self.ask.engine.value,
            GPU_PROFILE_LABEL: self.ask.gpu_profile,
        }

    def child(
        self, kind: Kind, body: Object, *, annotations: dict[str, str] | None = None
    ) -> Object:
        """Return a whole object of the server. Nobody owns it: many agents share it."""
        metadata: Object = {"name": self.name, "namespace": self.namespace, "labels": self.labels}
        if annotations:
            metadata["annotations"] = annotations
        return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **body}


def of_asks(
    asks: Sequence[ModelServer],
    namespace: str,
    settings: ModelServerSettings,
    longest_call_seconds: int,
) -> Server:
    """Return the server that all these ask for: the larger numbers win."""
    return Server(
        ask=asks[0],
        replicas=max(ask.replicas for ask in asks),
        namespace=namespace,
        settings=settings,
        max_replicas=max(ask.most_replicas for ask in asks),
        longest_call_seconds=longest_call_seconds,
    )
