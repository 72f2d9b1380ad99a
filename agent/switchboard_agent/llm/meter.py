"""What one model of one agent's chain reports."""

from switchboard_agent.llm.base import Failure, Usage
from switchboard_agent.telemetry import Telemetry

_SKIPPED = "skipped"


class Meter:
    """Counts for one provider of one agent."""

    def __init__(self, telemetry: Telemetry, tenant: str, agent: str, provider: str) -> None:
        self._telemetry = telemetry
        self._labels = (tenant, agent, provider)

    def first_text(self, seconds: float) -> None:
        """It began to answer."""
        self._telemetry.llm_first_token.labels(*self._labels).observe(seconds)

    def failed(self, failure: Failure) -> None:
        """It did not, or broke off."""
        self._telemetry.llm_failures.labels(*self._labels, failure.value).inc()

    def skipped(self) -> None:
        """It was not asked, because it failed lately."""
        self._telemetry.llm_failures.labels(*self._labels, _SKIPPED).inc()

    def used(self, usage: Usage) -> None:
        """Tokens of one answer."""
        self._telemetry.llm_tokens.labels(*self._labels, "prompt").inc(usage.prompt)
        self._telemetry.llm_tokens.labels(*self._labels, "completion").inc(usage.completion)
