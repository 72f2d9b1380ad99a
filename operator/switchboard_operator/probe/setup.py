"""The prober of a leading process."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchboard_operator.directory import Key
from switchboard_operator.probe.budget import Budget
from switchboard_operator.probe.prober import Prober
from switchboard_operator.probe.tally import Tally

if TYPE_CHECKING:
    from switchboard_operator.leader import Process


def make_prober(process: "Process", wake: Callable[[Key], None], now: Callable[[], str]) -> Prober:
    """Return the prober as the settings want it; somebody else runs it."""
    telemetry, settings = process.telemetry, process.settings.probe
    return Prober(
        rooms=process.probe_rooms,
        at_once=settings.concurrency,
        timeout_seconds=settings.timeout_seconds,
        wake=wake,
        now=now,
        budget=Budget(settings.model_questions_per_hour),
        tally=Tally(telemetry.probe_results, telemetry.probe_seconds, telemetry.probe_last_answer),
    )
