"""The ear of one call: audio comes in, edges of speech and words come out as events.

Audio goes three ways: into the ring buffer (the past), to the voice activity detector (always), and
to the recogniser (while an utterance is open). Nothing is decided here. A recogniser that fails,
gives garbage or does not answer costs the words of one utterance: it is replaced, and the call goes
on. One that cannot even be opened is tried again at each utterance, never in between.
"""

import asyncio
from collections.abc import Callable

from switchboard_agent.audio.ring import Ring
from switchboard_agent.call_log import CallLog
from switchboard_agent.open_streams import OpenStreams
from switchboard_agent.speech_failure import GarbageError, failure_of
from switchboard_agent.stt.base import (
    SpeechStream,
    SpeechToText,
    Transcript,
)
from switchboard_agent.stt.checked import words_of
from switchboard_agent.stt.pace import Pace
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_agent.turn.end_judges import EndJudges
from switchboard_agent.turn.end_model import SPAN_SAMPLES
from switchboard_agent.turn.events import (
    EndJudged,
    Event,
    Final,
    MediaSilent,
    Partial,
    SpeechEnded,
    SpeechStarted,
)
from switchboard_agent.vad.batcher import VadBatcher
from switchboard_agent.vad.segmenter import Edge, EdgeKind, Segmenter
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import ProviderPart

_RING_SAMPLES = 2 * SAMPLE_RATE_HZ
"""Two seconds: pre-roll, detection, and a recogniser that is busy for a second; 64 kB."""
_PREROLL_SAMPLES = 300 * SAMPLE_RATE_HZ // 1000
"""Handed to the recogniser before the first voiced sample: soft first sounds ("h", "f") lie below
the detector's threshold, and recognisers want some silence to settle."""
_FINAL_TIMEOUT_SECONDS = 4.0
"""Longest wait for a recogniser before it is replaced. The turn has given up on it long before."""
_MEDIA_CHECK_SECONDS = 1.0


class Hearing:
    """Listens to one caller."""

    def __init__(
        self,
        *,
        config: AgentConfig,
        stt: SpeechToText,
        judges: EndJudges,
        batcher: VadBatcher,
        post: Callable[[Event], None],
        log: CallLog,
        pace: Pace,
        streams: OpenStreams,
    ) -> None:
        self._config = config
        self._stt = stt
        self._streams = streams
        self._post = post
        self._log = log
        self._pace = pace
        self._judges = judges
        judged = config.turn.endpointing.model is not None
        self._ring = Ring(SPAN_SAMPLES if judged else _RING_SAMPLES)
        self._segmenter = Segmenter()
        self._channel = batcher.open(self._on_probability)
        self._stream: SpeechStream | None = None
        """None while its provider does not give one."""
        self._utterance = 0
        self._fed_to = 0
        self._feeding = False
        self._broken: Exception | None = None
        """Why the recogniser is of no use for the running utterance."""
        self._open_stream()
        self._last_frame_ms = log.now_ms()
        self._loop = asyncio.get_running_loop()
        self._media_check = self._loop.call_later(_MEDIA_CHECK_SECONDS, self._check_media)

    def take(self, frame: Pcm) -> None:
        """One frame of the caller."""
        self._last_frame_ms = self._log.now_ms()
        self._ring.append(frame)
        self._channel.push(frame)
        if self._feeding:
            self._feed(frame)

    def start_utterance(self, utterance: int, from_sample: int | None) -> None:
        """Open the recogniser, beginning a little before the given sample."""
        self._utterance = utterance
        start = self._ring.end if from_sample is None else from_sample
        self._feeding = True
        stream = self._stream or self._open_stream()
        try:
            if stream is not None:
                stream.start_utterance()
        except Exception as error:  # noqa: BLE001 - a provider may fail in any way
            self._broken = error
        self._feed(self._ring.since(max(start - _PREROLL_SAMPLES, self._fed_to)))

    async def finish_utterance(self, utterance: int) -> None:
        """Close the recogniser; its words are posted, or none if it failed."""
        self._feeding = False
        asked_ms = self._log.now_ms()
        stream = self._stream
        if stream is None:
            self._post(Final(utterance, "", failed=True))
            return
        try:
            text = await self._final_words(stream)
        except Exception as error:  # noqa: BLE001 - a provider may fail in any way
            begun = self._broken is not None
            self._log.speech_failed(ProviderPart.STT, failure_of(error, begun=begun), error)
            self._open_stream()
            self._post(Final(utterance, "", failed=True))
            await self._let_go(stream)
        else:
            self._pace.took(self._log.now_ms() - asked_ms)
            self._post(Final(utterance, text))

    async def judge_end(self, judgement: int, from_sample: int | None) -> None:
        """Post how likely the caller is done, by ear; nothing if that cannot be told."""
        asked_ms = self._log.now_ms()
        turn = self._ring.since(self._ring.end if from_sample is None else from_sample)
        finished = await self._judges.finished(self._config, turn)
        if finished is not None:
            self._log.stage("judge", self._log.now_ms() - asked_ms)
            self._post(EndJudged(judgement, finished))

    async def aclose(self) -> None:
        """Stop listening and release detector and recogniser."""
        self._feeding = False
        self._media_check.cancel()
        self._channel.close()
        if self._stream is not None:
            await self._streams.close(self._stream)

    def _feed(self, audio: Pcm) -> None:
        self._fed_to = self._ring.end
        if self._stream is None or self._broken is not None or not len(audio):
            return
        try:
            self._stream.feed(audio)
        except Exception as error:  # noqa: BLE001 - a provider may fail in any way
            self._broken = error

    async def _final_words(self, stream: SpeechStream) -> str:
        if self._broken is not None:
            raise self._broken
        async with asyncio.timeout(_FINAL_TIMEOUT_SECONDS):
            return words_of(await stream.end_utterance())

    def _open_stream(self) -> SpeechStream | None:
        """Take a new recogniser; without one, the words of an utterance are lost."""
        self._stream = self._broken = None
        try:
            stream = self._stt.open(self._config, self._on_partial)
            self._stream = self._streams.opened(ProviderPart.STT, stream)
        except Exception as error:  # noqa: BLE001 - a provider may fail in any way
            self._log.speech_failed(ProviderPart.STT, failure_of(error, begun=False), error)
        return self._stream

    async def _let_go(self, broken: SpeechStream) -> None:
        try:
            await self._streams.close(broken)
        except Exception as error:  # noqa: BLE001 - it is broken
            self._log.warning("recogniser did not close", error)

    def _on_partial(self, partial: Transcript) -> None:
        try:
            words = words_of(partial)
        except GarbageError:
            return
        self._post(Partial(self._utterance, words))
        if partial.final:
            self._post_edge(self._segmenter.agree_on_end())

    def _on_probability(self, probability: float) -> None:
        self._post_edge(self._segmenter.feed(probability))

    def _post_edge(self, edge: Edge | None) -> None:
        if edge is None:
            return
        behind_ms = (self._ring.end - edge.sample) * 1000 / SAMPLE_RATE_HZ
        at_ms = self._last_frame_ms - behind_ms
        if edge.kind is EdgeKind.STARTED:
            self._post(SpeechStarted(at_ms, edge.sample))
        else:
            self._post(SpeechEnded(at_ms))

    def _check_media(self) -> None:
        self._media_check = self._loop.call_later(_MEDIA_CHECK_SECONDS, self._check_media)
        silent_ms = self._log.now_ms() - self._last_frame_ms
        if silent_ms >= _MEDIA_CHECK_SECONDS * 1000:
            self._post_edge(self._segmenter.end_of_audio())
            self._post(MediaSilent(silent_ms))
