"""libespeak-ng through ctypes: one synthesis at a time, in the caller's thread.

The library keeps its voice, rate and callback in global variables, so every use holds one lock for
the whole process. In synchronous mode `espeak_Synth` returns when the last sample was handed out;
the documented way, `espeak_Synchronize`, adds 20 ms to every sentence. ctypes lets other threads
run meanwhile.
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import espeakng_loader
import numpy as np

from switchboard_agent.transport.base import Pcm
from switchboard_agent.tts.base import TextToSpeechError

SAMPLE_RATE_HZ: Final = 22_050
"""The library's only rate."""

_SYNCHRONOUS: Final = 2
_CHUNK_MS: Final = 100
_NEVER_EXIT: Final = 1 << 15
"""Report a missing data folder as an error instead of ending the process."""
_OK: Final = 0
_RATE_PARAMETER: Final = 1
_UTF8: Final = 1
_FROM_FIRST_CHARACTER: Final = 1
_GO_ON: Final = 0
_STOP: Final = 1

_CALLBACK: Final = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.c_void_p
)
_LOCK: Final = threading.Lock()
"""Guards the library's global state, which is one per process however many users there are."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How to speak."""

    voice: str
    rate_wpm: int


class EspeakLibrary:
    """The loaded library."""

    def __init__(self) -> None:
        with _LOCK:
            self._library = _load()

    def speak(self, text: str, speech: Speech, on_audio: Callable[[Pcm], bool]) -> None:
        """Speak `text`; `on_audio` gets the samples and returns False to stop.

        Blocks until done: 2 ms per second of speech. Raises `TextToSpeechError`.
        """
        failures: list[Exception] = []

        def on_samples(samples: Any, count: int, _events: object) -> int:  # noqa: ANN401  a ctypes pointer
            if not samples or count <= 0:
                return _GO_ON
            try:
                pcm = np.ctypeslib.as_array(samples, (count,)).copy()
                return _GO_ON if on_audio(pcm) else _STOP
            except Exception as error:  # noqa: BLE001  nothing may be raised through C
                failures.append(error)
                return _STOP

        with _LOCK:
            self._use(speech)
            callback = _CALLBACK(on_samples)
            self._library.espeak_SetSynthCallback(callback)
            self._synthesize(text)
        if failures:
            raise TextToSpeechError("the spoken audio could not be taken") from failures[0]

    def _use(self, speech: Speech) -> None:
        if self._library.espeak_SetVoiceByName(speech.voice.encode()) != _OK:
            raise TextToSpeechError(
                f"espeak-ng has no voice {speech.voice}: try en-us, en-us+f3 or en-gb-x-rp"
            )
        self._library.espeak_SetParameter(_RATE_PARAMETER, speech.rate_wpm, 0)

    def _synthesize(self, text: str) -> None:
        data = text.replace("\0", " ").encode()
        status = self._library.espeak_Synth(
            data, len(data) + 1, 0, _FROM_FIRST_CHARACTER, 0, _UTF8, None, None
        )
        if status != _OK:
            raise TextToSpeechError(f"espeak-ng refused to speak: status {status}")


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise TextToSpeechError(f"espeak-ng cannot be loaded: {error}") from error
    rate = library.espeak_Initialize(
        _SYNCHRONOUS, _CHUNK_MS, espeakng_loader.get_data_path().encode(), _NEVER_EXIT
    )
    if rate != SAMPLE_RATE_HZ:
        raise TextToSpeechError(f"espeak-ng did not start: it answered {rate} as its sample rate")
    return library
