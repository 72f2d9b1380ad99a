"""What the room learns about a caller: identity, attributes, token contents. Pure.

The spelling is livekit-server's and livekit-sip's, so that an agent cannot tell them apart.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from switchboard_contract.names import TEST_ID_ATTRIBUTE
from switchboard_contract.sip_routing import Invite, Route, RuleKind

TEST_ID_HEADER = "X-Lk-Test-Id"
CALL_STATUS = "sip.callStatus"
MAX_ATTRIBUTE = 1024
"""Characters kept of a header that becomes an attribute: LiveKit bounds a participant's total."""
_SHOWN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller as a participant."""

    room: str
    identity: str
    name: str
    metadata: str
    attributes: Mapping[str, str]
    room_config: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CallIds:
    """How a call is called on each side."""

    livekit: str
    """`SCL_...`, made by the edge."""
    sip: str
    """Call-ID of the INVITE."""
    tag: str
    """From tag of the INVITE."""


def admit(
    route: Route,
    invite: Invite,
    ids: CallIds,
    headers: Iterable[tuple[str, str]],
    random_part: Callable[[], str],
) -> Caller:
    """Make the participant that a routed call joins as."""
    rule = route.rule
    shown, identity = invite.caller, f"sip_{invite.caller}"
    if rule.hide_phone_number:
        digest = hashlib.sha256(invite.caller.encode()).hexdigest()
        identity = f"sip_{digest[:16]}"
        shown = invite.caller[-(_SHOWN_DIGITS if len(invite.caller) > _SHOWN_DIGITS else 1) :]
    return Caller(
        room=_room(route, invite, shown, random_part),
        identity=identity,
        name=f"Phone {shown}",
        metadata=rule.metadata,
        attributes=_attributes(route, invite, ids, headers),
        room_config=rule.room_config,
    )


def _room(route: Route, invite: Invite, shown: str, random_part: Callable[[], str]) -> str:
    rule = route.rule
    if rule.kind is RuleKind.DIRECT:
        return rule.room_name
    parts = [rule.room_prefix, shown if rule.kind is RuleKind.INDIVIDUAL else invite.called]
    if rule.randomize:
        parts.append(random_part())
    return "_".join(part for part in parts if part)


def _attributes(
    route: Route, invite: Invite, ids: CallIds, headers: Iterable[tuple[str, str]]
) -> dict[str, str]:
    attributes = dict(route.rule.attributes)
    mapped = {TEST_ID_HEADER: TEST_ID_ATTRIBUTE}
    if route.trunk is not None:
        mapped.update(route.trunk.headers_to_attributes)
    by_name = {name.lower(): attribute for name, attribute in mapped.items()}
    for name, value in headers:
        if name.lower() in by_name:
            attributes[by_name[name.lower()]] = value[:MAX_ATTRIBUTE]
    attributes |= {
        "sip.callID": ids.livekit,
        "sip.callIDFull": ids.sip,
        "sip.callTag": ids.tag,
        CALL_STATUS: "ringing",
        "sip.trunkID": route.trunk.id if route.trunk else "",
        "sip.ruleID": route.rule.id,
    }
    if not route.rule.hide_phone_number:
        attributes |= {
            "sip.phoneNumber": invite.caller,
            "sip.trunkPhoneNumber": invite.called,
            "sip.hostname": invite.from_host,
        }
    return attributes
