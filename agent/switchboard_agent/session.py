"""One call: events go to the turn machine, its commands go to ear and voice.

The session wires and decides nothing. Whatever happens (audio, timers, tasks) becomes an event; the
machine answers with commands; they are carried out before the next event is looked at. The call is
over when the machine says so, when the transport does, or when its task is cancelled.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial

from switchboard_agent.audio.pacer import Pacer
from switchboard_agent.audio.track import track_of
from switchboard_agent.call_log import CallLog
from switchboard_agent.clock import MS_PER_SECOND, Clock
from switchboard_agent.dialog.base import Dialog, ModelLed
from switchboard_agent.dialog.excuses import excuse, excuse_of
from switchboard_agent.handing_over import HandingOver
from switchboard_agent.hearing import Hearing
from switchboard_agent.keying import Keypad
from switchboard_agent.open_streams import OpenStreams
from switchboard_agent.records.base import CallRecorder
from switchboard_agent.recovery.base import CallKeeper, Handover, HeldCall
from switchboard_agent.recovery.describe import go_on, keep_seconds, left_ms, snapshot_of
from switchboard_agent.speaking import Speaking
from switchboard_agent.stt.base import SpeechToText
from switchboard_agent.stt.pace import Pace
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.tracing import Tracing
from switchboard_agent.transport.base import (
    BufferedTransport,
    CallTransport,
    CloseReason,
    ConsultingTransport,
    Pcm,
    RingingTransport,
)
from switchboard_agent.tts.base import TextToSpeech
from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.end_judges import EndJudges
from switchboard_agent.turn.ledger import SpeculationLedger
from switchboard_agent.turn.machine import TurnMachine
from switchboard_agent.turn.of_agent import turn_policy
from switchboard_agent.turn.replies import Mouth
from switchboard_agent.turn.watchdog import LOOK_EVERY_MS, Alarm, Sight, Watchdog
from switchboard_agent.vad.batcher import VadBatcher
from switchboard_agent.warm_transfer import CallerEar, WarmTransfer
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import Channel, Outcome
from switchboard_contract.recovery import CallSnapshot

_log = logging.getLogger(__name__)

_RELEASE_TIMEOUT_SECONDS = 5.0
"""Longest wait for a transport or provider to let go at the end of a call."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all calls of an engine share."""

    stt: SpeechToText
    pace: Pace
    tts: TextToSpeech
    make_dialog: Callable[[AgentConfig], Dialog]
    judges: EndJudges
    batcher: VadBatcher
    pacer: Pacer
    records: CallRecorder
    telemetry: Telemetry
    tracing: Tracing
    clock: Clock
    worker: str
    keeper: CallKeeper


def _drop_unplayed(transport: CallTransport) -> Callable[[], int]:
    return transport.drop_unplayed if isinstance(transport, BufferedTransport) else lambda: 0


