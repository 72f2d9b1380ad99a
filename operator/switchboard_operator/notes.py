"""What a status says of a pin and of a pause, in Accepted, Paused and Ready alike."""

from switchboard_contract import names
from switchboard_contract.crd.status import Reason
from switchboard_operator.pin import Pin

PAUSED = (
    f"annotation {names.PAUSED}: the operator changes neither children nor LiveKit objects; "
    "'switchboard resume' lets it go on"
)


def pin_note(pin: Pin, spec_revision: str, *, variants: bool) -> tuple[Reason, str]:
    """Return reason and message for a VoiceAgent that somebody pinned."""
    if not pin.kept:
        return Reason.PINNED_REVISION_NOT_FOUND, (
            f"annotation {names.PINNED_REVISION}: revision {pin.revision} is not kept, so the spec "
            f"serves ({spec_revision}); pin one of 'switchboard rollout history', or take the pin "
            "off with 'switchboard rollout resume'"
        )
    off = ", spec.variants are off" if variants else ""
    return Reason.PINNED, (
        f"revision {pin.revision} is pinned{off}, the spec compiles to {spec_revision}; "
        "'switchboard rollout resume' goes back to it"
    )
