"""What one call reports: its events for the record, its timings for the metrics.

Every event carries the next sequence number, so the stream of a call can be checked for holes and
read twice without harm. Text goes into the record only, never into logs or metric labels.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from switchboard_agent.clock import MS_PER_SECOND, Clock
from switchboard_agent.records.base import CallRecorder
from switchboard_agent.recovery.base import Handover
from switchboard_agent.speech_failure import SpeechFailure
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.tracing import CallTrace, NoTracing, Tracing
from switchboard_agent.transport.base import CallInfo, Transferred
from switchboard_agent.turn.commands import TurnEnded
from switchboard_agent.turn.ledger import Speculation
from switchboard_agent.turn.watchdog import Alarm
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import (
    CallEnded,
    CallRecovered,
    CallStarted,
    KeysSent,
    Outcome,
    ProviderFailed,
    ProviderFault,
    ProviderPart,
    ReplySpoken,
    SlotsChanged,
    TransferEnded,
    TransferRequested,
    TurnHeard,
)
from switchboard_contract.recovery import EPOCH_STRIDE

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply that has ended or was cut."""

    turn: int
    text: str
    heard: str
    started_ms: float
    """First sample played, on the call's clock."""
    interrupted: bool
    latency_ms: float | None
    """Last voiced caller sample to first agent sample; None where no turn was answered."""


class _Stamp(TypedDict):
    call_id: str
    sequence: int
    at_unix_ms: int
    at_call_ms: int