class CallSession:
    """Serves one call; also the listener of its transport."""

    def __init__(
        self,
        config: AgentConfig,
        transport: CallTransport,
        services: Services,
        handover: Handover | None = None,
    ) -> None:
        self._config = config
        self._transport = transport
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._log = CallLog(
            transport.info,
            config,
            services.records,
            services.telemetry,
            services.clock,
            tracing=services.tracing,
            handover=handover,
        )
        self._dialog = services.make_dialog(config)
        self._streams = OpenStreams(self._log.stream_left_open)
        if isinstance(self._dialog, ModelLed):
            self._dialog.watch_models(self._log.model_failed, self._streams)
        if handover is not None:
            go_on(self._dialog, handover.snapshot)
        self._machine = self._turn_machine()
        self._watchdog = Watchdog(self._log.alarm)
        self._look_timer: asyncio.TimerHandle | None = None
        self._ledger = SpeculationLedger(self._log.speculation)
        self._done: asyncio.Future[Outcome] = self._loop.create_future()
        self._events: deque[ev.Event] = deque()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._hearing: Hearing | None = None
        self._speaking: Speaking | None = None
        self._track = track_of(transport, services.pacer)

    async def run(self) -> Outcome:
        """Serve the call to its end; see `Engine.run_call`."""
        outcome = Outcome.FAILED
        self._log.began(self._services.worker)
        self._hold()
        try:
            if isinstance(self._transport, RingingTransport):
                await self._transport.wait_until_answered()
            outcome = await self._converse()
        except asyncio.CancelledError:
            outcome = Outcome.DRAINED
            raise
        except Exception:  # noqa: BLE001 - whatever happened in one call, the others go on
            _log.exception("call failed", extra={"call_id": self._transport.info.call_id})
        finally:
            # Two who speak with each other need no worker: none may go on with their call.
            if connected := self._connected:
                outcome = Outcome.TRANSFERRED
                self._close_record(outcome)
            try:
                await self._release(hang_up=not connected)
            finally:
                if not connected:
                    self._close_record(outcome)
        return outcome

    @property
    def _connected(self) -> bool:
        transport = self._transport
        return isinstance(transport, ConsultingTransport) and transport.connected

    def _close_record(self, outcome: Outcome) -> None:
        keeper, info = self._services.keeper, self._transport.info
        call_id, elsewhere = info.call_id, info.channel is not Channel.TWILIO
        if outcome is Outcome.TRANSPORT_FAILED and elsewhere and keeper.give_away(call_id):
            self._log.given_away()
            return
        keeper.release(call_id)
        self._log.ended(outcome, self._dialog.slots, self._dialog.result)

    def on_audio(self, frame: Pcm) -> None:
        """One frame of the caller."""
        if self._hearing is not None and not self._done.done():
            try:
                self._hearing.take(frame)
            except Exception as error:  # noqa: BLE001 - the transport serves other calls too
                self._fail(error)

    def on_dtmf(self, digit: str) -> None:
        """One key of the caller."""
        self._post(ev.Dtmf(digit))

    def on_closed(self, reason: CloseReason) -> None:
        """The transport has ended."""
        self._post(ev.Closed(reason))

    def _turn_machine(self) -> TurnMachine:
        left, disclosed = left_ms(self._config, self._log), self._log.turns > 0
        policy = turn_policy(
            self._config,
            self._dialog,
            max_call_ms=left,
            disclosed=disclosed,
            final_patience_ms=self._services.pace.patience_ms,
        )
        return TurnMachine(policy)

    def _hold(self) -> None:
        """From now on the call outlives its worker."""
        info, log = self._transport.info, self._log
        if info.job_id:
            seconds = keep_seconds(self._config)
            call = HeldCall(info.call_id, info.job_id, log.epoch, seconds, self._snapshot)
            self._services.keeper.hold(call)

    def _snapshot(self) -> CallSnapshot:
        return snapshot_of(self._transport.info, self._log, self._dialog, self._speaking)

    async def _converse(self) -> Outcome:
        services = self._services
        async with self._group:
            self._speaking = Speaking(
                dialog=self._dialog,
                tts=services.tts,
                spec=self._config.tts,
                track=self._track,
                play=self._play,
                drop_unplayed=_drop_unplayed(self._transport),
                post=self._post,
                log=self._log,
                excuse=partial(excuse, excuse_of(self._config)),
                spawn=self._spawn,
                streams=self._streams,
            )
            self._hearing = Hearing(
                config=self._config,
                stt=services.stt,
                judges=services.judges,
                batcher=services.batcher,
                post=self._post,
                log=self._log,
                pace=services.pace,
                streams=self._streams,
            )
            self._post(ev.CallAnswered())
            self._transport.attach(self)
            self._look()
            try:
                return await self._done
            finally:
                self._stop()

    def _post(self, event: ev.Event) -> None:
        """Take an event now, or right after the one that is being carried out."""
        self._events.append(event)
        if self._busy or self._done.done():
            return
        self._busy = True
        try:
            while self._events:
                event = self._events.popleft()
                for command in self._machine.handle(event, self._log.now_ms()):
                    if self._watchdog.allows(command, self._log.now_ms()):
                        self._ledger.take(command)
                        self._carry_out(command)
                if isinstance(event, ev.PlaybackFinished):
                    self._services.keeper.changed(self._transport.info.call_id)
        except Exception as error:  # noqa: BLE001 - raised in a callback nobody awaits: ends the call
            self._fail(error)
        finally:
            self._busy = False
        self._arm_timer()

    def _carry_out(self, command: cmd.Command) -> None:
        hearing, speaking = self._hearing, self._speaking
        if hearing is None or speaking is None:
            raise RuntimeError("a command before the call was set up")
        match command:
            case cmd.StartUtterance() | cmd.AskForFinal() | cmd.JudgeEnd():
                self._hear(hearing, command)
            case cmd.StartReply():
                speaking.start(command)
            case cmd.CancelReply(reply):
                speaking.cancel(reply)
            case cmd.TurnEnded():
                self._log.turn_heard(command)
            case cmd.CommitReply():
                speaking.commit(command)
                self._services.keeper.changed(self._transport.info.call_id)
            case cmd.PausePlayback():
                speaking.pause()
            case cmd.ResumePlayback(backchannel):
                speaking.resume(backchannel=backchannel)
            case cmd.FlushPlayback(_, onset_ms):
                speaking.flush(onset_ms)
                self._services.keeper.changed(self._transport.info.call_id)
            case cmd.SendKeys() | cmd.Transfer():
                self._follow_words(command)
            case cmd.HangUp(outcome):
                self._finish(outcome)

    def _hear(
        self, hearing: Hearing, command: cmd.StartUtterance | cmd.AskForFinal | cmd.JudgeEnd
    ) -> None:
        match command:
            case cmd.StartUtterance(utterance, from_sample):
                hearing.start_utterance(utterance, from_sample)
            case cmd.AskForFinal(utterance):
                self._spawn(self._find_words(hearing, utterance))
            case cmd.JudgeEnd(judgement, from_sample):
                self._spawn(hearing.judge_end(judgement, from_sample))

    def _follow_words(self, command: cmd.SendKeys | cmd.Transfer) -> None:
        match command:
            case cmd.SendKeys():
                self._spawn(self._send_keys(command))
            case cmd.Transfer():
                self._spawn(self._hand_over())

    async def _hand_over(self) -> None:
        config, services, log = self._config, self._services, self._log
        ear = CallerEar(self._track, self._play)
        warm = WarmTransfer(config, services.tts, services.pacer, ear, log)
        desk = HandingOver(self._transport, config, warm, log)
        self._post(ev.TransferEnded(await desk.hand_over(self._dialog.slots)))

    async def _send_keys(self, command: cmd.SendKeys) -> None:
        # From here on nobody who takes the call over may press them again.
        await self._services.keeper.keep_now(self._transport.info.call_id)
        keypad = Keypad(self._transport, self._track, self._play, self._log)
        self._dialog.keys_sent(await keypad.press(command.keys))
        self._post(command.then)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _find_words(self, hearing: Hearing, utterance: int) -> None:
        asked_ms = self._log.now_ms()
        await hearing.finish_utterance(utterance)
        self._log.stage("stt", self._log.now_ms() - asked_ms)

    def _arm_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ms = self._machine.deadline_ms
        if due_ms < float("inf") and not self._done.done():
            delay = max(0.0, due_ms - self._log.now_ms()) / MS_PER_SECOND
            self._timer = self._loop.call_later(delay, self._post, ev.Tick())

    def _play(self, frame: Pcm) -> None:
        if self._watchdog.allows_frame(self._log.now_ms()):
            self._track.play(frame)

    def _look(self) -> None:
        """See whether the call keeps its promises; bring it back if not."""
        self._look_timer = self._loop.call_later(LOOK_EVERY_MS / MS_PER_SECOND, self._look)
        speaking, machine = self._speaking, self._machine
        if speaking is None or self._done.done():
            return
        sight = Sight(
            now_ms=self._log.now_ms(),
            deadline_ms=machine.deadline_ms,
            unheard=machine.unheard,
            speaking=machine.mouth is Mouth.SPEAKING,
            waiting_for_part=speaking.waiting_for_part,
        )
        match self._watchdog.look(sight):
            case Alarm.DEAF:
                self._post(ev.SpeechEnded(sight.now_ms))
            case Alarm.MUTE:
                self._post(ev.Tick())
            case Alarm.STUCK:
                speaking.give_up()
            case _:
                pass

    def _finish(self, outcome: Outcome) -> None:
        if not self._done.done():
            self._done.set_result(outcome)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    def _stop(self) -> None:
        """Silence the voice, stop the timer, cancel the tasks; the group awaits them."""
        self._ledger.settle()
        for timer in (self._timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        if self._speaking is not None:
            self._speaking.close()
        self._track.close()
        for task in self._tasks:
            task.cancel()

    async def _release(self, *, hang_up: bool) -> None:
        """Let go of transport and providers, each for itself, none for ever; the caller first."""
        releases = [self._transport.hang_up] if hang_up else []
        releases += [self._hearing.aclose] if self._hearing is not None else []
        releases.append(self._streams.close_left)
        for release in releases:
            try:
                async with asyncio.timeout(_RELEASE_TIMEOUT_SECONDS):
                    await release()
            except Exception as error:  # noqa: BLE001 - the call is over; the rest must be released
                self._log.warning("release failed", error)
