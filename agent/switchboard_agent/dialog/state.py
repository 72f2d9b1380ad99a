"""What one call's dialog knows: frozen, so a reply that is thrown away leaves no trace."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from switchboard_contract.recovery import ScriptMemory


class Stage(StrEnum):
    """What the agent is waiting for."""

    IDLE = "idle"
    """The caller's wish."""
    ASKING = "asking"
    """The value of one slot."""
    CONFIRMING = "confirming"
    """Yes, or a correction."""
    CHANGING = "changing"
    """Which slot is wrong, or its right value."""


@dataclass(frozen=True, slots=True)
class State:
    """Between two turns."""

    stage: Stage = Stage.IDLE
    flow: str = ""
    """Running flow; empty in stage IDLE."""
    asked: str = ""
    """Slot that was asked for; empty outside stage ASKING."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What was learned, by slot."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """Imprecise values: "afternoon", half a phone number."""
    finished: str = ""
    """Flow completed last."""
    question: str = ""
    """What the agent asked last: asked again after a digression."""
    said: str = ""
    """What the agent said last, for "can you repeat that"."""
    failures: int = 0
    """Turns in a row that were not understood."""
    silences: int = 0
    """Times in a row that the caller said nothing."""


def memory_of(state: State) -> ScriptMemory:
    """A state as another worker can read it: the same fields."""
    return ScriptMemory(**asdict(state))


def state_from(memory: ScriptMemory) -> State:
    """The state that a memory was made from."""
    return State(**memory.model_dump(exclude={"type"}) | {"stage": Stage(memory.stage)})
