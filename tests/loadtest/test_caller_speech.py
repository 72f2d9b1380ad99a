import numpy as np
import pytest

from switchboard_loadtest.caller_script import CallerScript, Says
from switchboard_loadtest.caller_speech import make_track
from switchboard_loadtest.errors import CallerScriptError
from switchboard_loadtest.voiced import Span, frame_levels
from switchboard_media.pcm import Pcm
from tests.loadtest.sounds import RATE_HZ, padded, quiet


def _say(_text: str) -> Pcm:
    return padded(400)


def _script(*says: Says, hang_up_ms: int = 4000) -> CallerScript:
    return CallerScript("test", hang_up_ms, says)


def test_first_voiced_frame_is_at_the_planned_moment() -> None:
    track = make_track(_script(Says(1000, "hello"), Says(2000, "goodbye")), _say)
    assert [one.voice for one in track.spoken] == [Span(1000, 1400), Span(2000, 2400)]
    levels = frame_levels(track.pcm, RATE_HZ)
    assert levels[49] < -70 < -20 < levels[50]
    assert levels[69] > -20 > -70 > levels[70]


def test_packets_of_the_bounds_of_speech_are_known() -> None:
    (spoken,) = make_track(_script(Says(1000, "hello")), _say).spoken
    assert (spoken.onset_frame, spoken.last_frame) == (50, 69)


def test_nothing_of_the_track_is_digital_silence() -> None:
    track = make_track(_script(Says(1000, "hello")), _say)
    frames = track.pcm.reshape(-1, 320)
    assert np.all(np.any(frames != 0, axis=1))


def test_the_track_outlasts_the_call() -> None:
    assert make_track(_script(), _say).pcm.size == 6 * RATE_HZ


def test_loud_noise_takes_the_place_of_speech() -> None:
    track = make_track(CallerScript("noise", 1000, noise_dbfs=-30.0), _say)
    assert np.all(np.abs(frame_levels(track.pcm, RATE_HZ) + 30) < 2)


def test_the_same_script_gives_the_same_sound() -> None:
    script = _script(Says(1000, "hello"))
    assert np.array_equal(make_track(script, _say).pcm, make_track(script, _say).pcm)


def test_utterances_must_not_run_into_each_other() -> None:
    with pytest.raises(CallerScriptError, match="start it at 1701 ms or later"):
        make_track(_script(Says(1000, "hello"), Says(1500, "goodbye")), _say)


def test_an_utterance_must_end_before_the_call() -> None:
    with pytest.raises(CallerScriptError, match="raise hang_up_ms"):
        make_track(_script(Says(990, "hello"), hang_up_ms=1000), lambda _: padded(4000))


def test_a_silent_utterance_is_refused() -> None:
    with pytest.raises(CallerScriptError, match="came out silent"):
        make_track(_script(Says(1000, "hello")), lambda _: quiet(400))


def test_keys_leave_the_track_alone() -> None:
    track = make_track(_script(Says(1000, "", keys="123")), _say)
    assert track.spoken[0].voice == Span(1000, 1000)
    assert np.all(frame_levels(track.pcm, RATE_HZ) < -70)
