"""What each reason of a condition means and what to do about it.

The one source of the table in docs/reference/conditions.md, of what becomes a Kubernetes Event, and
of what the command line explains. A test demands a line for every reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from switchboard_contract.crd.status import ConditionType, Reason


class Sort(StrEnum):
    """What a reason asks of people."""

    GOOD = "good"
    """As it should be."""
    PASSING = "passing"
    """Passes by itself, or follows another condition that says more."""
    ASKED = "asked for"
    """Somebody wanted it so."""
    TROUBLE = "trouble"
    """Somebody must do something."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One reason, for people."""

    sort: Sort
    conditions: tuple[ConditionType, ...]
    """The conditions that give it. `Ready` repeats the first one that is not True; it stands here
    where it gives a reason by itself: of a Tenant, of what is being deleted, of all that is well.
    """
    meaning: str
    remedy: str = ""
    """Empty where there is nothing to do."""


_ACCEPTED = (ConditionType.ACCEPTED,)
_NUMBERS = (ConditionType.NUMBERS_BOUND,)
_SIP = (ConditionType.SIP_READY,)
_TWILIO = (ConditionType.TWILIO_READY,)
_LIVEKIT = (ConditionType.NUMBERS_BOUND, ConditionType.SIP_READY)
_WORKERS = (ConditionType.WORKERS_READY,)
_MODELS = (ConditionType.MODELS_READY,)
_PROBE = (ConditionType.PROBE_ANSWERED,)
_SCALING = (ConditionType.SCALING_READY,)
_READY = (ConditionType.READY,)
_LIVEKIT_OR_END = (*_LIVEKIT, *_READY)
_WORKERS_OR_POOL = (*_WORKERS, *_READY)
_PARTS = (*_LIVEKIT, *_WORKERS)

