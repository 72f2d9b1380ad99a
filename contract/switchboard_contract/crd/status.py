"""What the operator reports: the status of a VoiceAgent and of a Tenant.

Conditions follow the Kubernetes convention: each carries the generation it speaks of, a reason for
programs and a message for people that names the field and the remedy. `Ready` rolls the others up
and means *can take a call now*. A part that was not asked for has no condition.
"""

from enum import StrEnum

from pydantic import Field

from switchboard_contract.crd.last_probe import LastProbe
from switchboard_contract.crd.meta import ConditionStatus, Model
from switchboard_contract.crd.model_server import ModelServer


class ConditionType(StrEnum):
    """What a condition speaks of, in the order of the way of a resource."""

    ACCEPTED = "Accepted"
    """The spec makes sense and the tenant may have what it asks for."""
    NUMBERS_BOUND = "NumbersBound"
    """The SIP trunk holds the numbers: nobody else can have them."""
    SIP_READY = "SIPReady"
    """Trunk and dispatch rule are in LiveKit: a call would reach the worker pool."""
    TWILIO_READY = "TwilioReady"
    """Workers know the line and would take a call that Twilio brings; absent without such."""
    MODELS_READY = "ModelsReady"
    """Every model server that the agent asks for answers; absent if it asks for none."""
    WORKERS_READY = "WorkersReady"
    """A worker is registered and warm."""
    PROBE_ANSWERED = "ProbeAnswered"
    """A worker that was tried out without a phone had a greeting; gates Ready where asked to."""
    PAUSED = "Paused"
    """The annotation switchboard.dev/paused keeps the operator's hands off; absent otherwise."""
    SCALING_READY = "ScalingReady"
    """The number of workers follows the calls. Only told: Ready does not wait for it, since a pool
    that cannot grow still takes calls."""
    READY = "Ready"
    """All of the above: can take a call now."""


class Reason(StrEnum):
    """Why a condition has its status."""

    ACCEPTED = "Accepted"
    PINNED = "Pinned"
    """Accepted, but a kept revision serves: `switchboard rollout resume` goes back to the spec."""
    PINNED_REVISION_NOT_FOUND = "PinnedRevisionNotFound"
    """The pin names no kept revision, so the spec serves: pin another one or resume."""
    INVALID_SPEC = "InvalidSpec"
    TENANT_NOT_ASSIGNED = "TenantNotAssigned"
    TENANT_NOT_FOUND = "TenantNotFound"
    TENANT_INVALID = "TenantInvalid"
    TENANT_SUSPENDED = "TenantSuspended"
    NUMBER_TAKEN = "NumberTaken"
    WORKER_POOL_UNKNOWN = "WorkerPoolUnknown"
    """spec.workerPool names no pool of the Tenant."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """The spec asks for more than the Tenant's quotas grant."""
    SECRET_IN_SHARED_POOL = "SecretInSharedPool"  # noqa: S105  a reason, not a password
    """A Secret is used by an agent of a shared worker pool, which must not see tenants' Secrets."""
    CREDENTIAL_UNKNOWN = "CredentialUnknown"
    """A provider refers to a credential that the Tenant does not have."""
    CARRIER_UNKNOWN = "CarrierUnknown"
    """spec.transfer calls humans through a carrier that the Tenant does not have."""
    DIALOG_NOT_FOUND = "DialogNotFound"
    DIALOG_INVALID = "DialogInvalid"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105  a reason, not a password
    SECRET_INVALID = "SecretInvalid"  # noqa: S105  the same
    NOT_ACCEPTED = "NotAccepted"

    BOUND = "Bound"
    NOT_BOUND = "NotBound"
    NUMBER_HELD_IN_LIVEKIT = "NumberHeldInLiveKit"

    SIP_READY = "SIPReady"
    SUSPENDED = "Suspended"
    FOREIGN_RULE = "ForeignRule"
    """A dispatch rule of somebody else gets the calls: delete it, or give it its own trunk."""
    OPEN_RULE = "OpenRule"
    """Calls come here, but a dispatch rule of somebody else takes those that its trunk refuses."""
    LIVEKIT_UNREACHABLE = "LiveKitUnreachable"
    LIVEKIT_REFUSED = "LiveKitRefused"
    PENDING = "Pending"

    TWILIO_READY = "TwilioReady"

    GPU_PROFILE_UNKNOWN = "GpuProfileUnknown"
    """The platform has no GPU profile of this name: name one that the message lists."""
    MODEL_NOT_ALLOWED = "ModelNotAllowed"
    """The GPU profile does not grant this model, placement or number: ask for what it grants."""
    GPU_FULL = "GpuFull"
    """The colocated servers of a GPU profile do not fit on its one GPU: the message says what to
    do."""
    MODELS_READY = "ModelsReady"
    MODELS_LOADING = "ModelsLoading"
    """A model server is starting: minutes are usual; see its pods if it takes longer."""
    HANDOVER_WAITING = "HandoverWaiting"
    """A model server of the new revision does not answer yet: the one before goes on serving."""
    MODELS_FAILING = "ModelsFailing"
    """A model server cannot be made or does not start: the message says what to look at."""

    WORKERS_READY = "WorkersReady"
    WORKERS_STARTING = "WorkersStarting"
    WORKERS_FAILING = "WorkersFailing"
    CONFLICT = "Conflict"
    """An object with the name of a child exists and is not ours: it is left alone."""
    API_REFUSED = "ApiRefused"
    CRD_OUTDATED = "CRDOutdated"
    """The CRD in the cluster is older than the operator, which changes nothing."""

    PAUSED = "Paused"
    """The operator changes nothing: `switchboard resume` lets it go on."""

    DELETING = "Deleting"
    """It is being deleted and takes no calls; calls in progress are finished first."""

    SCALING_READY = "ScalingReady"
    AUTOSCALER_MISSING = "AutoscalerMissing"
    """Nothing scales the workers, because nobody would answer an autoscaler: install or choose a
    metrics provider."""
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    """The autoscaler gets no figures: the number of workers stays as it is."""
    NO_SAMPLES = "NoSamples"
    """No worker has told its load lately: the number of workers stays as it is."""
    AT_MAXIMUM = "AtMaximum"
    """More workers are needed than scaling.max allows: raise it."""

    ANSWERED = "Answered"
    """A worker joined a probe room, its providers answer, the greeting was ready."""
    PROBE_PENDING = "ProbePending"
    """Not tried out yet, or cannot be now; the message says why."""
    PROBE_NOT_ANSWERED = "ProbeNotAnswered"
    """No worker joined a probe room in time, twice in a row."""
    PROBE_FAILED = "ProbeFailed"
    """A worker joined a probe room and reported that something it needs does not work."""

    READY = "Ready"
    INTERNAL_ERROR = "InternalError"


