"""The agent's side of turn-taking: one reply in the making, one being said.

Keeps the order that makes a reply safe: started, ready, committed, and then played to its end or
flushed; or thrown away before anybody heard of it. When to do which is the machine's decision.
"""

from dataclasses import replace

from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn.commands import Command, ReplyKind
from switchboard_agent.turn.events import PlaybackFinished, ReplyFailed, ReplyReady
from switchboard_agent.turn.policy import TurnPolicy
from switchboard_agent.turn.replies import Committed, Mouth, Pending

_OWED = frozenset({ReplyKind.GREETING, ReplyKind.DISCLOSURE, ReplyKind.NOT_TRANSFERRED})
"""What every caller is to hear, or one who waited for a human."""


class AgentVoice:
    """Appends its commands to the list it is given."""

    __slots__ = ("_onset_ms", "_out", "_policy", "_replies", "_said", "filler", "mouth", "pending")

    def __init__(self, policy: TurnPolicy, out: list[Command]) -> None:
        self._policy = policy
        self._out = out
        self._replies = 0
        self._said: Committed | None = None
        self._onset_ms = 0.0
        self.mouth = Mouth.SILENT
        self.pending: Pending | None = None
        """The reply in the making."""
        self.filler: Pending | None = None
        """What may be said while that reply is not ready."""

    @property
    def owing(self) -> bool:
        """Whether something is owed to the caller, whose words before it wait for it."""
        return self.pending is not None and self.pending.kind in _OWED

    @property
    def interruptible(self) -> bool:
        """Whether the agent speaks, and a sound or a key of the caller may stop it."""
        may = self._policy.barge_in.settings.enabled and self.mouth is not Mouth.KEYING
        return may and self._said is not None and not self._said.protected

    def preparing(self, kind: ReplyKind) -> bool:
        """Whether a reply of this kind is in the making."""
        return self.pending is not None and self.pending.kind is kind

    def ready_to_say(self) -> Pending | None:
        """The reply that could be heard at once."""
        return self.pending if self.pending is not None and self.pending.ready else None

    @property
    def due_ms(self) -> float | None:
        """When the reply in the making has failed by taking too long."""
        if self.pending is None or self.pending.ready:
            return None
        return self.pending.due_ms

    @property
    def filling(self) -> bool:
        """Whether a filler is being said."""
        return self._said is not None and self._said.kind is ReplyKind.FILLER

    def prepare_filler(self, text: str, now_ms: float) -> None:
        """Make a filler ready, beside the reply in the making."""
        self._replies += 1
        self.filler = Pending(self._replies, ReplyKind.FILLER, text, "", now_ms, 1)
        self._out.append(cmd.StartReply(self._replies, ReplyKind.FILLER, text))

    def withdraw_filler(self) -> None:
        """It is not needed any more, or failed."""
        if self.filler is not None:
            self._out.append(cmd.CancelReply(self.filler.reply))
            self.filler = None

    def prepare(
        self,
        kind: ReplyKind,
        now_ms: float,
        text: str = "",
        dtmf: str = "",
        *,
        speculative: bool = False,
    ) -> None:
        """Start a reply, in place of the one in the making."""
        self.drop()
        self._start(Pending(0, kind, text, dtmf, now_ms, 1), now_ms, speculative=speculative)

    def prepare_again(self, now_ms: float) -> bool:
        """Start the failed reply once more; False if it has failed too often."""
        failed = self.pending
        if failed is None or failed.attempt >= self._policy.max_reply_attempts:
            return False
        self.drop()
        again = Pending(0, failed.kind, failed.text, failed.dtmf, now_ms, failed.attempt + 1)
        self._start(again, now_ms, speculative=False)
        return True

    def take(self, event: ReplyReady | ReplyFailed) -> bool:
        """A reply is ready or failed; whether it was the one in the making that failed."""
        failed = isinstance(event, ReplyFailed)
        if self.filler is not None and self.filler.reply == event.reply:
            self.filler.ready = not failed
            if failed:
                self.withdraw_filler()
            return False
        pending = self.pending
        if pending is None or pending.reply != event.reply:
            return False
        if isinstance(event, ReplyReady):
            pending.ready, pending.end_call = True, event.end_call
            pending.protected, pending.hold = event.protected, event.hold
        return failed

    def drop(self) -> None:
        """Throw away the reply in the making, and what was to be said until it is there."""
        self.withdraw_filler()
        if self.pending is not None:
            self._out.append(cmd.CancelReply(self.pending.reply))
            self.pending = None

    def drop_unless_owed(self) -> None:
        """The caller goes on: what was to be said to the turn so far, or to silence, is void."""
        if not self.owing:
            self.drop()

    def say(self, pending: Pending, turn: int, speech_ended_ms: float | None) -> None:
        """Commit the reply that is ready."""
        if pending is self.filler:
            self.filler = None
        else:
            self.withdraw_filler()
            self.pending = None
        self._said = Committed(pending.reply, pending.kind, pending.end_call, pending.protected)
        self.mouth = Mouth.SPEAKING
        self._out.append(cmd.CommitReply(pending.reply, turn, pending.kind, speech_ended_ms))

    def pause(self, onset_ms: float) -> None:
        """Be silent until it is known what the sound was."""
        if self.mouth is Mouth.SPEAKING and self.interruptible:
            self.mouth = Mouth.PAUSED
            self._onset_ms = onset_ms
            self._out.append(cmd.PausePlayback(onset_ms))

    def resume(self, *, backchannel: bool) -> None:
        """It was nothing, or assent."""
        self.mouth = Mouth.SPEAKING
        self._out.append(cmd.ResumePlayback(backchannel))

    def flush(self, now_ms: float) -> None:
        """It was an interruption, or a key."""
        said, self._said = self._said, None
        if said is not None:
            onset_ms = self._onset_ms if self.mouth is Mouth.PAUSED else now_ms
            self.mouth = Mouth.SILENT
            self._out.append(cmd.FlushPlayback(said.reply, onset_ms))

    def finish(self, event: PlaybackFinished) -> Committed | None:
        """The reply was heard to its end, or its keys; None if it is not the one being said."""
        said = self._said
        if said is None or said.reply != event.reply:
            return None
        if event.keys:
            self.mouth = Mouth.KEYING
            self._out.append(cmd.SendKeys(event.keys, replace(event, keys="")))
        else:
            self.mouth, self._said = Mouth.SILENT, None
        return said

    def _start(self, pending: Pending, now_ms: float, *, speculative: bool) -> None:
        self._replies += 1
        pending.reply = self._replies
        pending.due_ms = now_ms + self._policy.reply_timeout_ms
        self.pending = pending
        self._out.append(
            cmd.StartReply(
                pending.reply, pending.kind, pending.text, pending.dtmf, speculative=speculative
            )
        )
