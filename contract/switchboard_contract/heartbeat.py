"""What a worker says about itself, twice a second: its life, its load, its speed.

One Redis key per worker (`names.heartbeat_key`) that runs out by itself, and one set
(`names.HEARTBEAT_INDEX`) that names them, so that all workers of a cluster are read in two requests
without a scan. A key that exists is fresh by Redis' own clock: no clocks of machines are compared.
"""

from pydantic import ConfigDict, Field

from switchboard_contract.crd.meta import Model

INTERVAL_SECONDS = 0.5
"""Time between heartbeats. Peers notice a death sooner, by the book (`recovery`)."""

LIFETIME_MS = 10_000
"""How long a heartbeat counts: a worker that is silent for longer has no part in any number."""

STALE_SECONDS = 15.0
"""No figure older than this is given to an autoscaler; an answer may wait `STALE_SECONDS -
LIFETIME_MS` in the reader."""

LATENCY_WINDOW_SECONDS = 60.0
"""How far back the turn latency of a heartbeat looks."""


class Heartbeat(Model):
    """One worker, now.

    Fields of a newer version are ignored: workers are older than the operator for as long as their
    calls last, and newer while it is rolled.
    """

    model_config = ConfigDict(extra="ignore")

    pool: str = Field(min_length=1)
    """Worker pool, which is also LiveKit's agent_name."""
    worker: str = Field(min_length=1)
    """Name of the pod."""
    namespace: str
    calls: int = Field(ge=0)
    """Places taken: live calls and promised ones."""
    capacity: int = Field(ge=0)
    """Calls it takes at once; 0 while it cannot take any (not registered, no revision)."""
    draining: bool = False
    """It finishes what it has and takes nothing new."""
    turns: int = Field(default=0, ge=0)
    """Answered turns in the last `LATENCY_WINDOW_SECONDS`."""
    p95_turn_ms: float | None = Field(default=None, ge=0)
    """95th percentile of their latency; None without turns."""
    agents: dict[str, int] = Field(default_factory=dict)
    """Calls by `namespace/name` of the VoiceAgent; they add up to `calls`."""
    models: dict[str, int] | None = None
    """Calls by the host of the model server of the cluster that their next question goes to; None
    from a worker that is too old to tell."""
    at: int = Field(ge=0)
    """When it was made, milliseconds since 1970 on the worker's clock: for people, not compared."""
