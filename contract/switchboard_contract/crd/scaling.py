"""How many worker pods there are, where they run, and what may be changed about them."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from switchboard_contract.crd.meta import Model

MOST_CALLS_PER_WORKER = 200
"""What one process has been seen to hold with room to spare."""


class ScalingBehavior(Model):
    """How fast the number of workers follows the calls."""

    scale_up_pods_per_minute: int = Field(
        default=10, ge=1, le=500, description="Most worker pods added in a minute."
    )
    scale_down_stabilization_seconds: int = Field(
        default=300,
        ge=0,
        le=3600,
        description="How long fewer workers must suffice before one is taken away.",
    )


class Scaling(Model):
    """How many worker pods serve the agent."""

    min: int = Field(default=1, ge=1, le=500, description="Fewest worker pods.")
    max: int = Field(default=5, ge=1, le=500, description="Most worker pods.")
    calls_per_worker: Annotated[int, Field(ge=1, le=MOST_CALLS_PER_WORKER)] | Literal["auto"] = (
        Field(
            default=20,
            description=(
                "Calls one worker takes at once; more are refused. 1 to 200, or auto: a worker "
                "begins with 10 and takes as many, up to 200, as its event loop keeps up with."
            ),
        )
    )
    spare_calls: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Warm places for new calls that the autoscaler keeps free beside live calls.",
    )
    behavior: ScalingBehavior = Field(default_factory=ScalingBehavior)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class LatencySpec(Model):
    """How fast the agent should answer."""

    target_p95_ms: int | None = Field(
        default=None,
        ge=200,
        le=10_000,
        description=(
            "95th percentile of turn latency inside the worker above which workers are added."
        ),
    )


class TolerationOperator(StrEnum):
    """How a toleration compares."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Model):
    """A taint that the pods tolerate, as in a pod."""

    key: str = Field(default="", max_length=317, description="Taint key; empty matches all keys.")
    operator: TolerationOperator = Field(
        default=TolerationOperator.EQUAL, description="Exists ignores the value."
    )
    value: str = Field(default="", max_length=63, description="Taint value.")
    effect: TaintEffect | None = Field(default=None, description="Left out: every effect.")


class Placement(Model):
    """On which nodes the pods run."""

    node_selector: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="Labels that a node must have."
    )
    tolerations: list[Toleration] = Field(
        default_factory=list, max_length=20, description="Taints that the pods tolerate."
    )
    topology_key: str = Field(
        default="kubernetes.io/hostname",
        min_length=1,
        max_length=317,
        description="Node label over whose values the pods are spread evenly.",
    )


PodTemplate = dict[str, Any]
"""A partial pod template (metadata, spec), merged over the rendered one: maps are merged, lists of
named entries (containers, env, volumes) by name, other lists are replaced; null removes."""
