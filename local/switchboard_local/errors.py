"""What can go wrong while the local system is used, said so that the reader knows what to do."""

from pathlib import Path


class LocalError(Exception):
    """A failure with its reason and the remedy a person can apply."""

    def __init__(self, reason: str, *, remedy: str = "", log: Path | None = None) -> None:
        self.reason = reason
        self.remedy = remedy
        self.log = log
        parts = [reason]
        if remedy:
            parts.append(remedy)
        if log is not None:
            parts.append(f"log: {log}")
        super().__init__("; ".join(parts))


class ToolMissingError(LocalError):
    """A program that the local system starts is not on this machine."""


class BuildFailedError(LocalError):
    """A program or an image could not be built."""


class PartFailedError(LocalError):
    """A part of the local system ended, or did not become ready in time."""


class BundleError(LocalError):
    """The namespace bundle could not be made, found or entered."""
