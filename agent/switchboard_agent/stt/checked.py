"""Words of a recogniser, looked at before they are believed."""

from typing import Final

from switchboard_agent.speech_failure import GarbageError
from switchboard_agent.stt.base import Transcript

_MOST_LETTERS: Final = 4000
"""Several times what can be said in the longest turn."""
_NOT_DECODED: Final = "\ufffd"


def words_of(transcript: Transcript) -> str:
    """Its words, one space between them. Raises `GarbageError`."""
    text: object = getattr(transcript, "text", None)
    if not isinstance(text, str) or len(text) > _MOST_LETTERS:
        raise GarbageError("no transcript")
    words = " ".join(text.split())
    if not words.isprintable() or _NOT_DECODED in words:
        raise GarbageError("no words")
    return words
