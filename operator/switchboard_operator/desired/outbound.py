"""Outbound trunks in LiveKit: one for each carrier of the Tenant, under the agent's own numbers.

One per VoiceAgent and carrier, not one per carrier: LiveKit takes the caller id from the trunk, and
an agent must not call under the number of another.
"""

import json
from dataclasses import dataclass, field

from switchboard_contract.crd.tenant import MediaEncryption, SipEgress, SipTransport
from switchboard_operator.desired.inputs import AgentInputs


@dataclass(frozen=True, slots=True)
class DesiredOutbound:
    """An outbound trunk as it should be."""

    carrier: str
    """Its name under the Tenant's spec.sip.egress."""
    name: str
    metadata: str
    address: str
    transport: SipTransport
    numbers: tuple[str, ...]
    encryption: MediaEncryption
    auth_username: str = ""
    auth_password: str = field(default="", repr=False)


def build(inputs: AgentInputs) -> tuple[DesiredOutbound, ...]:
    """Return the trunks, in the order of the Tenant's spec."""
    return tuple(_trunk(inputs, carrier) for carrier in inputs.tenant.sip.egress)


def _trunk(inputs: AgentInputs, carrier: SipEgress) -> DesiredOutbound:
    owner = {
        "uid": inputs.uid,
        "agent": inputs.key,
        "tenant": inputs.tenant_name,
        "carrier": carrier.name,
    }
    digest = inputs.egress_digests.get(carrier.name)
    return DesiredOutbound(
        carrier=carrier.name,
        name=f"{inputs.key}/{carrier.name}",
        metadata=json.dumps(owner, separators=(",", ":")),
        address=carrier.address,
        transport=carrier.transport,
        numbers=tuple(sorted(carrier.caller_ids or inputs.spec.numbers)),
        encryption=carrier.media_encryption,
        auth_username=digest.username if digest else "",
        auth_password=digest.password if digest else "",
    )
