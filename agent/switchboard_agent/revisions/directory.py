"""Agent revisions from `*.json` files in a directory: for one machine without Kubernetes.

A file whose name ends in `.line.json` is a line.
"""

import asyncio
import logging
from pathlib import Path

from switchboard_agent.revisions.store import RevisionStore
from switchboard_contract.agent_config import DispatchMetadata

SCAN_SECONDS = 1.0

LINE_SUFFIX = ".line.json"

_log = logging.getLogger(__name__)


class DirectoryRevisions:
    """`RevisionSource` that looks at a directory once a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, tuple[int, int]] = {}

    async def run(self, store: RevisionStore) -> None:
        """Report files until cancelled."""
        while True:
            await self.scan(store)
            await asyncio.sleep(SCAN_SECONDS)

    async def scan(self, store: RevisionStore) -> None:
        """Report what changed since the last scan."""
        found = await asyncio.to_thread(_stamps, self._path)
        for name, stamp in found.items():
            if self._seen.get(name) != stamp:
                await self._read(store, name)
        self._seen = found
        store.keep_only(frozenset(found))

    async def fetch(self, wanted: DispatchMetadata, store: RevisionStore) -> None:  # noqa: ARG002 the seam
        """Look once more: the file may have come since the last scan."""
        await self.scan(store)

    async def _read(self, store: RevisionStore, name: str) -> None:
        try:
            text = await asyncio.to_thread((self._path / name).read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            _log.warning("revision file %s cannot be read: %s", name, error)
            return
        if name.endswith(LINE_SUFFIX):
            store.lines.put(name, text)
            return
        store.drop(name)
        await store.put(name, text)


def _stamps(path: Path) -> dict[str, tuple[int, int]]:
    """Name, modification time and size of each revision file; empty if there is no directory."""
    stamps = {}
    for file in sorted(path.glob("*.json")):
        status = file.stat()
        stamps[file.name] = (status.st_mtime_ns, status.st_size)
    return stamps
