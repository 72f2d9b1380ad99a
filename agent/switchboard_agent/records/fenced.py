"""Appends a call's events only as long as no other worker has gone on with the call.

The epoch stands in an event's sequence number. A worker that was asleep and still believes to hold
a call is refused by Redis itself; the event that ends a call takes it out of the book in the same
step, so that nobody takes an ended call for a lost one.
"""

from redis.asyncio.client import Pipeline

from switchboard_agent.recovery import scripts
from switchboard_contract.call_events import CallEnded, CallEvent
from switchboard_contract.names import CALL_STREAM
from switchboard_contract.recovery import BookKeys, epoch_of


class FencedAppend:
    """How `RedisStreamRecorder` puts an event into a pipeline."""

    def __init__(self, pool: str) -> None:
        self._keys = BookKeys(pool)

    def __call__(self, pipeline: Pipeline, event: CallEvent) -> None:
        """Queue the append."""
        keys, call = self._keys, event.call_id
        pipeline.eval(
            scripts.APPEND,
            5,
            CALL_STREAM,
            keys.owners,
            keys.orphans,
            keys.snapshot(call),
            keys.ended(call),
            call,
            str(epoch_of(event.sequence)),
            str(int(isinstance(event, CallEnded))),
            event.model_dump_json(by_alias=True),
        )
