"""Model servers that an agent asks for: the operator runs them on GPU nodes and shares them."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from switchboard_contract.crd.meta import DnsLabel, Model


class ModelEngine(StrEnum):
    """Server programs."""

    VLLM = "vllm"
    TRITON = "triton"


class ModelPlacement(StrEnum):
    """Whether a server has its GPUs to itself."""

    DEDICATED = "Dedicated"
    COLOCATED = "Colocated"


class ModelServer(Model):
    """One model server; agents that ask for the same engine, model and GPU profile share it."""

    name: DnsLabel = Field(description="Name inside this VoiceAgent, for llm.providers.")
    engine: ModelEngine = Field(description="Server program.")
    model: str = Field(
        min_length=1,
        max_length=256,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$",
        description="Model, such as Qwen/Qwen3-8B (vllm) or whisper (triton repository).",
    )
    gpu_profile: DnsLabel = Field(
        description="GPU profile of the platform (chart value modelServers.gpuProfiles)."
    )
    placement: ModelPlacement = Field(
        default=ModelPlacement.DEDICATED,
        description=(
            "Dedicated: GPUs of its own. Colocated: one GPU with the other colocated servers of "
            "the profile, each with its share of the memory; one replica."
        ),
    )
    replicas: int = Field(default=1, ge=1, le=100, description="Server pods; the largest ask wins.")
    max_replicas: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description=(
            "Most server pods: an autoscaler adds some while more calls use the server; the "
            "largest ask wins. Left out: as many as replicas."
        ),
    )

    @property
    def most_replicas(self) -> int:
        """Most server pods asked for."""
        return self.max_replicas or self.replicas

    @model_validator(mode="after")
    def _one_when_colocated(self) -> Self:
        if self.most_replicas < self.replicas:
            raise ValueError("maxReplicas must not be below replicas")
        if self.placement is ModelPlacement.COLOCATED and self.most_replicas != 1:
            raise ValueError("replicas must be 1 when placement is Colocated")
        return self

    @model_validator(mode="after")
    def _folder_of_a_repository(self) -> Self:
        if self.engine is ModelEngine.TRITON and "/" in self.model:
            raise ValueError("a model of a Triton repository has no / in its name")
        return self
