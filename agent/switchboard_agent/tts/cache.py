"""Spoken prompts that are asked for again: every call of an agent begins with the same greeting."""

from collections import OrderedDict
from dataclasses import dataclass, field

from switchboard_agent.transport.base import Pcm

Key = tuple[str, str, int]
"""Text, voice, words per minute."""


@dataclass(slots=True)
class PromptCache:
    """Audio by key, bounded in bytes; what was used longest ago goes first."""

    capacity_bytes: int
    held_bytes: int = 0
    _audio: OrderedDict[Key, Pcm] = field(default_factory=OrderedDict)

    def get(self, key: Key) -> Pcm | None:
        """The audio, which now counts as used; None if it is not held."""
        pcm = self._audio.get(key)
        if pcm is not None:
            self._audio.move_to_end(key)
        return pcm

    def put(self, key: Key, pcm: Pcm) -> None:
        """Hold the audio, unless it alone is larger than the cache."""
        if key in self._audio or pcm.nbytes > self.capacity_bytes:
            return
        pcm.flags.writeable = False
        self._audio[key] = pcm
        self.held_bytes += pcm.nbytes
        while self.held_bytes > self.capacity_bytes:
            _, oldest = self._audio.popitem(last=False)
            self.held_bytes -= oldest.nbytes
