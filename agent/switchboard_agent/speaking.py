"""The voice of one call: replies are made ready, said, paused, gone on with, cut.

A reply is one task from the dialog's answer to the last chunk of its audio. It fills a queue that
nobody hears until the reply is committed; from then on the pacer empties it. A reply that is still
being written is spoken part by part, and pauses where its next part is late. What was heard of a
reply is told from the samples that the wire took, whichever way it ended; where the far end holds a
queue, an interrupted reply was heard up to what that had played.

Where the synthesiser fails, the caller hears an excuse, which is kept from when it worked. An
excuse in place of a whole reply leaves the dialog where it was: its turn has not been answered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass

from switchboard_agent.audio.track import Track
from switchboard_agent.call_log import CallLog, Spoken
from switchboard_agent.dialog.base import CallerTurn, Dialog, Reply
from switchboard_agent.dialog.excuses import GIVE_UP_AFTER
from switchboard_agent.open_streams import OpenStreams
from switchboard_agent.reply_audio import ReplyAudio, SynthesisError
from switchboard_agent.speech_failure import SpeechFailure
from switchboard_agent.transport.base import CloseReason, Pcm
from switchboard_agent.tts.base import TextToSpeech
from switchboard_agent.turn.commands import CANNED, CommitReply, ReplyKind, StartReply
from switchboard_agent.turn.events import Closed, Event, PlaybackFinished, ReplyFailed, ReplyReady
from switchboard_contract.call_events import ProviderPart
from switchboard_contract.crd.voice_agent import TtsSpec


@dataclass(slots=True)
class _Voice:
    """One reply on its way."""

    number: int
    audio: ReplyAudio
    reply: Reply | None = None
    asked_ms: float = 0.0
    """When its first audio was asked for."""
    excuses: bool = False
    """Whether it stands in place of a reply of the dialog."""
    announced: bool = False
    committed: CommitReply | None = None
    first_frame_ms: float | None = None
    task: asyncio.Task[None] | None = None


class Speaking:
    """Speaks to one caller."""

    def __init__(
        self,
        *,
        dialog: Dialog,
        tts: TextToSpeech,
        spec: TtsSpec,
        track: Track,
        play: Callable[[Pcm], None],
        drop_unplayed: Callable[[], int],
        post: Callable[[Event], None],
        log: CallLog,
        excuse: Callable[[int], Reply],
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
        streams: OpenStreams,
    ) -> None:
        self._dialog = dialog
        self._tts = tts
        self._streams = streams
        self._spec = spec
        self._track = track
        self._play = play
        self._drop_unplayed = drop_unplayed
        self._post = post
        self._log = log
        self._excuse = excuse
        self._excuses = 0
        self._spawn = spawn
        self._pending: dict[int, _Voice] = {}
        self._filler_heard = ""
        self._current: _Voice | None = None
        self._paused_ms = 0.0
        self._ending = False
        self._transferring = False

    @property
    def unheard(self) -> str:
        """The reply that is being said; empty once it has been heard to its end or was cut."""
        return "" if self._current is None else self._current.audio.spoken.text

    @property
    def ending(self) -> bool:
        """Whether the call ends with the reply said last."""
        return self._ending if self._current is None else self._current.audio.end_call

    @property
    def transferring(self) -> bool:
        """Whether the caller is to be put through after the reply said last."""
        return self._transferring if self._current is None else self._current.audio.transfer

    @property
    def keys(self) -> str:
        """Telephone keys that are to be pressed after the reply that is being said."""
        return "" if self._current is None else self._current.audio.keys

    def start(self, command: StartReply) -> None:
        """Make a reply ready."""
        audio = ReplyAudio(
            self._synthesize,
            lambda: self._on_audio(voice),
            self._on_failure,
            self._streams.close,
        )
        voice = _Voice(command.reply, audio)
        self._pending[voice.number] = voice
        voice.task = self._spawn(self._prepare(voice, command))

    def cancel(self, number: int) -> None:
        """Throw away a reply that was not committed."""
        voice = self._pending.pop(number, None)
        if voice is not None:
            _stop(voice)

    def commit(self, command: CommitReply) -> None:
        """Say the reply that lies ready."""
        voice = self._pending.get(command.reply)
        if voice is None or voice.reply is None:
            return
        del self._pending[command.reply]
        self._current = voice
        voice.committed = command
        if voice.excuses:
            self._excuses += 1
        elif command.kind not in CANNED:
            self._excuses = 0
            self._dialog.commit(voice.reply)
            self._log.slots(self._dialog.slots)
        self._track.start(self._play_next)

    def pause(self) -> None:
        """Be silent from the next frame on."""
        if self._current is not None:
            self._paused_ms = self._log.now_ms()
            self._track.stop(self._play_next)

    def resume(self, *, backchannel: bool) -> None:
        """Go on with the next sample."""
        if self._current is not None:
            self._log.overlap("backchannel" if backchannel else "noise")
            self._track.start(self._play_next)

    def flush(self, onset_ms: float) -> None:
        """The caller interrupted: drop the rest."""
        if self._current is not None:
            silent_since = self._paused_ms if self._paused_ms >= onset_ms else self._log.now_ms()
            self._log.barge_in(silent_since - onset_ms)
            self._ending = self._transferring = False
            self._end_current(interrupted=True)

    @property
    def waiting_for_part(self) -> bool:
        """Whether the reply pauses at a place for it, while its next part is being written."""
        return self._current is not None and self._current.audio.playback.may_pause

    def give_up(self) -> None:
        """The rest of the reply does not come: what was said was all."""
        voice = self._current
        if voice is not None:
            voice.audio.keys = ""
            self._end_current(interrupted=True)
            self._finished(voice)

    def close(self) -> None:
        """The call is over: nothing is said any more."""
        for voice in self._pending.values():
            _stop(voice)
        self._pending.clear()
        if self._current is not None:
            self._end_current(interrupted=True)

    def _play_next(self) -> bool:
        voice = self._current
        if voice is None:
            return False
        frame = voice.audio.next_frame()
        if frame is not None:
            if voice.first_frame_ms is None:
                voice.first_frame_ms = self._log.now_ms()
            try:
                self._play(frame)
            except Exception as error:  # noqa: BLE001 - one broken wire must not stop the pacer
                self._log.warning("transport broke", error)
                self._post(Closed(CloseReason.LOST))
                return False
        if not voice.audio.playback.finished:
            return True
        self._end_current(interrupted=False)
        self._finished(voice)
        return False

    def _finished(self, voice: _Voice) -> None:
        audio = voice.audio
        self._ending, self._transferring = audio.end_call, audio.transfer
        self._post(
            PlaybackFinished(
                voice.number, end_call=audio.end_call, transfer=audio.transfer, keys=audio.keys
            )
        )

    def _end_current(self, *, interrupted: bool) -> None:
        voice, self._current = self._current, None
        if voice is None or voice.reply is None or voice.committed is None:
            return
        self._track.stop(self._play_next)
        playback, spoken = voice.audio.playback, voice.audio.spoken
        text, unplayed = spoken.text, self._drop_unplayed() if interrupted else 0
        heard = spoken.heard(max(0, playback.played - unplayed), playback.total)
        playback.flush()
        _stop(voice)
        started = self._log.now_ms() if voice.first_frame_ms is None else voice.first_frame_ms
        ended = voice.committed.speech_ended_ms
        latency = None if ended is None or voice.first_frame_ms is None else started - ended
        if latency is not None:
            self._log.turn_answered(latency)
        self._log.underruns(playback.underruns)
        turn = voice.committed.turn
        self._tell_dialog(voice.committed.kind, heard)
        self._log.reply_spoken(Spoken(turn, text, heard, started, interrupted, latency))

    def _tell_dialog(self, kind: ReplyKind, heard: str) -> None:
        """A filler is heard before the caller's turn counts: it is told with the answer to it."""
        if kind is ReplyKind.FILLER:
            self._filler_heard = heard
            return
        whole = " ".join(words for words in (self._filler_heard, heard) if words)
        self._filler_heard = ""
        self._dialog.heard(whole)

    async def _prepare(self, voice: _Voice, command: StartReply) -> None:
        try:
            asked_ms = self._log.now_ms()
            voice.reply = await self._answer(command)
            self._log.stage("dialog", self._log.now_ms() - asked_ms)
            await self._say(voice, voice.reply, command.kind)
        except Exception as error:  # noqa: BLE001 - a provider may fail in any way; the call goes on
            self._log.warning("reply failed", error)
            voice.audio.playback.complete = True
            if not voice.announced:
                self._post(ReplyFailed(voice.number))

    async def _answer(self, command: StartReply) -> Reply:
        match command.kind:
            case ReplyKind.GREETING:
                return self._dialog.greeting()
            case ReplyKind.NO_INPUT:
                return self._dialog.no_input()
            case ReplyKind.DISCLOSURE:
                return Reply(command.text, protected=True)
            case ReplyKind.FILLER | ReplyKind.NOT_TRANSFERRED:
                return Reply(command.text)
            case ReplyKind.TURN:
                return await self._dialog.respond(CallerTurn(command.text, command.dtmf))

    async def _say(self, voice: _Voice, reply: Reply, kind: ReplyKind) -> None:
        voice.asked_ms = self._log.now_ms()
        try:
            await voice.audio.say(reply)
        except SynthesisError:
            if kind in CANNED:
                raise
            excuse = self._excuse(GIVE_UP_AFTER if voice.audio.end_call else self._excuses + 1)
            if not voice.audio.spoken.text:
                voice.reply, voice.excuses = excuse, True
            await voice.audio.say(excuse)

    def _on_audio(self, voice: _Voice) -> None:
        if not voice.announced and voice.audio.playback.ready:
            self._log.stage("tts", self._log.now_ms() - voice.asked_ms)
            self._announce(voice)

    def _synthesize(self, text: str) -> AsyncIterator[Pcm]:
        chunks = self._tts.synthesize(text, self._spec)
        return self._streams.opened(ProviderPart.TTS, chunks)

    def _on_failure(self, failure: SpeechFailure, error: Exception) -> None:
        self._log.speech_failed(ProviderPart.TTS, failure, error)

    def _announce(self, voice: _Voice) -> None:
        voice.announced = True
        reply = voice.reply or Reply("")
        self._post(
            ReplyReady(
                voice.number,
                end_call=voice.audio.end_call,
                protected=reply.protected,
                hold=reply.hold,
            )
        )


def _stop(voice: _Voice) -> None:
    if voice.task is not None:
        voice.task.cancel()
