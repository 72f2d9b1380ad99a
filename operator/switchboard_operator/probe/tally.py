"""Counting probes: bounded by the number of agents, and gone with them."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from switchboard_contract.crd.last_probe import ProbeResult
from switchboard_operator.probe.attempt import Found, Target

_NAMES = {
    ProbeResult.ANSWERED: "answered",
    ProbeResult.FAILED: "failed",
    ProbeResult.NOT_ANSWERED: "not_answered",
}
_ERROR = "error"


@dataclass(frozen=True, slots=True)
class Tally:
    """The metrics of the prober."""

    results: Counter
    seconds: Histogram
    last_answer: Gauge
    clock: Callable[[], float] = time.time

    def count(self, target: Target, found: Found | None, seconds: float) -> None:
        """Note a probe; `found` is None where LiveKit could not be asked."""
        agent = f"{target.namespace}/{target.name}"
        name = _NAMES[found.result] if found else _ERROR
        self.results.labels(target.tenant, agent, name).inc()
        if found is not None and found.result is ProbeResult.ANSWERED:
            self.seconds.labels(target.tenant).observe(seconds)
            self.last_answer.labels(target.tenant, agent).set(self.clock())

    def forget(self, target: Target) -> None:
        """Drop the series of an agent that is gone."""
        agent = f"{target.namespace}/{target.name}"
        for name in (*_NAMES.values(), _ERROR):
            with suppress(KeyError):
                self.results.remove(target.tenant, agent, name)
        with suppress(KeyError):
            self.last_answer.remove(target.tenant, agent)
