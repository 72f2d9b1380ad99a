"""Words to sound with flite, the one free synthesiser whose `slt` voice recognisers understand.

Each text is synthesised once and kept under its content hash, so that a load test of many calls
starts at once. flite speaks 16 kHz mono, which is what a G.722 caller needs.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from switchboard_loadtest.errors import LoadTestError, ToolMissingError

RATE_HZ = 16_000
DEFAULT_VOICE = "slt"
_TIMEOUT_S = 60


def read_wav(path: Path) -> NDArray[np.int16]:
    """Samples of a 16 kHz mono 16 bit WAV file."""
    with wave.open(str(path), "rb") as wav:
        if (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) != (RATE_HZ, 1, 2):
            raise LoadTestError(
                f"{path} is not 16 kHz mono 16 bit PCM", "use a flite voice with 16 kHz (slt, rms)"
            )
        return np.frombuffer(wav.readframes(wav.getnframes()), dtype="<i2").astype(np.int16)


class Flite:
    """Synthesises texts into a cache folder; safe for several processes at once."""

    def __init__(self, cache: Path, voice: str = DEFAULT_VOICE) -> None:
        self._cache = cache
        self._voice = voice

    def say(self, text: str) -> NDArray[np.int16]:
        """Sound of a text at 16 kHz."""
        key = hashlib.sha256(f"{self._voice}\n{text}".encode()).hexdigest()[:20]
        path = self._cache / f"{key}.wav"
        if not path.exists():
            self._synthesise(text, path)
        return read_wav(path)

    def _synthesise(self, text: str, path: Path) -> None:
        program = shutil.which("flite")
        if program is None:
            raise ToolMissingError("flite", "flite")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".wav", dir=path.parent)
        os.close(handle)
        partial = Path(name)
        try:
            subprocess.run(  # noqa: S603 - a fixed program; the text is one argument, not a shell line
                [program, "-voice", self._voice, "-t", text, "-o", name],
                check=True,
                capture_output=True,
                timeout=_TIMEOUT_S,
            )
            partial.replace(path)
        except subprocess.SubprocessError as error:
            partial.unlink(missing_ok=True)
            raise LoadTestError(
                f"flite could not say {text!r}", f"try it by hand ({error})"
            ) from error
