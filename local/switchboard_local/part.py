"""A part: one server process, described before anything is started.

Each file of `parts/` is a pure function that returns a `Part`. Starting, waiting, logging and
stopping are the same for all of them and live in `process` and `supervisor`; so a part can be
read, tested and changed without a single process.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Probe(Protocol):
    """Asks a server whether it can serve."""

    async def why_not_ready(self) -> str | None:
        """Return None once the server serves, or else what is still missing."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One server process."""

    name: str
    """Names the part in messages, in `after` and in its log file."""

    command: tuple[str, ...]
    """Program and arguments."""

    probe: Probe
    """Tells when the part can be used by those that wait for it."""

    listens: tuple[tuple[str, int], ...] = ()
    """TCP addresses the part will listen on: another server there would answer its probe."""

    files: Mapping[Path, str] = field(default_factory=dict)
    """Configuration files to write before the start, by path."""

    directories: tuple[Path, ...] = ()
    """Directories that have to exist before the start."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to the starter's own."""

    after: tuple[str, ...] = ()
    """Names of parts that must be ready first."""

    prepare: Callable[[], Awaitable[None]] | None = None
    """Work on the part's own data that has to be done before its start."""

    ready_within_seconds: float = 30.0
    """Patience before the start counts as failed; two busy cores need some."""