REASONS: Mapping[str, Explained] = {
    Reason.ACCEPTED: Explained(
        Sort.GOOD, _ACCEPTED, "The spec makes sense and the Tenant may have what it asks for."
    ),
    Reason.PINNED: Explained(
        Sort.ASKED,
        _ACCEPTED,
        "A kept revision serves instead of the spec.",
        "`switchboard rollout resume` lets the spec serve again.",
    ),
    Reason.PINNED_REVISION_NOT_FOUND: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The pin names a revision that is not kept any more, so the spec serves.",
        "Pin one of `switchboard rollout history`, or `switchboard rollout resume`.",
    ),
    Reason.INVALID_SPEC: Explained(
        Sort.TROUBLE,
        (ConditionType.ACCEPTED, ConditionType.READY),
        "A field of the spec has a value that cannot work; the message names it.",
        "Correct the field. What served before goes on serving.",
    ),
    Reason.TENANT_NOT_ASSIGNED: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The namespace carries no label `switchboard.dev/tenant`.",
        "A cluster administrator labels it: "
        "`kubectl label namespace <ns> switchboard.dev/tenant=<tenant>`.",
    ),
    Reason.TENANT_NOT_FOUND: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The namespace's label names a Tenant that does not exist.",
        "Make the Tenant, or correct the label.",
    ),
    Reason.TENANT_INVALID: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The Tenant's own spec cannot be read, so nobody knows what it may have.",
        "Correct the Tenant; its `Ready` names the field.",
    ),
    Reason.TENANT_SUSPENDED: Explained(
        Sort.ASKED,
        _ACCEPTED,
        "The Tenant is suspended: its agents take no new calls and keep their numbers.",
        "Set `spec.suspend` of the Tenant to false.",
    ),
    Reason.NUMBER_TAKEN: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "An older VoiceAgent asks for the same number; the message names it.",
        "Remove the number from one of the two.",
    ),
    Reason.WORKER_POOL_UNKNOWN: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "`spec.workerPool` names no pool of the Tenant.",
        "Add the pool under `spec.workerPools` of the Tenant, or correct the name.",
    ),
    Reason.QUOTA_EXCEEDED: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The spec asks for more than the Tenant's quotas grant.",
        "Lower the field that the message names, or raise `spec.quotas` of the Tenant.",
    ),
    Reason.SECRET_IN_SHARED_POOL: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "An agent in a shared worker pool refers to a Secret; shared workers see no tenant's "
        "Secrets.",
        "Leave `spec.workerPool` out, so that the agent gets workers of its own.",
    ),
    Reason.CREDENTIAL_UNKNOWN: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "A provider's `credential` names none under `spec.credentials` of the Tenant.",
        "Correct the name, have the credential added to the Tenant, or use `apiKeyRef`.",
    ),
    Reason.CARRIER_UNKNOWN: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "`spec.transfer.briefing` is set and the Tenant has no carrier to call the human through, "
        "or none named `carrier`.",
        "Add the carrier under `spec.sip.egress` of the Tenant, or correct the name.",
    ),
    Reason.DIALOG_NOT_FOUND: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The ConfigMap or the key that `spec.dialog` points at is not there.",
        "Make it in the VoiceAgent's namespace; it is picked up at once.",
    ),
    Reason.DIALOG_INVALID: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The script cannot be read or contradicts itself.",
        "Correct what the message names. The last good revision goes on serving.",
    ),
    Reason.SECRET_NOT_FOUND: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "A Secret that the spec refers to is not there.",
        "Make it in the VoiceAgent's namespace; it is picked up at once.",
    ),
    Reason.SECRET_INVALID: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "A Secret lacks a key, or the key is empty.",
        "Add the key that the message names.",
    ),
    Reason.NOT_ACCEPTED: Explained(
        Sort.PASSING,
        (*_PARTS, *_TWILIO),
        "Not made, because the spec is not accepted.",
        "See `Accepted`.",
    ),
    Reason.BOUND: Explained(Sort.GOOD, _NUMBERS, "The SIP trunk in LiveKit holds the numbers."),
    Reason.NOT_BOUND: Explained(
        Sort.PASSING, _NUMBERS, "The trunk is not in LiveKit yet, or lacks a number."
    ),
    Reason.NUMBER_HELD_IN_LIVEKIT: Explained(
        Sort.TROUBLE,
        _LIVEKIT,
        "A trunk in LiveKit that belongs to somebody else holds one of the numbers.",
        "Delete that trunk (`lk sip inbound delete <id>`), or remove the number.",
    ),
    Reason.SIP_READY: Explained(
        Sort.GOOD, _SIP, "Trunk and dispatch rule are in LiveKit: a call reaches the workers."
    ),
    Reason.SUSPENDED: Explained(
        Sort.ASKED,
        (ConditionType.SIP_READY, ConditionType.TWILIO_READY, ConditionType.READY),
        "`spec.suspend` is true: no new calls are taken.",
        "Set `spec.suspend` to false.",
    ),
    Reason.FOREIGN_RULE: Explained(
        Sort.TROUBLE,
        _SIP,
        "A dispatch rule in LiveKit that is not the agent's gets its calls: it names the agent's "
        "trunk and goes first, or names no trunk while the agent's own rule is not there; or two "
        "rules are for the same calls, so LiveKit refuses them.",
        "Delete the rule that the message names (`lk sip dispatch delete <id>`), or give it "
        "`trunk_ids` of its own.",
    ),
    Reason.OPEN_RULE: Explained(
        Sort.TROUBLE,
        _SIP,
        "Calls reach the workers, but a dispatch rule without `trunk_ids` takes anybody else, "
        "unchecked: callers whom `spec.sip.ingress` of the Tenant keeps out, and everybody while "
        "the agent is suspended.",
        "Delete the rule that the message names (`lk sip dispatch delete <id>`), or give it the "
        "`trunk_ids` that it is for.",
    ),
    Reason.TWILIO_READY: Explained(
        Sort.GOOD, _TWILIO, "Workers know the line; the message says what to set at Twilio."
    ),
    Reason.LIVEKIT_UNREACHABLE: Explained(
        Sort.TROUBLE,
        _LIVEKIT_OR_END,
        "LiveKit does not answer the operator.",
        "Look after LiveKit and the network to it; it is asked again every two seconds.",
    ),
    Reason.LIVEKIT_REFUSED: Explained(
        Sort.TROUBLE,
        _LIVEKIT_OR_END,
        "LiveKit answered and refused; the message is LiveKit's.",
        "Correct key and secret (`livekit.existingSecret` of the chart), or what the message"
        " names.",
    ),
    Reason.PENDING: Explained(
        Sort.PASSING,
        (*_SIP, *_SCALING),
        "The dispatch rule is not in LiveKit yet, or the autoscaler has not looked yet.",
    ),
    Reason.GPU_PROFILE_UNKNOWN: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The platform has no GPU profile of the name in `spec.modelServers`.",
        "Name one that the message lists, or add it to `modelServers.gpuProfiles` of the chart.",
    ),
    Reason.MODEL_NOT_ALLOWED: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The GPU profile does not grant this model, placement or number of replicas.",
        "Ask for what the message says it grants, or let the platform's values grant more.",
    ),
    Reason.GPU_FULL: Explained(
        Sort.TROUBLE,
        _ACCEPTED,
        "The memory fractions of the colocated model servers of a GPU profile add up to more than "
        "one GPU.",
        "Ask for `placement: Dedicated`, make room, or lower the fractions in the chart's GPU "
        "profile. What served before goes on serving.",
    ),
    Reason.MODELS_READY: Explained(Sort.GOOD, _MODELS, "Every model server asked for answers."),
    Reason.MODELS_LOADING: Explained(
        Sort.PASSING,
        _MODELS,
        "A model server loads its model: minutes are usual.",
        "If it takes longer than its load timeout, look at its pods; the message names them.",
    ),
    Reason.HANDOVER_WAITING: Explained(
        Sort.PASSING,
        _MODELS,
        "A model server of the new revision does not answer yet. The revision before goes on "
        "taking calls (`status.revision`; the new one is `status.specRevision`), so `Ready` does "
        "not wait for it.",
        "Nothing; a server that does not load in time becomes `ModelsFailing`.",
    ),
    Reason.MODELS_FAILING: Explained(
        Sort.TROUBLE,
        _MODELS,
        "A model server cannot be made or does not start.",
        "The message says what to look at: no GPU node, no image, no memory.",
    ),
    Reason.WORKERS_READY: Explained(Sort.GOOD, _WORKERS, "A worker is registered and warm."),
    Reason.WORKERS_STARTING: Explained(
        Sort.PASSING,
        _WORKERS,
        "Worker pods exist, none is registered and warm yet.",
        "If it stays so: `kubectl describe pod -l <selector in the message>`.",
    ),
    Reason.WORKERS_FAILING: Explained(
        Sort.TROUBLE,
        _WORKERS,
        "The Deployment cannot make its pods, or they do not become ready in time.",
        "`kubectl describe deployment <name>` and the logs of its pods.",
    ),
    Reason.CONFLICT: Explained(
        Sort.TROUBLE,
        _WORKERS_OR_POOL,
        "An object with the name of a child belongs to somebody else, or another controller keeps "
        "changing a field of a child; the message names object, field and field manager. The "
        "object is left alone.",
        "Rename or delete the object; stop the other controller, or state the field in "
        "`spec.podTemplate`.",
    ),
    Reason.API_REFUSED: Explained(
        Sort.TROUBLE,
        _WORKERS_OR_POOL,
        "The Kubernetes API refused a child, or cannot be reached.",
        "Look at the message: a quota, an admission policy or a webhook. It is tried again.",
    ),
    Reason.CRD_OUTDATED: Explained(
        Sort.TROUBLE,
        (ConditionType.ACCEPTED, ConditionType.READY),
        "The CRD in the cluster is older than the operator, which therefore changes nothing. "
        "Workers go on serving.",
        "`helm upgrade switchboard-crds`; the operator goes on by itself.",
    ),
    Reason.ANSWERED: Explained(
        Sort.GOOD,
        _PROBE,
        "A worker that was tried out without a phone joined in time, its providers answered and "
        "the greeting was ready.",
    ),
    Reason.PROBE_PENDING: Explained(
        Sort.PASSING,
        _PROBE,
        "The revision that serves was not tried out yet, or cannot be now; the message says why.",
    ),
    Reason.PROBE_NOT_ANSWERED: Explained(
        Sort.TROUBLE,
        _PROBE,
        "No worker joined a probe room in time, twice in a row: a caller would hear ringing.",
        "See whether the worker pods run and say `registered`, whether they are busy "
        "(`switchboard_probes_total`), and whether they reach LiveKit.",
    ),
    Reason.PROBE_FAILED: Explained(
        Sort.TROUBLE,
        _PROBE,
        "A worker joined a probe room and found that something a call needs does not work; the "
        "message names it.",
        "See the log of the worker named in `status.lastProbe.worker`.",
    ),
    Reason.SCALING_READY: Explained(
        Sort.GOOD, _SCALING, "The number of workers follows the calls."
    ),
    Reason.AUTOSCALER_MISSING: Explained(
        Sort.PASSING,
        _SCALING,
        "There is no autoscaler: it is being made, or nobody would answer it.",
        "If it stays so, install or choose a metrics provider (`metrics.provider` of the chart).",
    ),
    Reason.METRICS_UNAVAILABLE: Explained(
        Sort.PASSING,
        _SCALING,
        "The autoscaler gets no figures, so the number of workers stays as it is.",
        "See the autoscaler that the message names, and the metrics provider behind it.",
    ),
    Reason.NO_SAMPLES: Explained(
        Sort.PASSING,
        _SCALING,
        "No worker has told its load lately, so the number of workers stays as it is.",
        "See `WorkersReady`, and that workers and operator reach Redis.",
    ),
    Reason.AT_MAXIMUM: Explained(
        Sort.TROUBLE,
        _SCALING,
        "More workers are needed than `spec.scaling.max` allows.",
        "Raise `spec.scaling.max` or `spec.scaling.callsPerWorker`, or calls will be refused.",
    ),
    Reason.READY: Explained(Sort.GOOD, _READY, "It can take a call now."),
    Reason.PAUSED: Explained(
        Sort.ASKED,
        (ConditionType.PAUSED, ConditionType.READY),
        "The annotation `switchboard.dev/paused` keeps the operator from changing anything.",
        "`switchboard resume <name>`.",
    ),
    Reason.DELETING: Explained(
        Sort.ASKED,
        _READY,
        "It is being deleted: no new calls, calls in progress are finished first.",
        "If it stays: the message says what it waits for; the annotation "
        '`switchboard.dev/skip-cleanup: "true"` lets it go.',
    ),
    Reason.INTERNAL_ERROR: Explained(
        Sort.TROUBLE,
        (*_PARTS, *_READY),
        "The operator met something that it does not know.",
        "Report it with the operator's log.",
    ),
}
"""Keyed by `Reason`."""
