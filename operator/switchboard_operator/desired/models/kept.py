"""What a kept agent revision asked for, so that going back to it brings its model servers back.

A revision names the address of a server, which tells nobody how to make one.
"""

import json

from pydantic import TypeAdapter, ValidationError

from switchboard_contract import names
from switchboard_contract.crd.model_server import ModelServer
from switchboard_operator.kube.objects import Object, annotations_of

_ASKS = TypeAdapter(list[ModelServer])


def annotation(asks: list[ModelServer]) -> dict[str, str]:
    """Return the annotation of a revision's ConfigMap; none for an agent without asks."""
    if not asks:
        return {}
    bodies = [ask.model_dump(mode="json", by_alias=True) for ask in asks]
    text = json.dumps(bodies, separators=(",", ":"), sort_keys=True)
    return {names.ANNOTATION_MODEL_SERVERS: text}


def asks_of(config_map: Object | None) -> list[ModelServer]:
    """Return what the agent asked for when the revision was made."""
    text = annotations_of(config_map or {"metadata": {}}).get(names.ANNOTATION_MODEL_SERVERS, "[]")
    try:
        return _ASKS.validate_json(text)
    except ValidationError:
        return []
