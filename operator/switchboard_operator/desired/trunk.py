"""The inbound trunk in LiveKit: which numbers are ours, and who may call them.

One trunk per VoiceAgent with all its numbers: LiveKit's rules compare numbers as exact strings, so
routing goes by trunk. It stays while the agent is suspended: the numbers stay reserved.
"""

import json
from dataclasses import dataclass, field

from switchboard_contract.crd.tenant import AudioCodec, MediaEncryption
from switchboard_operator.desired.inputs import AgentInputs

MAX_DURATION_MARGIN_SECONDS = 15
"""The worker ends a call at `maxCallSeconds` with a goodbye; SIP ends it if the worker did not."""

RINGING_SECONDS = 60
"""How long a caller hears ringing when no worker answers, before LiveKit gives up."""


@dataclass(frozen=True, slots=True)
class DesiredTrunk:
    """An inbound trunk as it should be."""

    name: str
    metadata: str
    numbers: tuple[str, ...]
    allowed_addresses: tuple[str, ...]
    ringing_seconds: int
    max_call_seconds: int
    encryption: MediaEncryption
    codecs: tuple[AudioCodec, ...] = ()
    """The only ones that calls may use; empty leaves it to the SIP server."""
    auth_username: str = ""
    auth_password: str = field(default="", repr=False)


def owner_metadata(inputs: AgentInputs) -> str:
    """Return what finds a LiveKit object again: its id is LiveKit's, its UID is ours."""
    owner = {"uid": inputs.uid, "agent": inputs.key, "tenant": inputs.tenant_name}
    return json.dumps(owner, separators=(",", ":"))


def build(inputs: AgentInputs) -> DesiredTrunk:
    """Return the trunk."""
    return DesiredTrunk(
        name=inputs.key,
        metadata=owner_metadata(inputs),
        numbers=tuple(sorted(inputs.spec.numbers)),
        allowed_addresses=tuple(inputs.tenant.sip.ingress.allowed_addresses),
        ringing_seconds=RINGING_SECONDS,
        max_call_seconds=inputs.spec.limits.max_call_seconds + MAX_DURATION_MARGIN_SECONDS,
        encryption=inputs.tenant.sip.ingress.media_encryption,
        codecs=tuple(sorted(inputs.tenant.sip.ingress.codecs)),
        auth_username=inputs.digest.username if inputs.digest else "",
        auth_password=inputs.digest.password if inputs.digest else "",
    )
