"""The agent revision: what a call is served by, named by its content and never changed.

Workers hold revisions in memory and calls are pinned to one, so a change of the VoiceAgent makes a
new ConfigMap instead of changing one under a running call.
"""

from collections.abc import Collection

from switchboard_contract import names
from switchboard_contract.agent_config import AgentConfig
from switchboard_operator.desired import meta
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.models import kept
from switchboard_operator.desired.names import revision_name
from switchboard_operator.kube.kinds import CONFIG_MAP
from switchboard_operator.kube.objects import Object, annotations_of, labels_of, name_of


def build(inputs: AgentInputs, config: AgentConfig) -> Object:
    """Return the ConfigMap of the revision that the configuration is."""
    revision = config.revision
    labels = {names.LABEL_REVISION: revision}
    if config.variant is not None:
        labels[names.LABEL_VARIANT] = config.variant
    return meta.child(
        CONFIG_MAP,
        inputs.owned,
        revision_name(inputs.name, revision),
        {"immutable": True, "data": {names.REVISION_KEY: config.to_json()}},
        extra_labels=labels,
        annotations={
            names.ANNOTATION_GENERATION: str(inputs.generation),
            **kept.annotation(inputs.spec.model_servers),
        },
    )


def made(obj: Object) -> tuple[str, int, str]:
    """Return what puts revisions in the order in which they were made."""
    generation = annotations_of(obj).get(names.ANNOTATION_GENERATION, "")
    number = int(generation) if generation.isdigit() else 0
    return str(obj["metadata"].get("creationTimestamp", "")), number, name_of(obj)


def outdated(existing: list[Object], in_use: Collection[str], keep: int) -> list[Object]:
    """Return the revisions to delete: all but those in use and the newest `keep` others.

    Variants are counted apart: trying many of them must not use up the history of the agent.
    """
    others = [obj for obj in existing if labels_of(obj).get(names.LABEL_REVISION) not in in_use]
    others.sort(key=made)
    variants = [obj for obj in others if names.LABEL_VARIANT in labels_of(obj)]
    plain = [obj for obj in others if names.LABEL_VARIANT not in labels_of(obj)]
    return [obj for group in (plain, variants) for obj in group[: max(0, len(group) - keep)]]
