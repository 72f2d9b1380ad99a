"""A call as the worker that goes on with it needs it, and the book in which it is kept.

Workers of one pool keep a book in Redis. Each of them *beats* in it many times a second; the calls
it holds stand there with an *epoch*, a number that grows with every change of hands. A worker that
has not beaten for `LEASE_MS` has lost its calls: those of its peers that beat next take them up.
What an earlier epoch still says is dropped, so a worker that was only asleep disturbs nobody.

Times in the book are Redis' own: no clocks of machines are compared.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.call_events import Channel, Direction
from switchboard_contract.crd.meta import Model

SCHEMA_VERSION: Literal[1] = 1

BEAT_SECONDS = 0.1
"""Time between two beats: how soon lost calls are taken up once the lease has run out."""

LEASE_MS = 500
"""A worker that has not beaten for so long has lost its calls. Its callers have heard nothing for
the same time; shorter would take a hiccup for a death, longer is silence."""

STALL_MS = 300
"""After nobody of a pool beat for so long, Redis was slow: nobody is taken for dead for the same
time again, in which every beat that was waiting arrives."""

LONGEST_LEASE_MS = 8000
"""A worker whose event loop runs late asks for a longer lease: on a crowded machine it is slow, not
dead. Never for a longer one than this."""

GRACE_MS = 3000
"""After nobody of a pool beat for `LEASE_MS` (Redis was away), nobody is taken for dead for
this long: all come back at once."""

OVERDUE_MS = 20_000
"""A lost call that no worker had a place for is ended after this time: a caller should not listen
to silence for longer."""

LARGEST_SNAPSHOT_BYTES = 64 * 1024
"""A call that is larger keeps its last smaller snapshot."""

EPOCH_STRIDE = 1_000_000
"""Events of a call are numbered from `epoch * EPOCH_STRIDE` on: the numbers go on after a change of
hands although nobody knows how many events the dead worker could not bring out."""


def epoch_of(sequence: int) -> int:
    """Which holder of the call wrote an event."""
    return sequence // EPOCH_STRIDE


class ScriptMemory(Model):
    """What a scripted dialog knows between two turns."""

    type: Literal["script"] = "script"
    stage: str
    flow: str = ""
    asked: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    hints: dict[str, str] = Field(default_factory=dict)
    finished: str = ""
    question: str = ""
    said: str = ""
    failures: int = 0
    silences: int = 0


class Speaker(StrEnum):
    """Who said it."""

    CALLER = "caller"
    AGENT = "agent"


class Line(Model):
    """Words that were heard."""

    who: Speaker
    text: str


class PromptMemory(Model):
    """What a dialog led by a language model knows between two turns."""

    type: Literal["prompt"] = "prompt"
    lines: list[Line] = Field(default_factory=list)
    failures: int = 0
    silences: int = 0


DialogMemory = Annotated[ScriptMemory | PromptMemory, Field(discriminator="type")]


class CallSnapshot(Model):
    """One call, after its last turn. Holds what caller and agent said: personal data (pii)."""

    model_config = ConfigDict(extra="ignore")

    schema_version: Literal[1] = SCHEMA_VERSION
    call_id: str
    job_id: str
    """LiveKit's job: names the call's places in quotas and, as `agent-<job>`, its participant.
    A call that LiveKit does not bring has a name of its own for its places."""
    channel: Channel = Channel.SIP
    """How the caller is reached: only a call in a room can be joined."""
    direction: Direction = Direction.INBOUND
    room: str
    dispatch: DispatchMetadata
    """The one agent revision that serves the call."""
    caller: str = ""
    called: str = ""
    test_id: str = ""
    started_unix_ms: int
    turns: int = 0
    """Turns of the caller that were answered."""
    saying: str = ""
    """What the agent was saying; empty if the last reply had been heard to its end."""
    ending: bool = False
    """The call was to end with the last reply."""
    transferring: bool = False
    """The caller was to be put through after the last reply."""
    keys: str = ""
    """To be pressed after what is being said; empty before the first is sent, so that no key is
    pressed twice."""
    dialog: DialogMemory


class BookKeys:
    """Redis keys of one pool's book. The braces keep them on one node of a Redis cluster."""

    def __init__(self, pool: str) -> None:
        self.prefix = f"switchboard:book:{{{pool}}}:"
        self.meta = f"{self.prefix}meta"
        """Hash: `generation` (a book that lost its data has another), `seen` (last beat of
        anybody), `grace` (until when nobody is taken for dead)."""
        self.workers = f"{self.prefix}workers"
        """Sorted set: life of a worker -> when its lease runs out. A worker that lost its calls
        begins a new life."""
        self.takers = f"{self.prefix}takers"
        """Hash: life of a worker -> how many calls it could take up; 0 while it could none."""
        self.owners = f"{self.prefix}owners"
        """Hash: call id -> `<epoch> <life of a worker>`; the life is `-` while nobody holds it."""
        self.orphans = f"{self.prefix}orphans"
        """Sorted set: call that nobody holds -> since when."""

    def snapshot(self, call_id: str) -> str:
        """String: a `CallSnapshot` as JSON."""
        return f"{self.prefix}call:{call_id}"

    def ended(self, call_id: str) -> str:
        """String, for a minute: the call is over, it must not come back into the book."""
        return f"{self.prefix}ended:{call_id}"
