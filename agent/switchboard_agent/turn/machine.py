"""Turn-taking as a machine: events and the time go in, commands come out.

There is no clock, task or socket in here. The session tells what happened and when; it carries out
what comes back; and it calls again at `deadline_ms`. So every rule of timing is arithmetic, and a
test can play ten minutes of telephone in a millisecond.

One turn of the caller goes like this:

    SpeechStarted ............ StartUtterance           (over the agent's voice: PausePlayback)
    SpeechEnded .............. AskForFinal
    Final .................... StartReply               speculation, while the pause still grows
    Tick at the endpoint ..... TurnEnded, CommitReply   or, if the caller goes on: CancelReply
    PlaybackFinished ......... the caller's turn again

What must hold whatever happens is tested by random order of events: the agent is never deaf, never
mute for ever, answers a turn at most once, and says nothing after a flush.
"""

from switchboard_agent.transport.base import CloseReason
from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.agent_voice import AgentVoice
from switchboard_agent.turn.barge_in import Verdict
from switchboard_agent.turn.call_end import NEVER, CallEnd
from switchboard_agent.turn.commands import Command, ReplyKind
from switchboard_agent.turn.filler import FillerRule
from switchboard_agent.turn.open_turn import OpenTurn
from switchboard_agent.turn.overlap import Overlap
from switchboard_agent.turn.policy import TurnPolicy
from switchboard_agent.turn.replies import Mouth, Pending
from switchboard_agent.turn.utterances import Utterances
from switchboard_contract.call_events import Outcome


