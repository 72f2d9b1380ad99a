"""Counting what watches miss.

A full list is often a moment ahead of the watch, so a change that it finds is only a suspect. What
the watch has not brought some seconds later it has missed, and the sweep was right to look.
"""

import asyncio
from collections.abc import Callable

from switchboard_operator.kube.kinds import Kind
from switchboard_operator.store import Change, Ref

GRACE_SECONDS = 10.0
"""How far a watch may lag behind a list. Under a burst of 1,000 resources it lags by seconds."""


class Missed:
    """Suspects until the watch clears them."""

    def __init__(self, count: Callable[[Kind, int], None]) -> None:
        self._count = count
        self._suspects: set[Ref] = set()

    def found(self, changes: list[Change]) -> None:
        """Note what a full list knew and the store did not."""
        if not changes:
            return
        refs = {change.ref for change in changes}
        self._suspects |= refs
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self._judge, refs)

    def brought(self, ref: Ref) -> None:
        """Note what a watch brought."""
        self._suspects.discard(ref)

    def _judge(self, refs: set[Ref]) -> None:
        missed = refs & self._suspects
        self._suspects -= refs
        for kind in {ref.kind for ref in missed}:
            self._count(kind, sum(ref.kind is kind for ref in missed))
