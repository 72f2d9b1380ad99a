"""What the platform says about model servers: GPU profiles, images, times.

A mounted file, not the environment: the profiles are a tree, and whoever runs GPU nodes changes
them often. Tenants name a profile and a model, and can neither see nor change what is behind them.
"""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from switchboard_contract.crd.meta import DnsLabel, Model
from switchboard_contract.crd.model_server import ModelEngine
from switchboard_contract.crd.scaling import PodTemplate, Toleration
from switchboard_operator.accept import explain
from switchboard_operator.desired.models.flags import MANAGED_VLLM_FLAGS, flag_of
from switchboard_operator.errors import SettingsError

VARIABLE = "SWITCHBOARD_MODEL_SERVERS_FILE"
"""Names the mounted file."""

Quantity = Annotated[
    str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$", max_length=20)
]
"""An amount as Kubernetes writes it."""

Fraction = Annotated[float, Field(gt=0, le=1)]


class Images(Model):
    """Container images by engine; the flags we render are checked against these versions."""

    vllm: str = Field(default="vllm/vllm-openai:v0.33.0", min_length=1)
    triton: str = Field(default="nvcr.io/nvidia/tritonserver:26.07-py3", min_length=1)


class TritonRepository(Model):
    """Where Triton finds its models: exactly one source."""

    image: str | None = Field(default=None, min_length=1)
    """An image with `cp` in it: an init container copies the models out of it."""
    claim: DnsLabel | None = None
    """A PersistentVolumeClaim of the operator's namespace, mounted read-only."""
    oci: str | None = Field(default=None, min_length=1)
    """An OCI artifact, mounted as an image volume (Kubernetes 1.35, or its feature gate)."""
    path: str = Field(default="/models", pattern=r"^/[A-Za-z0-9._/-]*$")
    """Folder in the source that holds one folder for each model."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.image, self.claim, self.oci)) != 1:
            raise ValueError("set exactly one of image, claim and oci")
        return self


class TritonSettings(Model):
    """What all Triton servers have in common."""

    repository: TritonRepository | None = None
    """Left out: no agent may ask for Triton."""
    pinned_memory_pool_bytes: int = Field(default=268_435_456, ge=0)
    """Pinned host memory for transfers (Triton's own default)."""


class CacheStorage(Model):
    """A volume for downloaded and compiled models."""

    size: Quantity
    storage_class: str | None = Field(default=None, min_length=1)
    shared: bool = False
    """True: one ReadWriteMany claim for all pods of a server, downloaded once. False: a
    ReadWriteOnce claim for each pod, which goes with it (a claim that only one node can mount would
    block the pod that a rollout adds)."""


class VllmProfile(Model):
    """How vLLM uses the GPUs of a profile."""

    max_model_len: int | None = Field(default=None, ge=128)
    """Longest context in tokens; left out: the model's own. Shorter leaves room for more calls."""
    gpu_memory_utilization: Fraction = 0.9
    """Share of the GPU's memory taken at start (vLLM's own default is close to this)."""
    tensor_parallel: int | None = Field(default=None, ge=1)
    """GPUs that one model is split over; left out: all of the pod."""
    extra_args: tuple[Annotated[str, StringConstraints(pattern=r"^--[a-z]")], ...] = ()
    """More arguments of `vllm serve`, each as --name=value."""

    @model_validator(mode="after")
    def _no_managed_flag(self) -> Self:
        if taken := sorted({flag_of(arg) for arg in self.extra_args} & MANAGED_VLLM_FLAGS):
            raise ValueError(f"extraArgs must not hold {', '.join(taken)}: Switchboard sets it")
        return self


class Colocation(Model):
    """One GPU for all colocated servers of a profile, by a shared ResourceClaim (DRA)."""

    device_class: str = Field(min_length=1, max_length=253)
    """DeviceClass of the GPU's DRA driver, such as gpu.nvidia.com."""
    vllm_memory_fraction: Fraction = 0.5
    """Share of the GPU's memory that each colocated vLLM takes at its start."""
    triton_memory_fraction: Fraction = 0.2
    """Share of the GPU's memory that is kept for each colocated Triton, which grows into it."""

    def fraction(self, engine: ModelEngine) -> float:
        """Return the share of one server."""
        is_vllm = engine is ModelEngine.VLLM
        return self.vllm_memory_fraction if is_vllm else self.triton_memory_fraction


class GpuProfile(Model):
    """One sort of GPU node, and how much of it a server pod gets."""

    resource_name: str = Field(default="nvidia.com/gpu", min_length=1, max_length=253)
    count: int = Field(default=1, ge=0, le=16)
    """GPUs of a server pod; 0 for a profile without."""
    device_class: str | None = Field(default=None, min_length=1, max_length=253)
    """DeviceClass of a DRA driver, such as gpu.nvidia.com: each pod then claims its GPUs by a
    ResourceClaimTemplate. Left out: by `resourceName`, from a device plugin."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    runtime_class_name: str | None = Field(default=None, min_length=1)
    shared_memory: Quantity = "1Gi"
    """Size of /dev/shm; tensor parallelism and Triton's Python backend pass tensors there."""
    cpu: Quantity = "2"
    memory: Quantity = "16Gi"
    cache_storage: CacheStorage | None = None
    """Left out: the cache is on the node, and goes with the pod."""
    max_replicas: int = Field(default=4, ge=1, le=100)
    """Most replicas that an agent may ask for."""
    calls_per_replica: int = Field(default=20, ge=1, le=1000)
    """Live calls that one server pod is sized for, where an agent lets an autoscaler choose the
    number of pods; it aims at 80 % of it."""
    models: tuple[str, ...] = ("*",)
    """Models that agents may ask for, as shell patterns such as Qwen/*."""
    vllm: VllmProfile = Field(default_factory=VllmProfile)
    colocated: Colocation | None = None
    """Left out: no agent may ask for placement Colocated."""
    pod_templates: dict[ModelEngine, PodTemplate] = Field(default_factory=dict)
    """Partial pod templates by engine, merged over that of the server pods (whose container bears
    the engine's name) as a strategic merge patch; null removes a field."""

    @model_validator(mode="after")
    def _parallel_fits(self) -> Self:
        if self.device_class is not None and not self.count:
            raise ValueError("deviceClass needs a count above 0")
        if (self.vllm.tensor_parallel or 1) > max(1, self.count):
            raise ValueError("vllm.tensorParallel must not be above count")
        return self


class ModelServerSettings(Model):
    """Everything in the file."""

    gpu_profiles: dict[DnsLabel, GpuProfile] = Field(default_factory=dict)
    images: Images = Field(default_factory=Images)
    image_pull_secret: str = ""
    """Name of a pull secret in the operator's namespace; empty for none."""
    hf_token_secret: str = ""
    """Name of a Secret in the operator's namespace with the key `token`; empty for none."""
    load_timeout_seconds: int = Field(default=1800, ge=10, le=14_400)
    """How long a model may take to download and load before its pod is started over."""
    idle_grace_seconds: int = Field(default=900, ge=0, le=604_800)
    """How long a server stays that no agent asks for: loading it again takes minutes."""
    drain_seconds: int = Field(default=45, ge=1, le=600)
    """How long a server that is told to stop finishes its requests."""
    triton: TritonSettings = Field(default_factory=TritonSettings)


def load(path: str) -> ModelServerSettings:
    """Read the file; an empty path means that there are no profiles."""
    if not path:
        return ModelServerSettings()
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{VARIABLE}: {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{VARIABLE}: {path} is not YAML: {error}") from None
    try:
        return ModelServerSettings.model_validate(value or {})
    except ValidationError as error:
        found = explain(error, "modelServers")
        raise SettingsError(f"{VARIABLE}: {path}: {found}; correct the chart's values") from None
