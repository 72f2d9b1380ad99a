"""Whether the pod template that a user gave can be merged over the workers' without harm."""

from switchboard_contract.crd.status import Reason
from switchboard_operator.accept import Refusal, Withdraw
from switchboard_operator.desired import deployment, pod_promises
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.pool import Pool
from switchboard_operator.settings import WorkerSettings


def pod_fault(pool: Pool, settings: WorkerSettings, field: str) -> str:
    """Say what in a pool's pod template cannot be; empty if nothing is wrong.

    `field` is where the template stands in the resource, such as `spec.podTemplate`.
    """
    rendered = deployment.pod_template(pool, settings)
    return pod_promises.broken(rendered, pool.pod_template, pool.max_call_seconds, field)


def check_pods(inputs: AgentInputs, settings: WorkerSettings) -> Refusal | None:
    """Refuse a VoiceAgent whose pod template breaks what the operator promises."""
    if inputs.spec.worker_pool is not None or inputs.spec.pod_template is None:
        return None
    fault = pod_fault(inputs.pool, settings, "spec.podTemplate")
    suspended = inputs.spec.suspend or inputs.tenant.suspend
    stays = Withdraw.RULE if suspended else Withdraw.NOTHING
    return Refusal(Reason.INVALID_SPEC, fault, stays) if fault else None
