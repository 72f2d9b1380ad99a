"""Plays sound that is known as a whole, and is done when its last frame has left."""

import asyncio
from collections.abc import Callable

from switchboard_agent.audio.playback import Playback
from switchboard_agent.audio.track import Track
from switchboard_agent.transport.base import Pcm


async def sound(track: Track, play: Callable[[Pcm], None], *parts: Pcm) -> None:
    """Play to the end of the last frame; who is cancelled plays no more."""
    playback, played = Playback(), asyncio.Event()
    for part in parts:
        playback.push(part)
    playback.complete = True

    def play_next() -> bool:
        frame = playback.next_frame()
        if frame is None:
            played.set()
            return False
        play(frame)
        return True

    try:
        track.start(play_next)
        await played.wait()
    finally:
        track.stop(play_next)
