"""Every key of a Secret that an agent's workers read, with the field that names it."""

from collections.abc import Iterator

from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.desired import language_models


def keys(spec: VoiceAgentSpec) -> Iterator[tuple[str, ObjectKeyRef]]:
    """Return the keys: they are mounted as files, and must be there."""
    yield from language_models.keys(spec)
    if spec.channels.twilio is not None:
        yield "spec.channels.twilio.authTokenRef", spec.channels.twilio.auth_token_ref
