"""Trunks: the one that a call matches, and pairs that LiveKit will not hold side by side."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from switchboard_contract.sip_routing.model import (
    Check,
    InboundTrunk,
    Invite,
    Refusal,
    RefusalReason,
    TrunkMatch,
    normalize_number,
)

_NEVER_IN_A_MASK = frozenset("()+*;, \t\n\r")
"""LiveKit drops an allowed address with one of these, as if it had not been written."""


def _readable(mask: str) -> bool:
    return "://" not in mask and not _NEVER_IN_A_MASK.intersection(mask)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _holds(mask: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether an address or CIDR range holds the address; what is neither holds none."""
    base, slash, bits = mask.partition("/")
    if not slash:
        return _address(mask) == address
    if not (bits.isascii() and bits.isdigit()) or (len(bits) > 1 and bits[0] == "0"):
        return False
    try:
        return address in ip_network(f"{base}/{bits}", strict=False)
    except ValueError:
        return False


def _source_allowed(trunk: InboundTrunk, invite: Invite) -> bool:
    address = _address(invite.source_ip)
    masks = [mask for mask in trunk.allowed_addresses if _readable(mask)]
    if address is None or not masks:
        return True
    return any(mask == invite.from_host or _holds(mask, address) for mask in masks)


def _listed(number: str, numbers: Iterable[str]) -> bool:
    normal = normalize_number(number)
    return any(number == each or normal == normalize_number(each) for each in numbers)


def _obstacle(trunk: InboundTrunk, invite: Invite) -> tuple[RefusalReason, str] | None:
    """What keeps the call off this trunk, in LiveKit's order, or None."""
    if trunk.allowed_numbers and not _listed(invite.caller, trunk.allowed_numbers):
        text = f"caller {invite.caller!r} is not among its allowedNumbers"
        return RefusalReason.CALLER_NOT_ALLOWED, text
    if not _source_allowed(trunk, invite):
        allowed = ", ".join(trunk.allowed_addresses)
        text = f"source {invite.source_ip} (From host {invite.from_host!r}) is not in {allowed}"
        return RefusalReason.SOURCE_NOT_ALLOWED, text
    if trunk.numbers and not _listed(invite.called, trunk.numbers):
        return RefusalReason.NO_TRUNK, f"called {invite.called!r} is not one of its numbers"
    return None


def _ambiguous(trunks: list[InboundTrunk], invite: Invite, checks: tuple[Check, ...]) -> Refusal:
    ids = ", ".join(sorted(trunk.id for trunk in trunks))
    return Refusal(
        RefusalReason.TRUNKS_AMBIGUOUS,
        f"several trunks match {invite.called!r}: {ids}",
        "give each number to one trunk only, and keep at most one trunk without numbers",
        checks,
    )


def match_trunk(trunks: Iterable[InboundTrunk], invite: Invite) -> TrunkMatch | Refusal:
    """Pick the trunk of a call: one with its number, else the one without numbers."""
    checks: list[Check] = []
    specific: list[InboundTrunk] = []
    wildcard: list[InboundTrunk] = []
    refused: set[RefusalReason] = set()
    for trunk in sorted(trunks, key=lambda each: each.id):
        obstacle = _obstacle(trunk, invite)
        if obstacle is None:
            (specific if trunk.numbers else wildcard).append(trunk)
            because = f"holds {invite.called!r}" if trunk.numbers else "takes any number"
        else:
            reason, because = obstacle
            if not trunk.numbers or _listed(invite.called, trunk.numbers):
                refused.add(reason)
        checks.append(Check("trunk", trunk.id, trunk.name, obstacle is None, because))
    candidates = specific or wildcard
    explanation = tuple(checks)
    if len(candidates) > 1:
        return _ambiguous(candidates, invite, explanation)
    if candidates:
        return TrunkMatch(candidates[0], explanation)
    first = min(refused, key=list(RefusalReason).index, default=None)
    return TrunkMatch(None, explanation, first)


def trunk_conflicts(a: InboundTrunk, b: InboundTrunk) -> str | None:
    """Say why LiveKit refuses to hold both trunks, or None.

    Addresses and credentials do not make two trunks distinct: a number is one trunk's.
    """
    if a.id == b.id and a.id:
        return None
    called_a = {normalize_number(number) for number in a.numbers} or {""}
    called_b = {normalize_number(number) for number in b.numbers} or {""}
    callers_a = {normalize_number(number) for number in a.allowed_numbers} or {""}
    callers_b = {normalize_number(number) for number in b.allowed_numbers} or {""}
    called, callers = called_a & called_b, callers_a & callers_b
    if not called or not callers:
        return None
    numbers = ", ".join(sorted(called)) if called != {""} else "any number"
    who = f" for callers {', '.join(sorted(callers))}" if callers != {""} else ""
    return f"both take {numbers}{who}"