class CallLog:
    """Records one call and measures it."""

    def __init__(
        self,
        info: CallInfo,
        config: AgentConfig,
        records: CallRecorder,
        telemetry: Telemetry,
        clock: Clock,
        *,
        tracing: Tracing,
        handover: Handover | None = None,
    ) -> None:
        """`handover` goes on with a call that another worker began."""
        self._info = info
        self._config = config
        self._records = records
        self._telemetry = telemetry
        self._clock = clock
        self._handover = handover
        self._tracing = tracing
        self._trace: CallTrace = NoTracing()
        self.epoch = 0 if handover is None else handover.epoch
        """Which holder of the call this is."""
        self.started_unix_ms = clock.unix_ms()
        self.turns = 0
        """Turns answered so far, whoever answered them."""
        if handover is not None:
            self.started_unix_ms = handover.snapshot.started_unix_ms
            self.turns = handover.snapshot.turns
        self.spent_ms = float(clock.unix_ms() - self.started_unix_ms)
        """How old the call was when this worker began with it."""
        self._turns_before = self.turns
        self._started_ms = clock.monotonic_ms() - self.spent_ms
        self._sequence = self.epoch * EPOCH_STRIDE
        self._slots: dict[str, str] = {}
        self._told: set[tuple[str, ProviderFault]] = set()
        """Failures of this turn that are recorded: a dead provider must not flood the stream."""
        self._labels = (config.tenant, config.key)

    def now_ms(self) -> float:
        """Time since the call started."""
        return self._clock.monotonic_ms() - self._started_ms

    def began(self, worker: str) -> None:
        """The call is taken, or gone on with."""
        self._telemetry.active_calls.labels(*self._labels).inc()
        self._trace = self._traced()
        if self._handover is None:
            self._started(worker)
        else:
            self._recovered(worker, self._handover)

    def _traced(self) -> CallTrace:
        info, config = self._info, self._config
        about = {
            "call_id": info.call_id,
            "tenant": config.tenant,
            "agent": info.agent,
            "revision": info.revision,
            "variant": config.variant or "",
            "channel": info.channel.value,
            "direction": info.direction.value,
            "test_id": info.test_id,
            "recovered": self._handover is not None,
        }
        return self._tracing.call(info.call_id, self.started_unix_ms, self.now_ms(), about)

    def _recovered(self, worker: str, handover: Handover) -> None:
        lost_ms = handover.waited_ms + self._clock.monotonic_ms() - handover.taken_up_ms
        self._records.record(
            CallRecovered(
                **self._stamp(),
                worker=worker,
                turns=handover.snapshot.turns,
                lost_ms=max(0, round(lost_ms)),
            )
        )

    def _started(self, worker: str) -> None:
        info = self._info
        self._records.record(
            CallStarted(
                **self._stamp(),
                tenant=self._config.tenant,
                agent=info.agent,
                revision=info.revision,
                variant=self._config.variant or "",
                worker=worker,
                channel=info.channel,
                direction=info.direction,
                room=info.room,
                caller=info.caller,
                called=info.called,
                test_id=info.test_id,
            )
        )

    def turn_heard(self, turn: TurnEnded) -> None:
        """The caller's turn is over."""
        self.stage("endpointing", turn.endpointing_ms)
        self.turns = self._turns_before + turn.turn
        self._told.clear()
        self._records.record(
            TurnHeard(
                **self._stamp(),
                turn=self.turns,
                text=turn.text,
                dtmf=turn.dtmf,
                speech_ended_call_ms=round(turn.speech_ended_ms),
            )
        )

    def reply_spoken(self, spoken: Spoken) -> None:
        """The agent has fallen silent."""
        self._trace.reply(
            self._turns_before + spoken.turn,
            spoken.started_ms,
            self.now_ms(),
            latency_ms=spoken.latency_ms,
            interrupted=spoken.interrupted,
        )
        self._records.record(
            ReplySpoken(
                **self._stamp(),
                turn=self._turns_before + spoken.turn,
                text=spoken.text,
                heard=spoken.heard,
                started_call_ms=round(spoken.started_ms),
                interrupted=spoken.interrupted,
                turn_latency_ms=spoken.latency_ms,
            )
        )

    def slots(self, slots: Mapping[str, str]) -> None:
        """What the dialog knows now; recorded if it is news."""
        if dict(slots) != self._slots:
            self._slots = dict(slots)
            self._records.record(SlotsChanged(**self._stamp(), slots=self._slots))

    def keys_sent(self, keys: str, *, complete: bool) -> None:
        """Keys were pressed towards the caller. They may be secret: the record only."""
        self._records.record(KeysSent(**self._stamp(), dtmf=keys, complete=complete))

    def transfer_requested(self, to: str, *, warm: bool) -> None:
        """The caller is to be put through."""
        self._records.record(TransferRequested(**self._stamp(), to=to, warm=warm))

    def transfer_ended(self, transferred: Transferred) -> None:
        """The caller was taken over, or was not."""
        result, sip_status = transferred.result, transferred.sip_status
        self._records.record(TransferEnded(**self._stamp(), result=result, sip_status=sip_status))
        self._trace.event("transfer", self.now_ms(), {"result": result.value})
        fields = {"call_id": self._info.call_id, "result": result.value, "sip_status": sip_status}
        _log.info("transfer ended", extra=fields)

    def given_away(self) -> None:
        """The call is not over, but somebody else's."""
        self._telemetry.active_calls.labels(*self._labels).dec()
        self._trace.ended(self.now_ms(), "given_away")

    def ended(self, outcome: Outcome, slots: Mapping[str, str], result: str) -> None:
        """The call is over; nothing may follow."""
        self._telemetry.active_calls.labels(*self._labels).dec()
        self._telemetry.calls_total.labels(*self._labels, outcome.value).inc()
        self._trace.ended(self.now_ms(), outcome.value)
        self._records.record(
            CallEnded(
                **self._stamp(),
                outcome=outcome,
                duration_ms=round(self.now_ms()),
                slots=dict(slots),
                result=result,
            )
        )

    def stage(self, stage: str, ms: float) -> None:
        """Time one stage of a turn took, up to now."""
        self._observe(stage, ms)
        now_ms = self.now_ms()
        self._trace.stage(stage, now_ms - ms, now_ms)

    def turn_answered(self, ms: float) -> None:
        """Time from the caller's last voiced sample to the agent's first."""
        self._observe("total", ms)
        self._telemetry.recent_turns.add(ms)

    def speculation(self, fate: Speculation) -> None:
        """A reply was begun early, or an early one was kept or thrown away."""
        self._telemetry.speculations.labels(*self._labels, fate.value).inc()

    def barge_in(self, ms: float) -> None:
        """The caller interrupted: time from the first voiced sample to the agent's silence."""
        self.overlap("interruption")
        self._telemetry.barge_in_stop.labels(*self._labels).observe(ms / MS_PER_SECOND)

    def alarm(self, alarm: Alarm) -> None:
        """A promise of turn-taking did not hold by itself."""
        self._telemetry.watchdog_alarms.labels(*self._labels, alarm.value).inc()
        self._trace.event("watchdog", self.now_ms(), {"alarm": alarm.value})
        fields = {"call_id": self._info.call_id, "alarm": alarm.value}
        _log.error("the watchdog had to step in", extra=fields)

    def overlap(self, verdict: str) -> None:
        """What a sound over the agent's voice was."""
        self._telemetry.overlaps.labels(*self._labels, verdict).inc()

    def underruns(self, frames: int) -> None:
        """Frames of a reply that were due and not there."""
        self._telemetry.underruns.inc(frames)

    def speech_failed(self, part: ProviderPart, failure: SpeechFailure, error: Exception) -> None:
        """A recogniser or a synthesiser failed; the call goes on."""
        self._telemetry.speech_failures.labels(*self._labels, part.value, failure.value).inc()
        spec = self._config.stt if part is ProviderPart.STT else self._config.tts
        self._provider_failed(part, spec.provider, ProviderFault(failure.value))
        self.warning(f"{part} failed", error)

    def model_failed(self, provider: str, fault: ProviderFault) -> None:
        """A language model failed; who counts and logs it is the chain, for all calls."""
        self._provider_failed(ProviderPart.LLM, provider, fault)

    def stream_left_open(self, part: ProviderPart) -> None:
        """A stream of a provider outlived what it was for; it is closed with the call."""
        self._telemetry.streams_left_open.labels(*self._labels, part.value).inc()
        fields = {"call_id": self._info.call_id, "part": part.value}
        _log.warning("a provider's stream was left open", extra=fields)

    def warning(self, message: str, error: BaseException) -> None:
        """Log a failure that the call survives. The error's text may hold words of the caller."""
        reason = type(error).__name__
        _log.warning(message, extra={"call_id": self._info.call_id, "reason": reason})

    def _provider_failed(self, part: ProviderPart, provider: str, fault: ProviderFault) -> None:
        once = f"{part}/{provider}", fault
        if once not in self._told:
            self._told.add(once)
            failed = ProviderFailed(
                **self._stamp(), part=part, provider=provider, fault=fault, turn=self.turns
            )
            self._records.record(failed)
            about = {"part": part.value, "provider": provider, "fault": fault.value}
            self._trace.event("provider.failed", self.now_ms(), about)

    def _observe(self, stage: str, ms: float) -> None:
        self._telemetry.turn_latency.labels(*self._labels, stage).observe(ms / MS_PER_SECOND)

    def _stamp(self) -> _Stamp:
        sequence, self._sequence = self._sequence, self._sequence + 1
        return _Stamp(
            call_id=self._info.call_id,
            sequence=sequence,
            at_unix_ms=self._clock.unix_ms(),
            at_call_ms=round(self.now_ms()),
        )
