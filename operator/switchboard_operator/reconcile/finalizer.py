"""Our finalizer: a VoiceAgent stays until its LiveKit objects are gone."""

from switchboard_contract import names
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.kube.objects import Object, annotations_of, name_of, namespace_of, uid_of
from switchboard_operator.store import Store

SKIP_CLEANUP = f"{names.GROUP}/skip-cleanup"
"""Annotation of a VoiceAgent: "true" lets it go without asking LiveKit, when LiveKit is gone."""


def is_held(agent: Object) -> bool:
    """Tell whether our finalizer is on the VoiceAgent."""
    return names.FINALIZER in (agent["metadata"].get("finalizers") or [])


def skips_cleanup(agent: Object) -> bool:
    """Tell whether the user gave up LiveKit's side."""
    return annotations_of(agent).get(SKIP_CLEANUP) == "true"


async def hold(api: KubeApi, store: Store, agent: Object) -> None:
    """Put the finalizer on. With the UID, so that a VoiceAgent just deleted is not made anew."""
    metadata = {
        "name": name_of(agent),
        "namespace": namespace_of(agent),
        "uid": uid_of(agent),
        "finalizers": [names.FINALIZER],
    }
    body = {"apiVersion": VOICE_AGENT.api_version, "kind": VOICE_AGENT.kind, "metadata": metadata}
    store.put(VOICE_AGENT, await api.apply(VOICE_AGENT, body))


async def release(api: KubeApi, agent: Object) -> None:
    """Take the finalizer off exactly this VoiceAgent, by position as last seen."""
    index = agent["metadata"]["finalizers"].index(names.FINALIZER)
    path = f"/metadata/finalizers/{index}"
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": uid_of(agent)},
        {"op": "test", "path": path, "value": names.FINALIZER},
        {"op": "remove", "path": path},
    ]
    try:
        await api.patch(VOICE_AGENT, namespace_of(agent), name_of(agent), patch)
    except NotFoundError:
        return
