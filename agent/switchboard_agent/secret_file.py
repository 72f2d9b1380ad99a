"""A secret in a file that may change at any time.

Kubernetes replaces the files of a mounted Secret when the Secret changes. Looking at the file's
identity costs a few microseconds, so it is done at each use: a secret that was rotated is taken up
by the next use, without a restart and without a watch.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 16 * 1024

_Identity = tuple[int, int, int]
"""Inode, time of change, size."""


class SecretFileError(Exception):
    """The file cannot be read, or holds nothing that can be a secret."""


@dataclass(slots=True)
class SecretFile:
    """One secret of printable ASCII."""

    path: Path
    _seen: _Identity | None = None
    _secret: str = ""

    def read(self) -> str:
        """The secret as it is now. Raises `SecretFileError`."""
        try:
            stat = os.stat(self.path)  # noqa: PTH116  the cheapest way, and this runs on each use
            identity = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if identity != self._seen:
                self._secret = self._fresh(stat.st_size)
                self._seen = identity
        except (OSError, UnicodeDecodeError) as error:
            raise SecretFileError(f"file {self.path} cannot be read") from error
        if not self._secret or not self._secret.isprintable():
            raise SecretFileError(f"file {self.path} holds no secret")
        return self._secret

    def _fresh(self, size: int) -> str:
        if size > _MAX_BYTES:
            return ""
        return self.path.read_text("ascii").strip()
