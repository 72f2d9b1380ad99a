"""What is in LiveKit, as last listed, kept up by our own writes.

LiveKit has no watch: a poll is the only way to see that Redis lost everything, that somebody
deleted a rule, or how many calls run. One poll lists everything, so its cost does not grow with
each VoiceAgent's own resync; it also tells who must look again.

One lock covers every write and every list. It makes a list a true picture of one moment (no write
of ours falls between), and it makes LiveKit's check of numbers reliable, which by itself lets two
creates of one number pass when they come at once.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from livekit.protocol.sip import (
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
)

from switchboard_contract.sip_routing import InboundTrunk, normalize_number, trunk_conflicts
from switchboard_operator.errors import LiveKitUnreachableError, OperatorError
from switchboard_operator.sip.api import SipApi
from switchboard_operator.sip.rooms import Rooms
from switchboard_operator.sip.shelf import Shelf
from switchboard_operator.sip.wire import Info, agent_of, owner_uid, same

_FAILURES_UNTIL_DOWN = 2
"""Polls in a row that must fail before serving agents are called not ready: one may be a blip."""

_EVERY_TRUNK = ""
"""Key of rules without trunk_ids: they take calls of every trunk, and of none."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll found out: who must look again."""

    everybody: bool = False
    """LiveKit came back or went away, or a rule that takes calls of every trunk came or went."""
    agents: frozenset[str] = frozenset()
    """`namespace/name` of VoiceAgents whose LiveKit objects changed without us, or whose number of
    calls changed.
    """


def _called(trunk: SIPInboundTrunkInfo) -> set[str]:
    """Return the called numbers as LiveKit compares them; one empty number stands for any."""
    return {normalize_number(number) for number in trunk.numbers} or {""}


def _served(rule: SIPDispatchRuleInfo) -> set[str]:
    """Return the trunks whose calls a rule takes; one empty id stands for all."""
    return set(rule.trunk_ids) or {_EVERY_TRUNK}


def _trunk_shelf() -> Shelf[SIPInboundTrunkInfo]:
    def id_of(trunk: SIPInboundTrunkInfo) -> str:
        return trunk.sip_trunk_id

    return Shelf(id_of, _called)


def _rule_shelf() -> Shelf[SIPDispatchRuleInfo]:
    def id_of(rule: SIPDispatchRuleInfo) -> str:
        return rule.sip_dispatch_rule_id

    return Shelf(id_of, _served)


def _outbound_shelf() -> Shelf[SIPOutboundTrunkInfo]:
    def id_of(trunk: SIPOutboundTrunkInfo) -> str:
        return trunk.sip_trunk_id

    def no_numbers(_: SIPOutboundTrunkInfo) -> tuple[str, ...]:
        return ()

    return Shelf(id_of, no_numbers)


@dataclass(slots=True)
class Mirror:
    """See the module."""

    api: SipApi
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    trunks: Shelf[SIPInboundTrunkInfo] = field(default_factory=_trunk_shelf)
    rules: Shelf[SIPDispatchRuleInfo] = field(default_factory=_rule_shelf)
    outbound: Shelf[SIPOutboundTrunkInfo] = field(default_factory=_outbound_shelf)
    calls: Counter[str] = field(default_factory=Counter)
    error: OperatorError | None = field(
        default_factory=lambda: LiveKitUnreachableError("LiveKit has not been asked yet")
    )
    """Why LiveKit cannot be relied on now; None while it answers."""
    polled_at: float = 0.0
    """When LiveKit was last read in full, by the loop's clock; 0 before that."""
    _failures: int = _FAILURES_UNTIL_DOWN
    rooms: Rooms = field(init=False)

    def __post_init__(self) -> None:
        self.rooms = Rooms(self.api)

    async def poll(self) -> PollResult:
        """List everything; never raises for LiveKit's sake."""
        try:
            async with self.lock:
                trunks = await self.api.list_trunks()
                rules = await self.api.list_rules()
                rooms = await self.api.list_rooms()
                outbound = await self.api.list_outbound()
                moved_rules = _moved(self.rules, rules)
                changed = _agents(_moved(self.trunks, trunks)) | _agents(moved_rules)
                changed |= _agents(_moved(self.outbound, outbound)) | self._owners(moved_rules)
        except OperatorError as error:
            return self._failed(error)
        came_back, self.error, self._failures = self.error is not None, None, 0
        self.polled_at = asyncio.get_running_loop().time()
        calls = Counter(agent for _, metadata in rooms if (agent := agent_of(metadata)))
        moved = {a for a in self.calls | calls if self.calls[a] != calls[a]}
        self.calls = calls
        open_moved = any(not rule.trunk_ids for rule in moved_rules)
        return PollResult(came_back or open_moved, frozenset(changed | moved))

    def serving(self, trunk_id: str) -> list[SIPDispatchRuleInfo]:
        """Return every rule that may take calls of a trunk, whoever made it."""
        return self.rules.with_key(trunk_id) + self.rules.with_key(_EVERY_TRUNK)

    def _owners(self, rules: list[SIPDispatchRuleInfo]) -> set[str]:
        """Return whose trunks the rules serve: their calls may go another way now."""
        named = {trunk_id for rule in rules for trunk_id in rule.trunk_ids}
        trunks = [self.trunks.all[name] for name in named if name in self.trunks.all]
        return {agent_of(trunk.metadata) for trunk in trunks} - {""}

    def conflicting(self, wanted: SIPInboundTrunkInfo, uid: str) -> SIPInboundTrunkInfo | None:
        """Return a trunk of somebody else that LiveKit would not have beside the wanted one."""
        mine = _routing(wanted)
        rivals = [trunk for number in _called(wanted) for trunk in self.trunks.with_key(number)]
        for trunk in rivals:
            if owner_uid(trunk.metadata) != uid and trunk_conflicts(mine, _routing(trunk)):
                return trunk
        return None

    def _failed(self, error: OperatorError) -> PollResult:
        self._failures += 1
        went_away = self.error is None and self._failures >= _FAILURES_UNTIL_DOWN
        if went_away or self.error is not None:
            self.error = error
        return PollResult(everybody=went_away)


def _moved(shelf: Shelf[Info], listed: list[Info]) -> list[Info]:
    """Take in a list; return what came, went or changed since, as it was and as it is."""
    old = dict(shelf.all)
    shelf.replace_all(listed)
    new = shelf.all
    pairs = [(old.get(name), new.get(name)) for name in old.keys() | new.keys()]
    moved = [pair for pair in pairs if not (pair[0] and pair[1] and same(pair[0], pair[1]))]
    return [info for pair in moved for info in pair if info]


def _agents(infos: list[Info]) -> set[str]:
    return {agent_of(info.metadata) for info in infos} - {""}


def _routing(trunk: SIPInboundTrunkInfo) -> InboundTrunk:
    return InboundTrunk(
        id=trunk.sip_trunk_id,
        numbers=tuple(trunk.numbers),
        allowed_numbers=tuple(trunk.allowed_numbers),
    )
