"""Which LiveKit trunk and dispatch rule an incoming call takes, as a pure function.

livekit-server decides this inside itself and says nothing when no rule fits: the caller hears
ringing, then nothing. Here the same decision is made on plain values and returns its reasons, so
the operator can refuse a conflict before LiveKit does, the SIP edge can route, and
`switchboard explain call` can say what would happen and why.

The rules are those of livekit-server 1.13 (protocol 1.50): a call is matched against trunks (who
may call which number from where), then against dispatch rules (which room, which agents).
"""

from switchboard_contract.sip_routing.model import (
    Check,
    DispatchRule,
    InboundTrunk,
    Invite,
    Refusal,
    RefusalReason,
    Route,
    RuleKind,
    RuleMatch,
    TrunkMatch,
    normalize_number,
)
from switchboard_contract.sip_routing.route import route
from switchboard_contract.sip_routing.rules import match_rule, rule_conflicts, rule_priority
from switchboard_contract.sip_routing.trunks import match_trunk, trunk_conflicts
from switchboard_contract.sip_routing.wire import WireError, rule_from_json, trunk_from_json

__all__ = [
    "Check",
    "DispatchRule",
    "InboundTrunk",
    "Invite",
    "Refusal",
    "RefusalReason",
    "Route",
    "RuleKind",
    "RuleMatch",
    "TrunkMatch",
    "WireError",
    "match_rule",
    "match_trunk",
    "normalize_number",
    "route",
    "rule_conflicts",
    "rule_from_json",
    "rule_priority",
    "trunk_conflicts",
    "trunk_from_json",
]
