"""Copies of agent revisions in the namespace of a shared worker pool, where its workers look.

The Tenant owns them, so nobody removes them when their VoiceAgent moves or goes, except what is
here. As long as a pool has one, an agent is served by it, and the pool stays.
"""

from collections.abc import Iterable

from switchboard_contract import names
from switchboard_operator.desired import shared_pool
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.names import revision_name
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube import apply
from switchboard_operator.kube.kinds import CONFIG_MAP
from switchboard_operator.kube.objects import (
    Object,
    labels_of,
    name_of,
    namespace_of,
    owner_uid,
)
from switchboard_operator.reconcile.context import Context


async def settle(context: Context, inputs: AgentInputs, in_use: Iterable[str]) -> None:
    """Let the agent's shared pool have the revisions that are not in the plan or not of it yet."""
    if inputs.spec.worker_pool is None:
        return
    for revision in sorted(in_use):
        await _copy_kept(context, inputs, revision)
    for copy in _of(context, inputs.namespace, inputs.name):
        if labels_of(copy).get(names.LABEL_POOL) != inputs.pool_name:
            patch = {"metadata": {"labels": {names.LABEL_POOL: inputs.pool_name}}}
            namespace, name = namespace_of(copy), name_of(copy)
            moved = await context.api.patch(CONFIG_MAP, namespace, name, patch)
            context.store.put(CONFIG_MAP, moved)


async def prune(context: Context, inputs: AgentInputs) -> None:
    """Delete copies that no pool needs any more: of revisions not kept, of a pool left."""
    kept = set() if inputs.spec.worker_pool is None else _kept(context, inputs)
    for copy in _of(context, inputs.namespace, inputs.name):
        if name_of(copy) not in kept or owner_uid(copy) != inputs.tenant_uid:
            await _delete(context, copy)


async def remove(context: Context, agent: Object) -> None:
    """Delete every copy of a VoiceAgent that goes."""
    for copy in _of(context, namespace_of(agent), name_of(agent)):
        await _delete(context, copy)


def pools_in_use(context: Context, tenant: str) -> set[str]:
    """Return the names (LiveKit's) of the pools that serve a VoiceAgent of the tenant."""
    return {
        labels_of(copy).get(names.LABEL_POOL, "")
        for key in context.directory.agents_of(tenant)
        for copy in _of(context, key.namespace, key.name)
    }


async def _copy_kept(context: Context, inputs: AgentInputs, revision: str) -> None:
    """Copy a revision of the history. Its content is not in memory: it is read once."""
    shared, name = context.settings.worker.shared_namespace, revision_name(inputs.name, revision)
    if context.store.get(CONFIG_MAP, shared, name):
        return
    try:
        original = await context.api.get(CONFIG_MAP, inputs.namespace, name)
    except NotFoundError:
        return
    copy = shared_pool.copy_of(original, inputs, shared)
    await apply.ensure(context.api, context.store, CONFIG_MAP, copy, None)


def _kept(context: Context, inputs: AgentInputs) -> set[str]:
    return {
        name_of(obj)
        for ref, obj in context.store.children(inputs.namespace, inputs.name)
        if ref.kind is CONFIG_MAP and owner_uid(obj) == inputs.uid
    }


def _of(context: Context, namespace: str, agent: str) -> list[Object]:
    shared = context.settings.worker.shared_namespace
    return [
        obj
        for ref, obj in context.store.children(namespace, agent)
        if ref.kind is CONFIG_MAP
        and ref.namespace == shared
        and names.LABEL_AGENT_NAMESPACE in labels_of(obj)
    ]


async def _delete(context: Context, copy: Object) -> None:
    await context.api.delete(CONFIG_MAP, copy)
    context.store.remove(CONFIG_MAP, copy)
