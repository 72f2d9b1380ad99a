"""Which variant serves a call: the same one for the same call, wherever it is asked.

A worker that takes a call over must come to the variant that its peer chose, without asking
anybody: the choice is a hash of the call over the weights. Another call falls elsewhere, so that
over many calls the shares come out as asked.
"""

import hashlib

from switchboard_contract.agent_config import DispatchMetadata, VariantShare

_PERCENT = 100


def pick(dispatch: DispatchMetadata, call: str) -> VariantShare | None:
    """Return the variant that serves a call (its room's name); None is the main revision.

    The variants take the low end of the line from 0 to 100 in the order of the spec: a change of
    the last one's weight moves no call between the others.
    """
    point = _point(f"{dispatch.agent}/{call}")
    for share in dispatch.variants:
        point -= share.weight
        if point < 0:
            return share
    return None


def _point(text: str) -> float:
    """Return where a text falls on the line from 0 to 100, the end excluded."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    return number * _PERCENT / 2**48
