"""What shall be: the accepted inputs of a plan, or a refusal, or (tenant suspended) both."""

from dataclasses import dataclass, replace

from switchboard_operator.accept import Refusal, admit, suspension
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.directory import Directory, agent_key
from switchboard_operator.kube.objects import Object
from switchboard_operator.models.check import check_models
from switchboard_operator.models.neighbours import neighbours
from switchboard_operator.models.status import Waits
from switchboard_operator.pin import Pin, pin_of
from switchboard_operator.pod_check import check_pods
from switchboard_operator.reconcile import model_handover
from switchboard_operator.reconcile.context import Context
from switchboard_operator.resolve import References, resolve
from switchboard_operator.settings import Settings
from switchboard_operator.store import Store


@dataclass(frozen=True, slots=True)
class Decision:
    """Inputs without refusal: serve. Both: keep, but take no calls. Refusal alone: see it."""

    inputs: AgentInputs | None
    refusal: Refusal | None
    pin: Pin | None = None
    waits: Waits | None = None
    """What the revision asked for waits for, while another one serves."""


async def decide(context: Context, agent: Object) -> Decision:
    """Judge a VoiceAgent and read what it refers to."""
    reader = context.references.reader(agent_key(agent))
    decision = await judge(agent, context.directory, context.store, reader, context.settings)
    if decision.inputs is not None:
        inputs, waits = await model_handover.settle(context, agent, decision.inputs, reader)
        decision = replace(decision, inputs=inputs, waits=waits)
    reader.close()
    return decision


async def judge(
    agent: Object, directory: Directory, store: Store, references: References, settings: Settings
) -> Decision:
    """Judge a VoiceAgent by what is known, whether that came from a cluster or from files."""
    admitted = admit(agent, directory)
    if isinstance(admitted, Refusal):
        return Decision(None, admitted)
    there = neighbours(admitted.spec.model_servers, directory, store)
    if refusal := check_models(admitted, settings.model_servers, there):
        return Decision(None, refusal)
    resolved = await resolve(agent, admitted, references, settings)
    if isinstance(resolved, Refusal):
        return Decision(None, resolved)
    if refusal := check_pods(resolved, settings.worker):
        return Decision(None, refusal)
    pin = pin_of(agent, store)
    if pin and pin.kept:
        resolved = replace(resolved, pinned=pin.revision)
    return Decision(resolved, suspension(admitted), pin)
