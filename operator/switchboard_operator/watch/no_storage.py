"""kopf's memory of what it last saw, switched off.

For every event kopf copies the object deeply to compare it with a copy kept in an annotation, even
where only raw events are asked for: half the CPU of a watch when measured. We compare in our own
store, so these storages remember nothing and write nothing.
"""

import kopf
from typing_extensions import override


class NoDiffBase(kopf.DiffBaseStorage):
    """Knows no last-seen state."""

    @override
    def build(self, **_: object) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    @override
    def fetch(self, **_: object) -> kopf.BodyEssence | None:
        return None

    @override
    def store(self, **_: object) -> None:
        """Write nothing."""


class NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers: there are none that could have any."""

    @override
    def fetch(self, **_: object) -> None:
        """Return none."""

    @override
    def store(self, **_: object) -> None:
        """Write nothing."""

    @override
    def purge(self, **_: object) -> None:
        """Write nothing."""

    @override
    def touch(self, **_: object) -> None:
        """Write nothing."""

    @override
    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence
