"""One call's voice on its way out: what the pacer starts and stops, and what fills the pauses.

A far end with a jitter buffer that judges delay by time stamps (NetEq of libwebrtc) must get sound
all the time. Where nothing is sent while the agent listens, its packets go on afterwards with the
time stamps of before; the buffer takes the pause for delay and holds back what follows, up to a
second, for the rest of the call. And a sound that stops without silence behind it is drawn out.
"""

from collections.abc import Callable
from typing import Protocol

from switchboard_agent.audio.pacer import Pacer, PlayNext
from switchboard_agent.transport.base import CallTransport, ConcealingTransport, Pcm

_SOUND_ENDS_FRAMES = 3
"""Silence that ends a sound: a jitter buffer draws one out for 60 ms before it fades."""


class Track(Protocol):
    """Where a call's voice is played. One voice at a time."""

    def start(self, play_next: PlayNext) -> None:
        """Play the first frame now, the others as they are due."""

    def stop(self, play_next: PlayNext) -> None:
        """Play no more of this voice. Safe to call twice."""

    def play(self, frame: Pcm) -> None:
        """Send a frame; called by the voice."""

    def close(self) -> None:
        """The call is over: nothing is sent any more."""


def track_of(transport: CallTransport, pacer: Pacer) -> Track:
    """What this transport wants to be spoken through."""
    if isinstance(transport, ConcealingTransport):
        return UnbrokenTrack(transport.play, transport.play_silence, pacer)
    return PlainTrack(transport.play, pacer)


class PlainTrack:
    """Sends what is said and nothing between."""

    def __init__(self, send: Callable[[Pcm], None], pacer: Pacer) -> None:
        self.play = send
        self.start = pacer.start
        self.stop = pacer.stop

    def close(self) -> None:
        """Nothing is left to stop but voices."""


class UnbrokenTrack:
    """Sends a frame every 20 ms from the first word on: the voice's, or silence.

    A voice that starts is heard at once and so leads the pacer's tick by less than a frame; the
    first silent tick after it is left out, so that the lead does not add up. Where the pacer runs
    late, silence is the first thing to be given up: what is left of it ends the sound.
    """

    def __init__(
        self, send: Callable[[Pcm], None], send_silence: Callable[[], None], pacer: Pacer
    ) -> None:
        self._send = send
        self._send_silence = send_silence
        self._pacer = pacer
        self._voice: PlayNext | None = None
        self._started = 0
        """How many voices were: one that ends may have been followed by the next meanwhile."""
        self._fed = False
        self._leads = False
        self._begun = False
        self._silent_frames = 0
        """Since the last of the voice."""
        self._still = False
        """Whether the rest of this silence is not sent."""

    def start(self, play_next: PlayNext) -> None:
        """Play the first frame now, the others as they are due."""
        if self._voice is not None:
            return
        self._voice = play_next
        self._started += 1
        if not self._begun:
            self._begun = True
            self._pacer.start(self._tick)
        elif not self._leads:
            self._leads = self._say()

    def stop(self, play_next: PlayNext) -> None:
        """Play no more of this voice. Safe to call twice."""
        if self._voice == play_next:
            self._voice = None

    def play(self, frame: Pcm) -> None:
        """Send a frame of the voice."""
        self._fed, self._still, self._silent_frames = True, False, 0
        self._send(frame)

    def close(self) -> None:
        """The call is over."""
        self._voice, self._begun = None, False
        self._pacer.stop(self._tick)

    def _say(self) -> bool:
        """Have the voice play a frame; gives whether there was one."""
        self._fed = False
        if self._voice is not None:
            started = self._started
            if not self._voice() and self._started == started:
                self._voice = None
        return self._fed

    def _tick(self) -> bool:
        if not self._say():
            self._be_silent()
        return self._begun

    def _be_silent(self) -> None:
        if self._leads:
            self._leads = False
            return
        self._silent_frames += 1
        if self._silent_frames > _SOUND_ENDS_FRAMES:
            self._still = self._still or self._pacer.runs_late
        if self._still:
            return
        try:
            self._send_silence()
        except Exception:  # noqa: BLE001 - it must not stop the pacer; the next word tells
            self._begun = False
