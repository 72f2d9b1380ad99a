import numpy as np
import pytest

from switchboard_agent.recordings import load_conversation
from switchboard_agent.recordings.load import RecordingError


def test_the_recorded_caller_books_an_appointment() -> None:
    conversation = load_conversation()
    assert conversation.flow == "booking"
    assert conversation.slots["day"] == "wednesday"
    assert [turn.text for turn in conversation.turns if turn.interrupts] == [
        "actually no wednesday would be better"
    ]


def test_the_words_lie_where_the_offsets_say() -> None:
    for turn in load_conversation().turns:
        start, end = turn.speech_start_ms * 16, turn.speech_end_ms * 16
        assert not turn.pcm[:start].any()
        assert not turn.pcm[end + 16 :].any()
        assert np.abs(turn.pcm[start : start + 320]).max() > 300
        assert np.abs(turn.pcm[end - 320 : end]).max() > 300


def test_an_unknown_recording_is_refused_with_a_remedy() -> None:
    with pytest.raises(RecordingError, match="try booking"):
        load_conversation("opera")
