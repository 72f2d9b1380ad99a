"""What `status.lastProbe` of a VoiceAgent tells: the last probe that said something new.

A probe runs every few minutes for each of a thousand agents; a write for each would be load without
news. So one is written when its result, its revision or its fault is another than before, or when
its times differ markedly; when a probe was last answered stands in the metrics.
"""

from enum import StrEnum

from pydantic import Field

from switchboard_contract.crd.meta import Model


class ProbeResult(StrEnum):
    """How a probe ended."""

    ANSWERED = "Answered"
    FAILED = "Failed"
    """A worker came and reported a fault."""
    NOT_ANSWERED = "NotAnswered"
    """No worker came, or the one that came said nothing."""


class LastProbe(Model):
    """The last probe that said something new; those after it had the same result."""

    time: str = Field(
        json_schema_extra={"format": "date-time"}, description="When the probe was made."
    )
    result: ProbeResult = Field(description="Answered, Failed or NotAnswered.")
    revision: str = Field(max_length=63, description="Agent revision that was tried out.")
    worker: str | None = Field(
        default=None, max_length=253, description="Worker pod that took the probe."
    )
    join_ms: int | None = Field(
        default=None, ge=0, description="From the dispatch until the worker was in the room."
    )
    greeting_ms: int | None = Field(
        default=None,
        ge=0,
        description="From the assignment to the worker until the greeting's first audio was ready.",
    )
    fault: str | None = Field(
        default=None, max_length=200, description="What the worker found to be wrong."
    )
    down: str | None = Field(
        default=None,
        max_length=200,
        description="Language models that did not answer though others of the chain did.",
    )