class Condition(Model):
    """One observation, in the form of metav1.Condition."""

    type: str = Field(max_length=316, description="What the condition speaks of.")
    status: ConditionStatus = Field(description="True, False or Unknown.")
    reason: str = Field(min_length=1, max_length=1024, description="Why, for programs.")
    message: str = Field(
        default="", max_length=32_768, description="Why and what to do about it, for people."
    )
    last_transition_time: str = Field(
        json_schema_extra={"format": "date-time"}, description="When the status last changed."
    )
    observed_generation: int | None = Field(
        default=None, ge=0, description="Generation of the spec that the condition speaks of."
    )


class OutboundTrunkStatus(Model):
    """One outbound trunk."""

    name: str = Field(description="Name under the Tenant's spec.sip.egress.")
    trunk_id: str = Field(description="Its id in LiveKit.")


class WorkerPoolStatus(Model):
    """One shared worker pool."""

    name: str = Field(description="Name under spec.workerPools.")
    workers: int = Field(default=0, ge=0, description="Worker pods that exist.")
    ready_workers: int = Field(
        default=0, ge=0, description="Worker pods that are registered and warm."
    )


class ModelServerStatus(ModelServer):
    """One model server that the agent uses."""

    server: str = Field(
        min_length=1,
        max_length=63,
        description="Name of the shared server's objects in the operator's namespace.",
    )
    url: str = Field(max_length=512, description="Where it answers, inside the cluster.")
    ready: bool = Field(description="Whether a pod answers with the model loaded.")
    longest_call_seconds: int = Field(
        default=0,
        ge=0,
        le=14_400,
        description="Longest call of the agent: how long the server stays at least, once unused.",
    )


class VoiceAgentStatus(Model):
    """What the operator sees."""

    observed_generation: int | None = Field(
        default=None, description="Generation of the spec that this status speaks of."
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description=(
            "Accepted, NumbersBound, SIPReady, ModelsReady, WorkersReady, Paused, ProbeAnswered, "
            "ScalingReady (each only where asked for) and, over all, Ready."
        ),
    )
    tenant: str | None = Field(default=None, description="Tenant that the namespace's label names.")
    numbers: list[str] = Field(
        default_factory=list, max_length=100, description="Numbers that are bound in LiveKit."
    )
    revision: str | None = Field(
        default=None, description="Agent revision that new calls are served by."
    )
    pinned_revision: str | None = Field(
        default=None, description="The same, while it serves because it is pinned."
    )
    spec_revision: str | None = Field(
        default=None, description="Agent revision that the spec compiles to, while another serves."
    )
    workers: int = Field(default=0, ge=0, description="Worker pods that exist.")
    ready_workers: int = Field(
        default=0, ge=0, description="Worker pods that are registered and warm."
    )
    selector: str | None = Field(
        default=None, description="Label selector of the worker pods, for the scale subresource."
    )
    active_calls: int = Field(
        default=0,
        ge=0,
        description=(
            "Calls in progress, as its workers tell; its live LiveKit rooms while none does."
        ),
    )
    capacity: int = Field(
        default=0,
        ge=0,
        description="Calls that the ready workers of its pool take at once, live ones included.",
    )
    model_servers: list[ModelServerStatus] = Field(
        default_factory=list,
        max_length=20,
        description="Model servers in use, as last accepted: what shared servers are counted by.",
    )
    trunk_id: str | None = Field(default=None, description="Inbound trunk in LiveKit.")
    rule_id: str | None = Field(default=None, description="Dispatch rule in LiveKit.")
    last_probe: LastProbe | None = Field(
        default=None, description="The last probe with another result or times than before."
    )
    outbound_trunks: list[OutboundTrunkStatus] = Field(
        default_factory=list,
        max_length=10,
        description="Outbound trunks in LiveKit, one for each carrier of the Tenant.",
    )


class TenantStatus(Model):
    """What the operator sees."""

    observed_generation: int | None = Field(
        default=None, description="Generation of the spec that this status speaks of."
    )
    conditions: list[Condition] = Field(
        default_factory=list, max_length=16, description="Ready: its VoiceAgents may serve calls."
    )
    namespaces: int = Field(
        default=0, ge=0, description="Namespaces whose label switchboard.dev/tenant names it."
    )
    voice_agents: int = Field(default=0, ge=0, description="VoiceAgents in these namespaces.")
    worker_pools: list[WorkerPoolStatus] = Field(
        default_factory=list, max_length=20, description="Shared worker pools."
    )
