"""From one revision to the next without a deaf call: the old one serves until the new one can.

A model server takes minutes to load. A revision that names one which does not answer yet is made,
and its server too, but calls stay with the revision that LiveKit's rule names; both revisions'
servers are counted meanwhile. Nothing is held where nothing is lost by going on: at the first
deployment, and where the old revision could not answer either.
"""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError

from switchboard_contract import names
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.model_server import ModelServer
from switchboard_contract.llm_chain import key_of
from switchboard_operator.desired.inputs import AgentInputs, Held
from switchboard_operator.desired.models import needed
from switchboard_operator.desired.models.endpoint import endpoint
from switchboard_operator.desired.models.kept import asks_of
from switchboard_operator.desired.models.names import server_name
from switchboard_operator.desired.names import revision_name
from switchboard_operator.desired.variants import compiled
from switchboard_operator.kube.kinds import CONFIG_MAP, SECRET
from switchboard_operator.kube.objects import Object, uid_of
from switchboard_operator.kube.progress import ANSWERS, progress
from switchboard_operator.models.status import Waits
from switchboard_operator.reconcile.context import Context
from switchboard_operator.reconcile.model_server import observed
from switchboard_operator.resolve import References

Handover = tuple[AgentInputs, Waits | None]
"""The inputs with what serves, and what the new revision waits for."""


async def settle(
    context: Context, agent: Object, inputs: AgentInputs, references: References
) -> Handover:
    """Return the inputs with the revision that serves, which may not be the one asked for."""
    pinned = await _configs(inputs, [inputs.pinned] if inputs.pinned else [], references)
    waits = await _waits(context, agent, inputs, pinned, references)
    serving = list(pinned)
    if waits is not None:
        inputs = replace(inputs, held=waits.held)
        serving += await _configs(inputs, sorted(waits.held.revisions), references)
    return replace(inputs, kept_keys=await _keys(inputs, serving, references)), waits


async def _waits(
    context: Context,
    agent: Object,
    inputs: AgentInputs,
    pinned: Sequence[AgentConfig],
    references: References,
) -> Waits | None:
    """Return what calls must wait for; None where they are given what was asked for."""
    late = [ask for ask in _needs(context, inputs, pinned) if not _answers(context, ask)]
    serving = _serving(context, agent)
    if not late or serving is None or serving.revisions >= _asked(inputs).revisions:
        return None
    old = await _configs(inputs, sorted(serving.revisions), references)
    if serving.revision not in {config.revision for config in old}:
        return None
    asks = [ask for name in serving.revisions for ask in _asks_of(context, inputs, name)]
    had = needed.of_configs(old, asks, context.settings)
    waiting = [ask for ask in late if server_name(ask) not in {server_name(a) for a in had}]
    urls = [endpoint(ask, context.settings).base_url for ask in had]
    is_deaf = needed.asks_nobody_else(old, urls) and not any(_answers(context, a) for a in had)
    return None if is_deaf or not waiting else Waits(serving, tuple(waiting), tuple(had))


def _asked(inputs: AgentInputs) -> Held:
    if inputs.pinned:
        return Held(inputs.pinned)
    return Held(inputs.config.revision, tuple(variant.share for variant in compiled(inputs)))


def _needs(
    context: Context, inputs: AgentInputs, pinned: Sequence[AgentConfig]
) -> list[ModelServer]:
    if not inputs.pinned:
        return needed.of_spec(inputs, context.settings)
    return needed.of_configs(pinned, _asks_of(context, inputs, inputs.pinned), context.settings)


def _serving(context: Context, agent: Object) -> Held | None:
    """Return what calls are given now: what the rule names, or named before LiveKit lost it."""
    rules = context.mirror.rules.of_owner(uid_of(agent))
    agents = rules[0].room_config.agents if rules else []
    try:
        dispatch = DispatchMetadata.model_validate_json(agents[0].metadata) if agents else None
    except ValidationError:
        return None
    if dispatch is not None:
        return Held(dispatch.revision, tuple(dispatch.variants))
    before = str((agent.get("status") or {}).get("revision", ""))
    return Held(before) if before else None


def _asks_of(context: Context, inputs: AgentInputs, revision: str) -> list[ModelServer]:
    name = revision_name(inputs.name, revision)
    return asks_of(context.store.get(CONFIG_MAP, inputs.namespace, name))


def _answers(context: Context, ask: ModelServer) -> bool:
    return progress(observed(context, server_name(ask))) == ANSWERS


async def _configs(
    inputs: AgentInputs, revisions: Sequence[str], references: References
) -> list[AgentConfig]:
    """Read kept revisions; one that is gone, or not readable any more, is left out."""
    found = []
    for revision in revisions:
        name = revision_name(inputs.name, revision)
        data = await references.read(CONFIG_MAP, inputs.namespace, name) or {}
        try:
            found.append(AgentConfig.model_validate_json(data.get(names.REVISION_KEY, "")))
        except ValidationError:
            continue
    return found


async def _keys(
    inputs: AgentInputs, configs: Sequence[AgentConfig], references: References
) -> tuple[ObjectKeyRef, ...]:
    """Return the keys that kept revisions need. One that is gone would keep pods from starting."""
    files = {llm.api_key_file for config in configs for llm in config.llm if llm.api_key_file}
    refs = [key_of(path) for path in sorted(files)]
    found = []
    for ref in refs:
        data = await references.read(SECRET, inputs.namespace, ref.name) or {}
        found += [ref] if data.get(ref.key) else []
    return tuple(found)
