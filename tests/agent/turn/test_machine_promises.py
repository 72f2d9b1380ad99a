"""The promises of turn-taking, held against random orders of events on a virtual clock.

The world around the machine is played by the test: a recogniser and a reply maker that answer when
they like or never, a caller that speaks, keys, coughs and leaves at any time, and a playback that
is emptied a frame at a time.
"""

from dataclasses import replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from switchboard_agent.audio.playback import Playback
from switchboard_agent.transport.base import FRAME_MS, CloseReason
from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import ReplyKind
from switchboard_agent.turn.endpointing import AudioEndpointer, CompletenessEndpointer
from switchboard_agent.turn.machine import TurnMachine
from switchboard_agent.turn.replies import Mouth
from tests.agent.turn.rules import policy

BY_WORDS = policy().endpointer
assert isinstance(BY_WORDS, CompletenessEndpointer)
POLICY = replace(
    policy(),
    disclosure="This call is recorded.",
    endpointer=AudioEndpointer(BY_WORDS, threshold=0.5),
    fillers=("Let me check.",),
    not_transferred="Nobody is there.",
)
LONGEST_SILENCE_MS = (
    POLICY.no_input_ms
    + POLICY.reply_timeout_ms * POLICY.max_reply_attempts
    + POLICY.slow_final_timeout_ms
    + POLICY.inter_digit_ms
    + 1200
)
LONGEST_PAUSE_MS = 1500 + POLICY.detector_silence_ms + POLICY.final_timeout_ms + 2 * FRAME_MS
TEXTS = st.sampled_from(["", "yes", "uh-huh", "stop", "monday and", "i would like to come in"])


