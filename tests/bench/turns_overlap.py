"""Sounds over the agent's voice, in whole calls on virtual time with the production detector.

The recogniser is a stand-in that knows what is said and gives each word 200 ms after it, as good
streaming recognisers do, and all of them 100 ms after it was asked. Everything else is the
engine that ships.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from switchboard_agent.dialog.base import Reply
from switchboard_agent.stt.base import SpeechStream, Transcript
from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_agent.vad.silero import SileroVad
from switchboard_contract.agent_config import AgentConfig
from tests.agent.engine.calls import Call
from tests.bench.turns_speech import PER_MS, Word, silence, timed
from tests.support.speech_fakes import ScriptedAnswers, ScriptedTts, tone

LONG: Final = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_PARTIAL_LAG_MS: Final = 200
_FINAL_SECONDS: Final = 0.1
_PREROLL_MS: Final = 300


@dataclass
class KnowingStt:
    """Knows what every utterance will say, in order."""

    utterances: list[list[Word]] = field(default_factory=list)
    open_streams: int = 0

    async def prepare(self, config: AgentConfig) -> None:
        """Nothing to warm."""

    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        """A stream."""
        del config
        self.open_streams += 1
        return _KnowingStream(self, on_partial)

    async def aclose(self) -> None:
        """Nothing to free."""


@dataclass
class _KnowingStream:
    stt: KnowingStt
    on_partial: Callable[[Transcript], None]
    words: list[Word] = field(default_factory=list)
    fed: int = 0
    told: int = 0

    def start_utterance(self) -> None:
        self.words = self.stt.utterances.pop(0) if self.stt.utterances else []
        self.fed = self.told = 0

    def feed(self, frame: Pcm) -> None:
        self.fed += len(frame)
        heard_ms = self.fed / PER_MS - _PREROLL_MS - _PARTIAL_LAG_MS
        known = sum(word.end_ms <= heard_ms for word in self.words)
        if known > self.told:
            self.told = known
            text = " ".join(word.text for word in self.words[:known])
            self.on_partial(Transcript(text, final=False))

    async def end_utterance(self) -> Transcript:
        await asyncio.sleep(_FINAL_SECONDS)
        return Transcript(" ".join(word.text for word in self.words), final=True)

    async def aclose(self) -> None:
        self.stt.open_streams -= 1


@dataclass(frozen=True, slots=True)
class Overlapped:
    """What a sound over the agent's voice did."""

    stopped: bool
    """The agent's reply was cut."""
    silent_ms: float | None
    """First sample of the sound to the agent's silence; None if it never fell silent."""
    resumed_ms: float | None
    """Last sample of the sound to the agent's voice going on; None if it did not pause or stop."""
    samples_lost: int
    """Of the reply, by pausing and going on."""


def overlap(sound: Pcm, text: str, config: AgentConfig) -> Overlapped:
    """One call: the agent speaks, the caller makes a sound a second and a half later."""
    words = timed(text, 0.0, len(sound) / PER_MS) if text else []
    stt = KnowingStt([timed("tell me", 0.0, 600), words])
    call = Call(
        dialog=ScriptedAnswers([Reply(LONG)], delay_seconds=0.1),
        stt=stt,  # type: ignore[arg-type]  # the same seam
        tts=ScriptedTts(delay_seconds=0.05),
        config=config,
        vad=SileroVad(),
    )
    begun: list[float] = []

    async def script(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(_ASK)
        await caller.wait_for_agent()
        await asyncio.sleep(1.5)
        begun.append(asyncio.get_running_loop().time())
        await caller.say(sound)
        await caller.wait_for_silence(1.2)
        caller.hang_up()

    return _judge(call, call.play(script), begun[0], len(sound) / PER_MS)


def _judge(
    call: Call, transport: LoopbackTransport, at_seconds: float, sound_ms: float
) -> Overlapped:
    reply = call.replies[1]
    frames = [
        h for h in transport.recording.agent if h.at_seconds * 1000 > reply.started_call_ms - 1
    ]
    times = np.array([heard.at_seconds for heard in frames])
    after = np.flatnonzero((np.diff(times) > 0.05) & (times[:-1] > at_seconds - 0.02))
    silent = None if not len(after) else (times[after[0]] + 0.02 - at_seconds) * 1000
    resumed = None
    if len(after) and not reply.interrupted:
        resumed = (times[after[0] + 1] - at_seconds) * 1000 - sound_ms
    lost = 0
    if not reply.interrupted:
        spoken = np.concatenate([heard.frame for heard in frames])[: len(_WHOLE)]
        lost = int(len(_WHOLE) != len(spoken)) or int(np.count_nonzero(spoken != _WHOLE))
    return Overlapped(reply.interrupted, silent, resumed, lost)


_WHOLE: Final = np.concatenate(
    [tone(len(LONG[at : at + 20]) * 60, level=3000) for at in range(0, len(LONG), 20)]
)


def _asking() -> Pcm:
    from tests.bench.turns_speech import speak  # noqa: PLC0415  flite is needed only here

    said = speak("tell me about it", "slt")
    padding = -len(said) % FRAME_SAMPLES
    return np.concatenate((said, silence(padding / PER_MS)))


_ASK: Final = _asking()
