"""The model servers of one VoiceAgent, as its status tells of them."""

from collections.abc import Iterable

from switchboard_contract.crd.model_server import ModelServer
from switchboard_contract.crd.status import ModelServerStatus
from switchboard_operator.accept import Withdraw
from switchboard_operator.desired.models.endpoint import endpoint
from switchboard_operator.desired.models.kept import asks_of
from switchboard_operator.desired.models.names import server_name
from switchboard_operator.desired.names import revision_name
from switchboard_operator.directory import Key
from switchboard_operator.kube.kinds import CONFIG_MAP, VOICE_AGENT
from switchboard_operator.kube.objects import Object, name_of, namespace_of
from switchboard_operator.models.asks import in_force
from switchboard_operator.models.status import ServerSeen, model_use
from switchboard_operator.reconcile import load, pause
from switchboard_operator.reconcile.context import Context
from switchboard_operator.reconcile.decide import Decision
from switchboard_operator.reconcile.model_server import observed
from switchboard_operator.status import ModelUse


def use(context: Context, agent: Object, decision: Decision) -> ModelUse:
    """Return what the status says: what is in force, however a later spec was refused."""
    seen = [_seen(context, ask) for ask in _asks(context, agent, decision)]
    longest = decision.inputs.spec.limits.max_call_seconds if decision.inputs else 0
    return model_use(tuple(_status(one, longest) for one in seen), seen, decision.waits)


def _asks(context: Context, agent: Object, decision: Decision) -> list[ModelServer]:
    if decision.refusal is not None and decision.refusal.withdraw is Withdraw.ALL:
        return []
    if decision.inputs is None or pause.is_paused(agent):
        return list(in_force(agent))
    asks = list(decision.inputs.spec.model_servers)
    if decision.inputs.pinned:
        # What serves is another revision; the spec's servers stay for the way back.
        name = revision_name(name_of(agent), decision.inputs.pinned)
        pinned = asks_of(context.store.get(CONFIG_MAP, namespace_of(agent), name))
        asks = _joined(pinned, asks)
    return _joined(asks, decision.waits.keeps) if decision.waits else asks


def _joined(first: list[ModelServer], more: Iterable[ModelServer]) -> list[ModelServer]:
    there = {server_name(ask) for ask in first}
    return first + [ask for ask in more if server_name(ask) not in there]


def follow(context: Context, key: Key) -> None:
    """Count anew what the agent uses, from the status just written, and wake what changed."""
    agent = context.store.get(VOICE_AGENT, key.namespace, key.name)
    for server in context.directory.model_asks.take((key.namespace, key.name), agent):
        context.models.wake(server)


def _seen(context: Context, ask: ModelServer) -> ServerSeen:
    server, namespace = server_name(ask), context.settings.operator_namespace
    is_fixed = ask.most_replicas == ask.replicas
    return ServerSeen(
        ask=ask,
        server=server,
        url=endpoint(ask, context.settings).base_url,
        namespace=namespace,
        deployment=observed(context, server),
        error=context.models.error(server),
        unscaled="" if is_fixed else load.unscaled(context, namespace, server),
    )


def _status(seen: ServerSeen, longest_call_seconds: int) -> ModelServerStatus:
    before = seen.ask.longest_call_seconds if isinstance(seen.ask, ModelServerStatus) else 0
    return ModelServerStatus(
        name=seen.ask.name,
        engine=seen.ask.engine,
        model=seen.ask.model,
        gpu_profile=seen.ask.gpu_profile,
        placement=seen.ask.placement,
        replicas=seen.ask.replicas,
        max_replicas=seen.ask.max_replicas,
        server=seen.server,
        url=seen.url,
        ready=seen.is_ready,
        longest_call_seconds=longest_call_seconds or before,
    )
