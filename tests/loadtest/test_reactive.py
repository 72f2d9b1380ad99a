"""A caller that listens, in virtual time: one step is 20 ms."""

from dataclasses import dataclass, field

import numpy as np

from switchboard_loadtest.caller_script import CallerScript, Says
from switchboard_loadtest.reactive import INTERRUPT_MS, LISTEN_MS, PATIENCE_MS, ReactiveCaller
from switchboard_media.pcm import Pcm, level_dbfs
from tests.loadtest.sounds import padded


def _say(_text: str) -> Pcm:
    return padded(400)


@dataclass
class _Call:
    """Steps a caller and notes when it speaks, presses keys and hangs up."""

    caller: ReactiveCaller
    now_ms: int = 0
    spoke_ms: list[int] = field(default_factory=list)
    keys: str = ""
    hung_up_ms: int | None = None
    _loud: bool = False

    def agent(self, milliseconds: int, *, speaks: bool) -> "_Call":
        for _ in range(0, milliseconds, 20):
            output = self.caller.step(agent_voiced=speaks)
            loud = level_dbfs(output.pcm) > -45
            if loud and not self._loud:
                self.spoke_ms.append(self.now_ms)
            self._loud = loud
            self.keys += output.keys
            if output.hang_up and self.hung_up_ms is None:
                self.hung_up_ms = self.now_ms
            self.now_ms += 20
        return self


def _call(*says: Says) -> _Call:
    return _Call(ReactiveCaller(CallerScript("test", 60_000, says), _say))


def test_it_waits_until_the_agent_has_finished() -> None:
    call = _call(Says(0, "hello")).agent(2000, speaks=True).agent(2000, speaks=False)
    assert call.spoke_ms == [2000 + LISTEN_MS - 20]


def test_a_pause_between_sentences_is_not_the_end() -> None:
    call = _call(Says(0, "hello")).agent(1000, speaks=True).agent(400, speaks=False)
    assert call.agent(1000, speaks=True).spoke_ms == []


def test_it_interrupts_an_agent_that_has_spoken_for_a_while() -> None:
    call = _call(Says(0, "wait", barge_in=True)).agent(3000, speaks=True)
    assert len(call.spoke_ms) == 1
    assert abs(call.spoke_ms[0] - INTERRUPT_MS) <= 60


def test_a_silent_agent_is_not_waited_for_without_end() -> None:
    call = _call(Says(0, "hello")).agent(PATIENCE_MS + 100, speaks=False)
    assert call.spoke_ms == [PATIENCE_MS - 20]


def test_it_hangs_up_when_everything_is_said_and_answered() -> None:
    call = _call(Says(0, "bye")).agent(1000, speaks=True).agent(2000, speaks=False)
    assert call.hung_up_ms is None
    call.agent(1000, speaks=True).agent(1000, speaks=False)
    assert call.hung_up_ms is not None


def test_keys_are_pressed_in_their_turn() -> None:
    assert _call(Says(0, keys="42")).agent(1000, speaks=True).agent(1000, speaks=False).keys == "42"


def test_the_track_is_what_was_sent_with_its_bounds() -> None:
    call = _call(Says(0, "hello")).agent(1000, speaks=True).agent(1500, speaks=False)
    (spoken,) = call.caller.track.spoken
    assert spoken.voice.start_ms == call.spoke_ms[0]
    assert spoken.voice.length_ms == 400
    assert call.caller.track.pcm.size == 2500 * 16
    assert np.abs(call.caller.track.pcm).max() > 5000
