"""The whole decision: trunk first, then rule."""

from collections.abc import Iterable

from switchboard_contract.sip_routing.model import (
    Check,
    DispatchRule,
    InboundTrunk,
    Invite,
    Refusal,
    RefusalReason,
    Route,
)
from switchboard_contract.sip_routing.rules import match_rule
from switchboard_contract.sip_routing.trunks import match_trunk

_KEPT_OUT = {
    RefusalReason.SOURCE_NOT_ALLOWED: (
        "a trunk holds the called number, but not for this source address",
        "add the address to the Tenant's spec.sip.ingress.allowedAddresses",
    ),
    RefusalReason.CALLER_NOT_ALLOWED: (
        "a trunk holds the called number, but not for this caller",
        "add the caller to the trunk's allowed numbers",
    ),
}


def route(
    trunks: Iterable[InboundTrunk],
    rules: Iterable[DispatchRule],
    invite: Invite,
    *,
    pin: str | None = None,
) -> Route | Refusal:
    """Decide where a call goes, with every trunk and rule that was looked at."""
    matched = match_trunk(trunks, invite)
    if isinstance(matched, Refusal):
        return matched
    found = match_rule(rules, matched.trunk, invite, pin=pin)
    if isinstance(found, Refusal):
        return _refusal(found, matched.refused, matched.explanation + found.explanation)
    return Route(matched.trunk, found.rule, matched.explanation + found.explanation)


def _refusal(
    found: Refusal, kept_out: RefusalReason | None, explanation: tuple[Check, ...]
) -> Refusal:
    """Tell a caller that a filter kept out from one whose number nobody holds."""
    if found.reason is RefusalReason.NO_TRUNK and kept_out in _KEPT_OUT:
        text, remedy = _KEPT_OUT[kept_out]
        return Refusal(kept_out, text, remedy, explanation)
    return Refusal(found.reason, found.text, found.remedy, explanation)
