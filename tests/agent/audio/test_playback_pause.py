"""Between two parts of a reply the voice pauses; that is no underrun."""

import numpy as np

from switchboard_agent.audio.playback import Playback
from switchboard_agent.transport.base import FRAME_SAMPLES


def test_the_end_of_a_part_is_played_and_waiting_for_the_next_is_no_underrun() -> None:
    playback = Playback()
    playback.push(np.ones(FRAME_SAMPLES + 7, dtype=np.int16))
    playback.may_pause = True
    frames = [playback.next_frame() for _ in range(4)]
    assert [frame is not None for frame in frames] == [True, True, False, False]
    assert playback.played == FRAME_SAMPLES + 7
    assert playback.underruns == 0
    assert not playback.finished


def test_a_part_that_has_begun_may_not_run_dry() -> None:
    playback = Playback()
    playback.may_pause = True
    playback.push(np.ones(7, dtype=np.int16))
    assert playback.next_frame() is None
    assert playback.underruns == 1
