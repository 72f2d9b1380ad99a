"""The promises of turn-taking where the world around the machine breaks, with the watchdog on duty.

The same random calls as in `test_machine_promises`. Beside answers of providers that never come, a
timer is lost, a synthesiser hangs in the middle of a reply, and the detector misses that the caller
stopped. The watchdog looks as often as in a live call, its remedies are those of the session; each
fault must be over within its bound, and every other promise holds all along.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from typing_extensions import override

from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.replies import Mouth
from switchboard_agent.turn.watchdog import LOOK_EVERY_MS, Alarm, Sight, Watchdog
from tests.agent.turn.test_machine_promises import TurnTaking

WITHIN_MS = 2000 + 2 * LOOK_EVERY_MS
"""Two seconds of patience; half of one until a silence counts, and the same until it is seen."""
BOUNDS_MS = {Alarm.MUTE: WITHIN_MS, Alarm.STUCK: WITHIN_MS, Alarm.DEAF: WITHIN_MS}


class Watched(TurnTaking):
    def __init__(self) -> None:
        super().__init__()
        self.raised: list[Alarm] = []
        self.dog = Watchdog(self.raised.append)
        self.look_at = LOOK_EVERY_MS
        self.timer_lost = False
        self.hanging: int | None = None
        """A reply whose synthesiser gives no more."""
        self.wrong_since: dict[Alarm, float] = {}

    # The session ---------------------------------------------------------------------------

    @override
    def tell(self, event: ev.Event) -> None:
        self.timer_lost = False  # armed anew after every event
        super().tell(event)

    @override
    def carry_out(self, command: cmd.Command) -> None:
        assert self.dog.allows(command, self.now), "the machine broke a promise by itself"
        super().carry_out(command)

    @override
    def run_timers(self, until: float) -> None:
        if not self.timer_lost:
            super().run_timers(until)

    @override
    def play_frame(self) -> None:
        if self.playing is None or self.paused_at is not None or self.hanging == self.playing:
            return
        assert self.dog.allows_frame(self.now), "audio after a flush"
        super().play_frame()

    @override
    def step(self) -> None:
        super().step()
        if self.now >= self.look_at:
            self.look_at += LOOK_EVERY_MS
            self.look()

    def look(self) -> None:
        if self.over:
            return
        alarm = self.dog.look(
            Sight(
                now_ms=self.now,
                deadline_ms=self.machine.deadline_ms,
                unheard=self.machine.unheard,
                speaking=self.machine.mouth is Mouth.SPEAKING,
                waiting_for_part=False,
            )
        )
        match alarm:
            case Alarm.DEAF:
                self.tell(ev.SpeechEnded(self.now))
            case Alarm.MUTE:
                self.tell(ev.Tick())
            case Alarm.STUCK:
                self.give_up()
            case _:
                pass

    def give_up(self) -> None:
        reply = self.playing
        assert reply is not None, "stuck in a reply that nobody says"
        self.stop_playing()
        self.playback.flush()
        self.tell(ev.PlaybackFinished(reply, transfer=reply in self.transfers))

    # What breaks ---------------------------------------------------------------------------

    @rule()
    def timer_is_lost(self) -> None:
        self.timer_lost = True
        self.time_passes(12_000)

    @precondition(lambda self: self.playing is not None)
    @rule()
    def synthesiser_hangs(self) -> None:
        self.hanging = self.playing
        self.time_passes(3600)

    @precondition(lambda self: self.voice)
    @rule()
    def detector_hears_no_end(self) -> None:
        self.time_passes(40_000)
        if self.finals:
            self.words_come("")
        self.time_passes(3600)

    @precondition(lambda self: self.finals)
    @rule()
    def words_never_come(self) -> None:
        """The ear gives the recogniser up after four seconds, and says so."""
        self.time_passes(4000)
        if self.finals:
            self.tell(ev.Final(self.finals.pop(0), "", failed=True))

    @precondition(lambda self: self.preparing)
    @rule(ms=st.sampled_from([3000, 40_000]))
    def reply_never_comes(self, ms: int) -> None:
        self.time_passes(ms)

    # What must hold ------------------------------------------------------------------------

    @override
    def check_clocks(self) -> None:
        self.check_recovery()
        if self.wrong_since:
            # Whoever is being brought back is bound by that first, and by the promises after it.
            self.last_life = self.caller_acted = self.now
        super().check_clocks()

    def check_recovery(self) -> None:
        hangs = self.hanging is not None and self.hanging == self.playing
        wrong = {
            Alarm.MUTE: self.machine.deadline_ms < self.now,
            Alarm.STUCK: hangs and self.paused_at is None,
            Alarm.DEAF: self.machine.unheard,
        }
        for alarm, bound_ms in BOUNDS_MS.items():
            if self.over or not wrong[alarm]:
                self.wrong_since.pop(alarm, None)
                continue
            since = self.wrong_since.setdefault(alarm, self.now)
            assert self.now - since <= bound_ms, f"{alarm} for {self.now - since} ms"

    @invariant()
    def nothing_had_to_be_stopped(self) -> None:
        assert not {Alarm.TWICE, Alarm.AFTER_FLUSH} & set(self.raised)

    @invariant()
    def nothing_is_raised_but_for_a_cause(self) -> None:
        if Alarm.STUCK in self.raised:
            assert self.hanging is not None


TestWatched = Watched.TestCase
TestWatched.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
