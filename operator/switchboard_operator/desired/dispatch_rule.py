"""The dispatch rule in LiveKit: calls on the trunk get a room each, and a worker of the pool.

It always names its trunk: a rule without trunks would answer anybody who can reach the SIP port.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from switchboard_contract.agent_config import DispatchMetadata, VariantShare
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.names import room_prefix
from switchboard_operator.desired.trunk import owner_metadata

DEPARTURE_SECONDS = 2
"""How long a room stays after the caller left. LiveKit's 20 s would hold the agent in it."""


@dataclass(frozen=True, slots=True)
class DesiredRule:
    """A dispatch rule as it should be; its trunk is known only once that exists."""

    name: str
    metadata: str
    room_prefix: str
    room_metadata: str
    pool: str
    dispatch_metadata: str
    departure_seconds: int = DEPARTURE_SECONDS


def build(inputs: AgentInputs, revision: str, variants: Sequence[VariantShare] = ()) -> DesiredRule:
    """Return the rule."""
    dispatch = DispatchMetadata(agent=inputs.key, revision=revision, variants=list(variants))
    return DesiredRule(
        name=inputs.key,
        metadata=owner_metadata(inputs),
        room_prefix=room_prefix(inputs.namespace, inputs.name),
        room_metadata=json.dumps({"agent": inputs.key}, separators=(",", ":")),
        pool=inputs.pool_name,
        # Without defaults: workers of the version before do not know newer fields.
        dispatch_metadata=dispatch.model_dump_json(by_alias=True, exclude_defaults=True),
    )
