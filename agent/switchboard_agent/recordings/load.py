"""Reads a recorded caller from the package's data."""

import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
from pydantic import BaseModel, ConfigDict

from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm


class RecordingError(Exception):
    """A recording is missing or has a form that cannot be played."""


class _TurnEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    text: str
    speech_start_ms: int
    speech_end_ms: int
    interrupts: bool


class _ConversationEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: list[_TurnEntry]
    flow: str
    slots: dict[str, str]


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """What the caller says in one turn."""

    text: str
    pcm: Pcm
    """16 kHz, a little silence before and after the words."""
    speech_start_ms: int
    speech_end_ms: int
    """Where the words begin and end in `pcm`."""
    interrupts: bool
    """Said while the agent is still speaking; other turns wait until it has finished."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A caller's side of a call."""

    turns: tuple[RecordedTurn, ...]
    flow: str
    """Flow that the agent should have completed."""
    slots: Mapping[str, str]
    """What it should have learned."""


def load_conversation(name: str = "booking") -> Conversation:
    """The recorded caller of this name. Raises `RecordingError`."""
    folder = resources.files("switchboard_agent.recordings") / name
    try:
        entry = _ConversationEntry.model_validate_json((folder / "conversation.json").read_bytes())
    except FileNotFoundError as error:
        raise RecordingError(f"there is no recording {name}: try booking") from error
    turns = tuple(
        RecordedTurn(
            turn.text,
            _read_wav(folder / turn.file),
            turn.speech_start_ms,
            turn.speech_end_ms,
            turn.interrupts,
        )
        for turn in entry.turns
    )
    return Conversation(turns, entry.flow, entry.slots)


def _read_wav(path: Traversable) -> Pcm:
    with wave.open(io.BytesIO(path.read_bytes())) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (
            SAMPLE_RATE_HZ,
            1,
            2,
        ):
            raise RecordingError(f"{path.name} is not 16 kHz mono with 16 bits")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
