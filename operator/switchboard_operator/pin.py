"""A pinned revision: a kept one serves instead of what the spec compiles to.

Set and removed by `switchboard rollout undo` and `resume`. A pin that names no kept revision is not
obeyed: the compiled spec is there and valid, a dead line would be the worse answer to a wrong name.
"""

from dataclasses import dataclass

from switchboard_contract import names
from switchboard_operator.desired.names import revision_name
from switchboard_operator.kube.kinds import CONFIG_MAP
from switchboard_operator.kube.objects import (
    Object,
    annotations_of,
    labels_of,
    name_of,
    namespace_of,
    owner_uid,
    uid_of,
)
from switchboard_operator.store import Store


@dataclass(frozen=True, slots=True)
class Pin:
    """Which revision somebody pinned."""

    revision: str
    kept: bool
    """Whether there is such a revision of the agent, and so whether it serves."""


def pin_of(agent: Object, store: Store) -> Pin | None:
    """Return the pin of a VoiceAgent; None if nobody pinned anything."""
    revision = annotations_of(agent).get(names.PINNED_REVISION, "").strip()
    if not revision:
        return None
    found = store.get(CONFIG_MAP, namespace_of(agent), revision_name(name_of(agent), revision))
    return Pin(revision, kept=found is not None and _is_revision_of(agent, found))


def _is_revision_of(agent: Object, config_map: Object) -> bool:
    """Not just any ConfigMap of that name, nor a variant: that serves a share of the calls."""
    labels = labels_of(config_map)
    ours = owner_uid(config_map) == uid_of(agent) and names.LABEL_REVISION in labels
    return ours and names.LABEL_VARIANT not in labels