class TurnMachine:
    """Takes turns with one caller. Times are milliseconds on the call's clock."""

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._now = 0.0
        self._call = CallEnd(policy)
        self._out: list[Command] = []
        self._agent = AgentVoice(policy, self._out)

        self._voice = False
        self._speech_started_ms: float | None = None
        self._utterances = Utterances()
        self._turn = OpenTurn()
        self._overlap = Overlap(policy)
        self._filler = FillerRule(policy)
        self._turns = 0
        self._judgements = 0
        self._holding = False

        self._idle_since_ms = 0.0

    @property
    def mouth(self) -> Mouth:
        """What the agent's voice is doing."""
        return self._agent.mouth

    @property
    def over(self) -> bool:
        """Whether the call has been ended; nothing is asked for any more."""
        return self._call.over

    @property
    def listening(self) -> bool:
        """Whether the caller's voice is taken as speech to the agent right now."""
        return self._speech_started_ms is not None

    @property
    def unheard(self) -> bool:
        """Whether the caller speaks to an agent that is silent, not listening and not answering."""
        answering = self._agent.pending is not None or self._turn.begun or self._call.leaving
        silent = self._agent.mouth is Mouth.SILENT
        return self._voice and silent and not self.listening and not answering

    def handle(self, event: ev.Event, now_ms: float) -> tuple[Command, ...]:
        """Take one event at `now_ms`; what is to be done about it."""
        self._now = max(self._now, now_ms)
        early = self._call.answered_ms is None and not isinstance(
            event, ev.CallAnswered | ev.Closed
        )
        if self._call.over or early:
            return ()
        self._out.clear()
        self._take(event)
        if not self._call.over:
            self._advance()
        return tuple(self._out)

    def _take(self, event: ev.Event) -> None:
        match event:
            case ev.CallAnswered():
                self._on_answered()
            case ev.SpeechStarted():
                self._on_speech_started(event)
            case ev.SpeechEnded():
                self._on_speech_ended(event)
            case ev.Partial() | ev.Final() | ev.EndJudged():
                self._on_heard(event)
            case ev.ReplyReady() | ev.ReplyFailed():
                if self._agent.take(event):
                    self._retry()
            case ev.PlaybackFinished():
                self._on_playback_finished(event)
            case ev.TransferEnded(succeeded) if self._call.handing_over:
                self._on_transfer_ended(succeeded=succeeded)
            case ev.Dtmf(digit):
                self._on_dtmf(digit)
            case ev.MediaSilent(ms) if ms >= self._policy.no_media_ms and not self._call.leaving:
                self._end(Outcome.NO_MEDIA)
            case ev.Closed(reason):
                self._on_closed(reason)
            case _:
                pass

    def _on_answered(self) -> None:
        if self._call.answered_ms is None:
            self._call.answered_ms = self._idle_since_ms = self._now
            self._agent.prepare(ReplyKind.GREETING, self._now)

    def _on_speech_started(self, event: ev.SpeechStarted) -> None:
        if not self._voice and not self._call.leaving:
            self._hear_speech(min(event.at_ms, self._now), event.sample)
        self._voice = True

    def _hear_speech(self, at_ms: float, sample: int | None) -> None:
        self._speech_started_ms = at_ms
        if not self._turn.voiced_ms:
            self._turn.first_sample = sample
        self._out += self._utterances.begin(sample)
        self._agent.drop_unless_owed()
        if self._agent.filling:
            self._agent.flush(self._now)
        self._agent.pause(at_ms)

    def _on_speech_ended(self, event: ev.SpeechEnded) -> None:
        self._voice = False
        if self._speech_started_ms is not None:
            self._stop_hearing(min(event.at_ms, self._now))

    def _stop_hearing(self, at_ms: float) -> None:
        started = self._speech_started_ms or at_ms
        self._speech_started_ms = None
        self._turn.voiced_ms += max(0.0, at_ms - started)
        self._turn.speech_ended_ms = at_ms
        self._turn.finished = None
        self._weigh_pause()
        self._judge_overlap()
        paused = self._agent.mouth is Mouth.PAUSED
        patience_ms = self._policy.patience_ms(self._turn.voiced_ms, agent_paused=paused)
        self._out += self._utterances.end(self._now + patience_ms)
        if self._policy.endpointer.listens:
            self._judgements += 1
            self._out.append(cmd.JudgeEnd(self._judgements, self._turn.first_sample))

    def _on_heard(self, event: ev.Partial | ev.Final | ev.EndJudged) -> None:
        match event:
            case ev.Partial(utterance, text):
                self._utterances.hear(utterance, text)
            case ev.Final(utterance, text, failed):
                self._turn.unheard |= failed and self._utterances.awaits(utterance)
                words, commands = self._utterances.take_final(utterance, text)
                self._out += commands
                self._add_words(words)
            case ev.EndJudged(judgement, finished):
                if judgement == self._judgements and self._speech_started_ms is None:
                    self._turn.finished = finished
                    self._weigh_pause()

    def _weigh_pause(self) -> None:
        turn = self._turn
        turn.silence_ms = self._policy.endpointer.silence_ms(turn.text, turn.finished)

    def _add_words(self, text: str) -> None:
        if text:
            self._turn.words.append(text)
            self._weigh_pause()

    def _on_dtmf(self, digit: str) -> None:
        ends = digit == "#"
        if self._call.leaving or (ends and not self._turn.digits):
            return
        self._agent.drop_unless_owed()
        if self._agent.interruptible:
            self._interrupt()
        self._turn.digits += "" if ends else digit
        self._turn.keyed_ms = self._now
        self._turn.keyed_done = ends

    def _on_closed(self, reason: CloseReason) -> None:
        if self._turn.words or self._turn.digits:
            self._end_turn()
        self._end(self._call.closed(reason))

    def _retry(self) -> None:
        if not self._agent.prepare_again(self._now):
            self._end(Outcome.FAILED)

    def _answer_turn(self, pending: Pending) -> None:
        speech_ended = None if self._turn.delayed else self._turn.last_input_ms
        self._end_turn()
        self._holding = pending.hold
        self._agent.say(pending, self._turns, speech_ended)

    def _end_turn(self) -> None:
        turn = self._turn
        self._turns += 1
        self._turn = OpenTurn()
        last = turn.last_input_ms
        self._out.append(
            cmd.TurnEnded(self._turns, turn.text, turn.digits, last, max(0.0, turn.end_ms - last))
        )

    def _on_playback_finished(self, event: ev.PlaybackFinished) -> None:
        said = self._agent.finish(event)
        if said is None:
            return
        self._recall_assent()
        self._fell_silent()
        if event.keys:
            return
        if said.end_call or event.end_call:
            no_input = said.kind is ReplyKind.NO_INPUT
            self._call.leave(self._now, Outcome.NO_INPUT if no_input else Outcome.COMPLETED)
        elif event.transfer:
            self._call.handing_over = True
            self._out.append(cmd.Transfer())

    def _on_transfer_ended(self, *, succeeded: bool) -> None:
        self._call.handing_over = False
        if succeeded:
            self._end(Outcome.TRANSFERRED)
        else:
            self._agent.prepare(ReplyKind.NOT_TRANSFERRED, self._now, self._policy.not_transferred)
            self._fell_silent()

    def _recall_assent(self) -> None:
        """A "yes" over the last words of a question was its answer."""
        early = self._overlap.recall(self._now)
        if early is not None and not self._turn.begun and self._speech_started_ms is None:
            self._turn = early
            self._turn.delayed = True

    def _interrupt(self) -> None:
        self._turn.interrupted_agent = True
        self._agent.flush(self._now)
        self._fell_silent()

    def _fell_silent(self) -> None:
        """The floor is the caller's, who may have been speaking all along."""
        self._idle_since_ms = self._now
        if self._voice and self._speech_started_ms is None:
            self._hear_speech(self._now, None)

    def _end(self, outcome: Outcome) -> None:
        self._call.over = True
        self._out.append(cmd.HangUp(outcome))

    def _advance(self) -> None:
        """Do everything that is due now."""
        outcome = self._call.due(self._now)
        if outcome is not None:
            self._end(outcome)
        elif not self._call.leaving:
            self._bound_waits()
            if not self._call.over:
                self._judge_overlap()
                self._resolve_turn()
                self._speak_first()

    def _bound_waits(self) -> None:
        if self._now >= self._longest_speech_ms:
            self._turn.forced = True
            self._stop_hearing(self._now)
        if self._utterances.due_ms is not None and self._now >= self._utterances.due_ms:
            self._turn.unheard = True
            self._add_words(self._utterances.give_up())
        if self._turn.digits and self._now >= self._turn.keyed_ms + self._policy.inter_digit_ms:
            self._turn.keyed_done = True
        if self._agent.due_ms is not None and self._now >= self._agent.due_ms:
            self._retry()

    def _judge_overlap(self) -> None:
        """Decide what the sound is for which the agent pauses, if that can be told by now."""
        if self._agent.mouth is not Mouth.PAUSED:
            return
        started = self._speech_started_ms
        speaking_for_ms = None if started is None else self._now - started
        verdict = self._overlap.judge(self._turn, self._utterances, speaking_for_ms)
        if verdict is Verdict.INTERRUPTION:
            self._interrupt()
        elif verdict is not Verdict.OPEN:
            assent = verdict is Verdict.BACKCHANNEL
            if assent:
                self._overlap.set_aside(self._turn, self._now)
            self._turn = OpenTurn()
            self._agent.resume(backchannel=assent)

    @property
    def _turn_open(self) -> bool:
        """Whether the caller's input still grows, or its words are not known yet."""
        return self._speech_started_ms is not None or not self._utterances.settled

    def _resolve_turn(self) -> None:
        """Drop a turn with nothing in it, prepare the reply to one that may be over, answer it."""
        turn = self._turn
        if not turn.begun or self._turn_open or self._agent.filling:
            return
        if self._agent.mouth is not Mouth.SILENT or self._agent.owing:
            self._put_off(turn)
            return
        if turn.empty and not self._policy.owes_answer(turn):
            self._turn = OpenTurn()
            self._idle_since_ms = self._now
        elif self._now >= self._speculate_ms:
            ready = self._agent.ready_to_say()
            if not self._agent.preparing(ReplyKind.TURN):
                early = self._now < turn.end_ms
                self._agent.prepare(
                    ReplyKind.TURN, self._now, turn.text, turn.digits, speculative=early
                )
            elif ready is not None and self._now >= turn.end_ms:
                self._answer_turn(ready)
            else:
                self._filler.step(self._agent, turn, self._turns + 1, self._now)

    def _put_off(self, turn: OpenTurn) -> None:
        """The agent is not to be interrupted: the turn waits, and mere assent is none."""
        turn.delayed = True
        if self._agent.mouth is Mouth.SPEAKING and self._overlap.assents(turn):
            self._overlap.set_aside(turn, self._now)
            self._turn = OpenTurn()

    def _speak_first(self) -> None:
        """Say what answers no turn: greeting, and the question whether the caller is there."""
        if self._turn_open or self._agent.mouth is not Mouth.SILENT:
            return
        ready = self._agent.ready_to_say()
        idle = self._agent.pending is None and not self._turn.begun
        if ready is not None and ready.kind is not ReplyKind.TURN:
            self._say_first(ready)
        elif idle and self._now >= self._silence_asked_ms:
            self._agent.prepare(ReplyKind.NO_INPUT, self._now)

    def _say_first(self, ready: Pending) -> None:
        self._agent.say(ready, self._turns, None)
        self._holding = False
        if ready.kind is ReplyKind.GREETING and self._policy.disclosure:
            self._agent.prepare(ReplyKind.DISCLOSURE, self._now, self._policy.disclosure)

    @property
    def _longest_speech_ms(self) -> float:
        if self._speech_started_ms is None:
            return NEVER
        return self._speech_started_ms + self._policy.max_turn_ms

    @property
    def _speculate_ms(self) -> float:
        return self._turn.end_ms - self._policy.speculation_lead_ms

    @property
    def deadline_ms(self) -> float:
        """When `Tick` is wanted next; infinite if never."""
        if self._call.over:
            return NEVER
        if self._call.leaving:
            return self._call.due_ms
        turn, agent = self._turn, self._agent
        waits = (self._utterances.due_ms, agent.due_ms)
        due = min(self._call.due_ms, self._longest_speech_ms, *(w for w in waits if w is not None))
        if turn.digits and not turn.keyed_done:
            due = min(due, turn.keyed_ms + self._policy.inter_digit_ms)
        if agent.mouth is Mouth.PAUSED and self._speech_started_ms is not None:
            due = min(due, self._speech_started_ms + self._overlap.sure_ms(turn, self._utterances))
        if agent.mouth is Mouth.SILENT and not self._turn_open and not agent.owing:
            due = min(due, self._next_word_ms)
        return due

    @property
    def _next_word_ms(self) -> float:
        """When the agent, silent and not spoken to, has something to do."""
        if self._turn.begun:
            if not self._agent.preparing(ReplyKind.TURN):
                return self._speculate_ms
            if self._agent.ready_to_say() is not None:
                return self._turn.end_ms
            return self._filler.next_ms(self._agent, self._turn)
        if self._agent.pending is None and self._call.answered_ms is not None:
            return self._silence_asked_ms
        return NEVER

    @property
    def _silence_asked_ms(self) -> float:
        patience_ms = self._policy.hold_ms if self._holding else self._policy.no_input_ms
        return self._idle_since_ms + patience_ms
