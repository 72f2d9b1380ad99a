"""Makes the recorded caller again: `python -m switchboard_agent.recordings.make` (needs flite)."""

import json
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm

_VOICE: Final = "slt"
"""The one flite voice that recognisers understand as well as a person's."""
_VOICED: Final = 400
_MARGIN_MS: Final = 100
_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    interrupts: bool = False


_BOOKING: Final = (
    _Line("hello i would like to book an appointment"),
    _Line("my name is sarah johnson"),
    _Line("next tuesday at three o'clock"),
    _Line("what are your opening hours"),
    _Line("my phone number is five five five one two three four"),
    _Line("actually no wednesday would be better", interrupts=True),
    _Line("yes that is right"),
    _Line("that is all thank you goodbye"),
)
_FLOW: Final = "booking"
_LEARNED: Final = {
    "name": "Sarah Johnson",
    "day": "wednesday",
    "time": "15:00",
    "phone": "5551234",
}


def speak(text: str) -> Pcm:
    """A sentence by flite, with a little silence around it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", _VOICE, "-t", text, "-o", file.name]
        subprocess.run(command, check=True)  # noqa: S603  a fixed program and fixed texts
        with wave.open(file.name) as sound:
            pcm = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    voiced = np.flatnonzero(np.abs(pcm) > _VOICED)
    margin = SAMPLE_RATE_HZ * _MARGIN_MS // 1000
    silence = np.zeros(margin, np.int16)
    return np.concatenate([silence, pcm[voiced[0] : voiced[-1] + 1], silence])


def main() -> int:
    """Write all files."""
    folder = _FOLDER / "booking"
    folder.mkdir(exist_ok=True)
    turns = []
    for index, line in enumerate(_BOOKING, 1):
        pcm = speak(line.text)
        name = f"{index:02d}.wav"
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", "not compressed"))
            file.writeframes(pcm.astype("<i2").tobytes())
        turns.append(
            {
                "file": name,
                "text": line.text,
                "speech_start_ms": _MARGIN_MS,
                "speech_end_ms": len(pcm) * 1000 // SAMPLE_RATE_HZ - _MARGIN_MS,
                "interrupts": line.interrupts,
            }
        )
    conversation = {"turns": turns, "flow": _FLOW, "slots": _LEARNED}
    text = json.dumps(conversation, indent=2) + "\n"
    (folder / "conversation.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
