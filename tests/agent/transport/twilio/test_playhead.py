"""What was heard is what was played, not what was sent."""

from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.transport.twilio.playhead import MARK_SAMPLES, MOST_PENDING, Playhead

FRAME = 320
MS = 16


def speak(playhead: Playhead, frames: int, now: float = 0.0) -> list[tuple[str, float]]:
    """Send frames in real time; gives the marks with when they were sent."""
    marks = []
    for number in range(frames):
        at = now + number * 0.02
        name = playhead.send(FRAME, at)
        if name:
            marks.append((name, at))
    return marks


def test_mark_goes_out_every_200_ms() -> None:
    assert len(speak(Playhead(), 50)) == 5
    assert MARK_SAMPLES == 200 * MS


def test_queue_of_the_far_end_shows_in_the_marks() -> None:
    playhead = Playhead()
    marks = speak(playhead, 25)
    name, at = marks[0]
    playhead.returned(name, at + 0.3)
    speak(playhead, 5, now=0.5)
    assert playhead.unplayed(0.58) == 300 * MS


def test_without_news_time_goes_on() -> None:
    playhead = Playhead()
    (name, at), *_ = speak(playhead, 15)
    playhead.returned(name, at + 0.1)
    sent = 15 * FRAME
    assert playhead.unplayed(at + 0.1) == sent - MARK_SAMPLES
    assert playhead.unplayed(at + 0.15) == sent - MARK_SAMPLES - 50 * MS
    assert playhead.unplayed(at + 9.0) == 0


def test_burst_is_played_in_its_own_time() -> None:
    playhead = Playhead()
    for _ in range(50):
        playhead.send(FRAME, 1.0)
    assert playhead.unplayed(1.0) == 1000 * MS
    assert playhead.unplayed(1.4) == 600 * MS


def test_after_a_silence_sound_is_played_a_trip_later() -> None:
    playhead = Playhead()
    (name, at), *_ = speak(playhead, 10)
    playhead.returned(name, at + 0.1)
    playhead.send(FRAME, 5.0)
    assert playhead.unplayed(5.05) == FRAME
    assert playhead.unplayed(5.11) == 10 * MS


def test_dropped_sound_was_not_heard_and_its_marks_say_nothing() -> None:
    playhead = Playhead()
    marks = [name for _ in range(50) if (name := playhead.send(FRAME, 0.0))]
    assert playhead.drop(0.25) == 750 * MS
    for name in marks:
        playhead.returned(name, 0.3)  # clear returns them all
    assert playhead.unplayed(0.3) == 0
    playhead.send(FRAME, 1.0)
    assert playhead.unplayed(1.0) == FRAME


def test_marks_that_never_come_back_take_bounded_memory() -> None:
    playhead = Playhead()
    speak(playhead, 100_000)
    assert len(playhead._pending) == MOST_PENDING


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "mark", "drop", "foreign"]), st.floats(0, 0.5)),
        max_size=60,
    )
)
def test_position_never_leaves_what_was_sent(steps: list[tuple[str, float]]) -> None:
    playhead, now, out = Playhead(), 0.0, list[str]()
    for step, wait in steps:
        now += wait
        if step == "send":
            if name := playhead.send(FRAME, now):
                out.append(name)
        elif step == "mark" and out:
            playhead.returned(out.pop(0), now)
        elif step == "drop":
            playhead.drop(now)
        else:
            playhead.returned("never-sent", now)
        assert 0 <= playhead.unplayed(now) <= playhead.sent
        assert playhead.unplayed(now + 1) <= playhead.unplayed(now)