class TurnTaking(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.machine = TurnMachine(POLICY)
        self.now = 0.0
        self.voice = False
        self.recogniser: int | None = None
        self.finals: list[int] = []
        self.judgements: list[int] = []
        self.preparing: set[int] = set()
        self.fillers: set[int] = set()
        self.answers: set[int] = set()
        """Replies to a turn: no other ends in keys or a transfer."""
        self.ready: set[int] = set()
        self.protected: set[int] = set()
        self.transfers: set[int] = set()
        self.transferring = False
        self.with_keys: set[int] = set()
        self.keying: ev.PlaybackFinished | None = None
        self.disclosed = 0
        self.playing: int | None = None
        self.paused_at: float | None = None
        self.playback = Playback()
        self.emitted = 0
        self.heard: list[tuple[int, int]] = []
        self.expected: list[tuple[int, int]] = []
        self.turns_ended: list[int] = []
        self.turns_answered: list[int] = []
        self.last_life = 0.0
        self.caller_acted = 0.0
        self.over = False

    # The world ----------------------------------------------------------------------------

    def tell(self, event: ev.Event) -> None:
        was_over = self.over
        for command in self.machine.handle(event, self.now):
            assert not was_over, "a command after the end"
            assert not self.over, "a command after hanging up"
            self.carry_out(command)

    def carry_out(self, command: cmd.Command) -> None:
        match command:
            case cmd.StartUtterance(utterance):
                assert self.recogniser is None, "two utterances at once"
                assert not self.finals, "an utterance before the words of the last"
                self.recogniser = utterance
            case cmd.AskForFinal(utterance):
                assert self.recogniser == utterance
                self.recogniser = None
                self.finals.append(utterance)
            case cmd.JudgeEnd(judgement):
                self.judgements.append(judgement)
            case cmd.StartReply(reply, kind):
                self.start_reply(reply, kind)
            case cmd.CancelReply(reply):
                assert reply in self.preparing | self.ready
                self.preparing.discard(reply)
                self.ready.discard(reply)
            case cmd.TurnEnded(turn):
                self.turns_ended.append(turn)
            case cmd.CommitReply():
                self.commit(command)
            case cmd.PausePlayback():
                assert self.playing is not None
                assert self.playing not in self.protected, "a protected phrase was paused"
                assert self.paused_at is None
                self.paused_at = self.now
            case cmd.ResumePlayback():
                assert self.playing is not None
                assert self.paused_at is not None
                self.paused_at = None
            case cmd.FlushPlayback(reply):
                assert self.playing == reply
                assert reply not in self.protected, "a protected phrase was cut"
                self.stop_playing()
                self.playback.flush()
            case cmd.SendKeys() | cmd.Transfer() | cmd.HangUp():
                self.let_go(command)

    def let_go(self, command: cmd.SendKeys | cmd.Transfer | cmd.HangUp) -> None:
        if isinstance(command, cmd.HangUp):
            self.over = True
            return
        assert self.playing is None, "keys, or put through, into the agent's words"
        assert self.keying is None, "keys, or put through, into keys"
        if isinstance(command, cmd.SendKeys):
            self.keying = command.then
        else:
            self.transferring = True

    def start_reply(self, reply: int, kind: ReplyKind) -> None:
        if kind is ReplyKind.FILLER:
            assert not self.fillers & (self.preparing | self.ready), "two fillers"
            self.fillers.add(reply)
        else:
            assert not (self.preparing | self.ready) - self.fillers, "two replies in the making"
        if kind is ReplyKind.TURN:
            self.answers.add(reply)
        self.preparing.add(reply)

    def commit(self, command: cmd.CommitReply) -> None:
        assert command.reply in self.ready, "a reply that is not ready cannot be said"
        assert self.playing is None, "two voices at once"
        assert not self.transferring, "the agent speaks to a caller who is being put through"
        assert self.keying is None, "the agent speaks into its keys"
        self.ready.discard(command.reply)
        self.disclosed += command.kind is ReplyKind.DISCLOSURE
        if command.kind is ReplyKind.FILLER:
            assert not self.machine.listening, "a filler into the caller's words"
            assert self.preparing | self.ready, "a filler and nothing to follow"
        if command.kind is ReplyKind.TURN:
            assert self.disclosed == 1, "an answer before the disclosure"
            assert not self.machine.listening, "the agent speaks into the caller's words"
            assert command.turn == self.turns_ended[-1]
            self.turns_answered.append(command.turn)
        self.playing = command.reply
        self.paused_at = None
        self.emitted = 0
        self.playback = Playback()
        self.playback.push(np.ones(16 * 700, dtype=np.int16))
        self.playback.complete = True

    def stop_playing(self) -> None:
        assert self.playing is not None
        self.heard.append((self.playing, self.playback.played))
        self.expected.append((self.playing, self.emitted))
        self.playing = None
        self.paused_at = None

    def play_frame(self) -> None:
        if self.playing is None or self.paused_at is not None:
            return
        frame = self.playback.next_frame()
        assert frame is not None, "nothing to play while the machine believes it speaks"
        self.emitted += int(frame.sum())
        if self.playback.finished:
            reply = self.playing
            self.stop_playing()
            keys = "12#" if reply in self.with_keys else ""
            self.tell(ev.PlaybackFinished(reply, transfer=reply in self.transfers, keys=keys))

    def run_timers(self, until: float) -> None:
        ticks = 0
        while self.machine.deadline_ms <= until:
            self.now = max(self.now, self.machine.deadline_ms)
            self.tell(ev.Tick())
            ticks += 1
            assert ticks < 10, "the machine asks for the same moment again and again"

    def step(self) -> None:
        until = self.now + FRAME_MS
        self.run_timers(until)
        self.now = until
        self.play_frame()
        if (
            self.voice
            or self.transferring
            or self.keying is not None
            or (self.playing is not None and self.paused_at is None)
            or self.over
        ):
            self.last_life = self.now

    # What may happen ----------------------------------------------------------------------

    @initialize()
    def answer(self) -> None:
        self.tell(ev.CallAnswered())

    @rule(ms=st.sampled_from([20, 60, 200, 400, 1000, 3000, 40_000]))
    def time_passes(self, ms: int) -> None:
        for _ in range(ms // FRAME_MS):
            self.step()
            self.check_clocks()

    @precondition(lambda self: not self.voice)
    @rule(late=st.sampled_from([0, 70, 130]))
    def caller_starts_to_speak(self, late: int) -> None:
        self.voice = True
        self.last_life = self.caller_acted = self.now
        self.tell(ev.SpeechStarted(max(0.0, self.now - late), 0))

    @precondition(lambda self: self.voice)
    @rule(late=st.sampled_from([190, 224]))
    def caller_pauses(self, late: int) -> None:
        self.voice = False
        self.last_life = self.caller_acted = self.now
        self.tell(ev.SpeechEnded(max(0.0, self.now - late)))

    @precondition(lambda self: not self.voice and self.playing is not None)
    @rule(answered=st.booleans())
    def caller_coughs(self, answered: bool) -> None:
        self.caller_starts_to_speak(70)
        self.time_passes(200)
        self.caller_pauses(190)
        if answered and self.finals:
            self.words_come("")

    @precondition(lambda self: self.recogniser is not None)
    @rule(text=TEXTS)
    def words_so_far(self, text: str) -> None:
        assert self.recogniser is not None
        self.tell(ev.Partial(self.recogniser, text))

    @precondition(lambda self: self.finals)
    @rule(text=TEXTS)
    def words_come(self, text: str) -> None:
        self.tell(ev.Final(self.finals.pop(0), text))

    @precondition(lambda self: self.judgements)
    @rule(finished=st.sampled_from([0.1, 0.9]))
    def end_is_judged(self, finished: float) -> None:
        self.tell(ev.EndJudged(self.judgements.pop(0), finished))

    @precondition(lambda self: self.preparing)
    @rule(
        end_call=st.booleans(), protected=st.booleans(), transfer=st.booleans(), keys=st.booleans()
    )
    def reply_is_ready(self, end_call: bool, protected: bool, transfer: bool, keys: bool) -> None:
        reply = self.preparing.pop()
        if keys and reply in self.answers:
            self.with_keys.add(reply)
        if transfer and reply in self.answers:
            self.transfers.add(reply)
        self.ready.add(reply)
        protected = protected and reply not in self.fillers  # which are never protected
        if protected:
            self.protected.add(reply)
        self.tell(ev.ReplyReady(reply, end_call=end_call, protected=protected))

    @precondition(lambda self: self.preparing)
    @rule()
    def reply_fails(self) -> None:
        self.tell(ev.ReplyFailed(next(iter(self.preparing))))

    @rule(digit=st.sampled_from("05*#"))
    def caller_keys(self, digit: str) -> None:
        self.last_life = self.now
        self.tell(ev.Dtmf(digit))

    @rule(reply=st.integers(0, 5))
    def stale_news(self, reply: int) -> None:
        self.tell(ev.Final(reply + 1000, "stale"))
        self.tell(ev.ReplyReady(reply + 1000))
        self.tell(ev.PlaybackFinished(reply + 1000))
        self.tell(ev.Partial(reply + 1000, "two words"))

    @precondition(lambda self: self.keying is not None and not self.over)
    @rule()
    def keys_are_sent(self) -> None:
        assert self.keying is not None
        then, self.keying = self.keying, None
        self.last_life = self.caller_acted = self.now
        self.tell(then)

    @precondition(lambda self: self.transferring and not self.over)
    @rule(succeeded=st.booleans())
    def transfer_ends(self, succeeded: bool) -> None:
        self.transferring = False
        self.last_life = self.caller_acted = self.now
        self.tell(ev.TransferEnded(succeeded))
        assert self.over is succeeded

    @precondition(lambda self: self.now > 60_000)
    @rule(reason=st.sampled_from(CloseReason))
    def call_is_closed(self, reason: CloseReason) -> None:
        self.tell(ev.Closed(reason))
        assert self.over

    # What must hold -----------------------------------------------------------------------

    def check_clocks(self) -> None:
        silent_ms = self.now - self.last_life
        assert silent_ms <= LONGEST_SILENCE_MS, f"mute for {silent_ms} ms"
        if self.paused_at is not None and not self.over:
            since = max(self.paused_at, self.caller_acted)
            assert self.now - since <= LONGEST_PAUSE_MS, "paused for ever"

    @invariant()
    def never_deaf(self) -> None:
        if self.machine.listening and not self.over:
            assert self.recogniser is not None or self.finals, "nobody listens to the caller"

    @invariant()
    def a_turn_is_answered_at_most_once(self) -> None:
        assert len(set(self.turns_answered)) == len(self.turns_answered)
        assert len(set(self.turns_ended)) == len(self.turns_ended)

    @invariant()
    def history_is_what_was_heard(self) -> None:
        assert self.heard == self.expected

    @invariant()
    def nothing_sounds_after_a_flush(self) -> None:
        if self.playing is None:
            assert self.playback.next_frame() is None

    @invariant()
    def the_mouth_is_what_the_wire_says(self) -> None:
        if not self.over:
            silent = self.machine.mouth is Mouth.SILENT
            assert silent == (self.playing is None and self.keying is None)
            assert (self.machine.mouth is Mouth.KEYING) == (self.keying is not None)
            assert (self.machine.mouth is Mouth.PAUSED) == (self.paused_at is not None)


TestTurnTaking = TurnTaking.TestCase
TestTurnTaking.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
