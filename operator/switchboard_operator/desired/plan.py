"""The plan: everything that should exist for one accepted VoiceAgent."""

from dataclasses import dataclass

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_operator.desired import dispatch_rule, line, outbound, revision, trunk, workers
from switchboard_operator.desired.dispatch_rule import DesiredRule
from switchboard_operator.desired.inputs import AgentInputs, Held
from switchboard_operator.desired.outbound import DesiredOutbound
from switchboard_operator.desired.shared_pool import copies, workers_of
from switchboard_operator.desired.trunk import DesiredTrunk
from switchboard_operator.desired.variants import compiled
from switchboard_operator.kube.kinds import CONFIG_MAP, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything that should exist, in the order in which it is made."""

    revision: str
    """Serves new calls: the pinned one or that of the spec, or what is held until it can."""
    spec_revision: str
    children: tuple[tuple[Kind, Object], ...]
    sip: bool
    """Whether trunks and rule go into LiveKit; without, the rule still says what serves."""
    twilio_webhook: str
    """Where Twilio shall ask about calls; empty if it brings none."""
    trunk: DesiredTrunk
    rule: DesiredRule | None
    """None while suspended: calls in progress go on, new ones are not dispatched."""
    outbound: tuple[DesiredOutbound, ...]
    """None while suspended."""
    deployment: tuple[str, str]
    """Namespace and name of the Deployment whose workers serve it."""
    least_workers: int
    most_workers: int
    revisions_kept: int

    @property
    def in_use(self) -> frozenset[str]:
        """Every revision that new calls are given, variants included: none of them is deleted."""
        if self.rule is None:
            return frozenset({self.revision})
        dispatch = DispatchMetadata.model_validate_json(self.rule.dispatch_metadata)
        return frozenset({dispatch.revision, *(share.revision for share in dispatch.variants)})


def plan(inputs: AgentInputs, settings: WorkerSettings) -> DesiredState:
    """Return what should exist; the same inputs always give the same state."""
    config = inputs.config
    variants = compiled(inputs)
    shares = [variant.share for variant in variants]
    asked = Held(inputs.pinned) if inputs.pinned else Held(config.revision, tuple(shares))
    serving = inputs.held or asked
    revisions = (
        (CONFIG_MAP, revision.build(inputs, config)),
        *((CONFIG_MAP, revision.build(inputs, variant.config)) for variant in variants),
    )
    own = inputs.spec.worker_pool is None
    suspended = inputs.spec.suspend or inputs.tenant.suspend
    return DesiredState(
        revision=serving.revision,
        spec_revision=config.revision,
        children=(
            *revisions,
            *line.build(inputs, serving.revision, serving.variants),
            *copies(revisions, inputs, settings.shared_namespace),
            *(workers.build(inputs.pool, settings) if own else ()),
        ),
        sip=inputs.spec.channels.sip.enabled,
        twilio_webhook=line.webhook(inputs.spec),
        trunk=trunk.build(inputs),
        rule=None if suspended else dispatch_rule.build(inputs, serving.revision, serving.variants),
        outbound=() if suspended else outbound.build(inputs),
        deployment=workers_of(inputs, settings.shared_namespace),
        least_workers=inputs.spec.scaling.min,
        most_workers=inputs.spec.scaling.max,
        revisions_kept=inputs.spec.revision_history_limit,
    )
