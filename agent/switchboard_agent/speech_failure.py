"""How a recogniser or a synthesiser fails, as metrics name it."""

from enum import StrEnum


class SpeechFailure(StrEnum):
    """What it did."""

    SILENT = "silent"
    """Gave nothing in time."""
    BROKE_OFF = "broke_off"
    """Failed after it had begun."""
    GARBAGE = "garbage"
    """Gave what is no speech, or no words."""
    ERROR = "error"
    """Failed before it gave anything."""


class GarbageError(Exception):
    """A provider gave what cannot be."""


def failure_of(error: Exception, *, begun: bool) -> SpeechFailure:
    """What an error says; `begun`: the provider had given something before."""
    if isinstance(error, TimeoutError):
        return SpeechFailure.SILENT
    if isinstance(error, GarbageError):
        return SpeechFailure.GARBAGE
    return SpeechFailure.BROKE_OFF if begun else SpeechFailure.ERROR
