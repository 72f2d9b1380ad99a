"""Words that are believed, and what is none."""

from typing import Any

import pytest

from switchboard_agent.speech_failure import GarbageError
from switchboard_agent.stt.base import Transcript
from switchboard_agent.stt.checked import words_of


@pytest.mark.parametrize("text", ["", "yes", "  two \n words ", "zürich 東京"])
def test_words_are_taken_with_one_space_between_them(text: str) -> None:
    assert words_of(Transcript(text, final=True)) == " ".join(text.split())


@pytest.mark.parametrize("text", [None, b"yes", 7, "a\x00b", "\x1b[2J", "na\ufffdve", "a " * 3000])
def test_what_is_no_text_is_garbage(text: Any) -> None:  # noqa: ANN401
    with pytest.raises(GarbageError):
        words_of(Transcript(text, final=True))


def test_no_transcript_at_all_is_garbage() -> None:
    nothing: Any = None
    with pytest.raises(GarbageError):
        words_of(nothing)
