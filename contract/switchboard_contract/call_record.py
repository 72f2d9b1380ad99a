"""From a call's events to the one record of the call.

Pure: the same events give the same record, in whatever order and however often they are read. A
call whose last event has not come yet has a record without an outcome.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from switchboard_contract.call_events import (
    CallEnded,
    CallEvent,
    CallRecovered,
    CallStarted,
    KeysSent,
    Outcome,
    ProviderFailed,
    ReplySpoken,
    SlotsChanged,
    TransferEnded,
    TurnHeard,
)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, as it is billed and looked up."""

    call_id: str
    started: CallStarted | None = None
    """None if the event was lost: the worker died before it could bring it out."""
    workers: tuple[str, ...] = ()
    """Who held the call, in order: more than one if it outlived a worker."""
    turns: tuple[TurnHeard, ...] = ()
    replies: tuple[ReplySpoken, ...] = ()
    slots: tuple[tuple[str, str], ...] = ()
    keys_sent: tuple[KeysSent, ...] = ()
    transfers: tuple[TransferEnded, ...] = ()
    """Attempts to put the caller through, as far as their result is known."""
    provider_failures: tuple[ProviderFailed, ...] = ()
    ended: CallEnded | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How the call ended; None while it has not."""
        return None if self.ended is None else self.ended.outcome

    @property
    def recoveries(self) -> int:
        """How often another worker went on with it."""
        return max(0, len(self.workers) - 1)


def fold(events: Iterable[CallEvent]) -> dict[str, CallRecord]:
    """Records by call id. An event counts once; the last word of the last holder is the end."""
    by_call: dict[str, dict[int, CallEvent]] = {}
    for event in events:
        by_call.setdefault(event.call_id, {}).setdefault(event.sequence, event)
    return {call: _record(call, [seen[n] for n in sorted(seen)]) for call, seen in by_call.items()}


def _record(call_id: str, events: list[CallEvent]) -> CallRecord:
    holders = [e for e in events if isinstance(e, CallStarted | CallRecovered)]
    ends = [e for e in events if isinstance(e, CallEnded)]
    known = [dict(e.slots) for e in events if isinstance(e, SlotsChanged | CallEnded)]
    return CallRecord(
        call_id=call_id,
        started=next((e for e in events if isinstance(e, CallStarted)), None),
        workers=tuple(e.worker for e in holders),
        turns=tuple(e for e in events if isinstance(e, TurnHeard)),
        replies=tuple(e for e in events if isinstance(e, ReplySpoken)),
        keys_sent=tuple(e for e in events if isinstance(e, KeysSent)),
        transfers=tuple(e for e in events if isinstance(e, TransferEnded)),
        provider_failures=tuple(e for e in events if isinstance(e, ProviderFailed)),
        slots=tuple(sorted(known[-1].items())) if known else (),
        ended=ends[-1] if ends else None,
    )
