"""Decoders of one recogniser process: loaded models, warm decoders, running utterances.

A decoder is needed only while its caller speaks, so decoders belong to utterances, not to calls:
started ahead, handed out, taken back. What they learn about a caller's line (the cepstral mean)
travels with the call instead, so that a decoder carries nothing from one caller to the next.
"""

import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pocketsphinx

from switchboard_agent.stt.wire import Kind, Message, unpack_parts

SAMPLE_RATE_HZ: Final = 16_000
_BYTES_PER_SECOND: Final = 2 * SAMPLE_RATE_HZ
_PARTIAL_EVERY_BYTES: Final = _BYTES_PER_SECOND // 6
"""Words so far are looked up about every 160 ms of speech: often enough for endpointing."""
_LONGEST_UTTERANCE_BYTES: Final = 60 * _BYTES_PER_SECOND
"""Speech beyond a minute is not decoded: memory stays bounded on an open microphone."""
_WARM: Final = 2
"""Decoders made ready when a model is loaded; one costs 30 ms and 7 MB."""
_MAX_IDLE: Final = 12
"""Decoders kept between utterances, over all models."""

GENERAL: Final = b""
"""In place of a language model: that of general English."""
_GENERAL_SEARCH: Final = "general"

_FOREIGN_COST: Final = 0.0065
"""Natural logarithm per 10 ms of speech. Measured over G.722 with four voices: sentences of the
script cost 0.0014 to 0.0047, others 0.0050 to 0.0080; with 20 dB of noise the former reach 0.0071.
"""
_FEWEST_WORDS: Final = 3
_BEAM: Final = 1e-60
"""Relative probability below which a path is given up. The library's 1e-48 lost the right words of
one call in a hundred to where its frames happened to begin ("seven" came out as "send"); this costs
a twelfth more of a core.
"""

Send = Callable[[Message], None]


@dataclass(slots=True)
class _Utterance:
    model: int
    decoder: Any
    heard_bytes: int = 0
    looked_at_bytes: int = 0
    partial: str = ""


@dataclass(slots=True)
class Recognizer:
    """Turns messages of a worker into answers; one thread, one utterance a message."""

    send: Send
    _models: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    _general: Any = None
    """The language model of general English, shared by all decoders that need it."""
    _idle: list[tuple[int, Any]] = field(default_factory=list)
    _running: dict[int, _Utterance] = field(default_factory=dict)

    def handle(self, message: Message) -> None:
        """One message. A failure is reported, never raised: other callers' speech goes on."""
        try:
            self._dispatch(message)
        except Exception as error:  # noqa: BLE001  whatever the decoder raises ends one utterance
            self._running.pop(message.number, None)
            self.send(Message(Kind.FAILED, message.number, repr(error).encode()))

    def _dispatch(self, message: Message) -> None:
        match message.kind:
            case Kind.LOAD:
                self._load(message.number, *unpack_parts(message.body))
            case Kind.FORGET:
                self._models.pop(message.number, None)
                self._idle = [kept for kept in self._idle if kept[0] != message.number]
            case Kind.START:
                self._start(message.number, message.body)
            case Kind.AUDIO:
                self._audio(message.number, message.body)
            case Kind.END:
                self._end(message.number)
            case Kind.DROP:
                self._drop(message.number)
            case _:
                raise ValueError(f"a worker does not send {message.kind.name}")

    def _load(self, model: int, dictionary: bytes, language_model: bytes) -> None:
        warm = [self._decoder(dictionary, language_model) for _ in range(_WARM)]
        self._models[model] = (dictionary, language_model)
        for decoder in warm:
            self._keep(model, decoder)
        self.send(Message(Kind.LOADED, model))

    def _start(self, number: int, body: bytes) -> None:
        model = int.from_bytes(body[:4], "big")
        decoder = self._take(model)
        if cepstral_mean := body[4:].decode():
            decoder.set_cmn(cepstral_mean)
        decoder.start_utt()
        self._running[number] = _Utterance(model, decoder)

    def _audio(self, number: int, pcm: bytes) -> None:
        utterance = self._running.get(number)
        if utterance is None or utterance.heard_bytes > _LONGEST_UTTERANCE_BYTES:
            return
        utterance.decoder.process_raw(pcm, False, False)  # noqa: FBT003  names are not accepted
        utterance.heard_bytes += len(pcm)
        if utterance.heard_bytes - utterance.looked_at_bytes < _PARTIAL_EVERY_BYTES:
            return
        utterance.looked_at_bytes = utterance.heard_bytes
        words = _words(utterance.decoder)
        if words != utterance.partial:
            utterance.partial = words
            self.send(Message(Kind.PARTIAL, number, words.encode()))

    def _end(self, number: int) -> None:
        utterance = self._running.pop(number)
        utterance.decoder.end_utt()
        of_script = self._models.get(utterance.model, (b"", GENERAL))[1] != GENERAL
        foreign = of_script and is_foreign(utterance.decoder)
        words = "" if foreign else _words(utterance.decoder)
        cepstral_mean = utterance.decoder.get_cmn(False)  # noqa: FBT003  names are not accepted
        self._keep(utterance.model, utterance.decoder)
        self.send(Message(Kind.FINAL, number, f"{cepstral_mean}\n{words}".encode()))

    def _drop(self, number: int) -> None:
        utterance = self._running.pop(number, None)
        if utterance is not None:
            utterance.decoder.end_utt()
            self._keep(utterance.model, utterance.decoder)

    def _take(self, model: int) -> Any:  # noqa: ANN401  the library has no types
        for at, (of_model, decoder) in enumerate(self._idle):
            if of_model == model:
                del self._idle[at]
                return decoder
        return self._decoder(*self._models[model])

    def _decoder(self, dictionary: bytes, language_model: bytes) -> Any:  # noqa: ANN401
        if language_model != GENERAL:
            return _decoder(dictionary, language_model)
        if self._general is None:
            self._general = general_language_model()
        return _general_decoder(dictionary, self._general)

    def _keep(self, model: int, decoder: Any) -> None:  # noqa: ANN401  the library has no types
        if model in self._models:
            self._idle.append((model, decoder))
            del self._idle[:-_MAX_IDLE]


def is_foreign(decoder: Any) -> bool:  # noqa: ANN401  the library has no types
    """Whether what was heard fits no sentence of the script: better "I did not understand".

    A small language model turns everything into the script's words. How far the best path lies
    under the best sounds shows it: `_FOREIGN_COST` tells most sentences outside a script from
    those inside, on wideband. One or two words are too short to tell.
    """
    hypothesis = decoder.hyp()
    if hypothesis is None:
        return False
    spoken = [segment for segment in decoder.seg() if segment.word[0] not in "<["]
    frames = sum(int(segment.end_frame - segment.start_frame) + 1 for segment in spoken)
    if len(spoken) < _FEWEST_WORDS or not frames:
        return False
    path_cost = -math.log(max(float(hypothesis.best_score), sys.float_info.min))
    return path_cost / frames > _FOREIGN_COST


def _words(decoder: Any) -> str:  # noqa: ANN401  the library has no types
    hypothesis = decoder.hyp()
    return str(hypothesis.hypstr) if hypothesis is not None else ""


def general_language_model() -> Any:  # noqa: ANN401  the library has no types
    """The one of general English that comes with the library: 33 MB, loaded in 0.3 s."""
    config = pocketsphinx.Config(loglevel="FATAL")
    path = pocketsphinx.get_model_path("en-us/en-us.lm.bin")
    return pocketsphinx.NGramModel(config, pocketsphinx.LogMath(), path)


def _general_decoder(dictionary: bytes, general: Any) -> Any:  # noqa: ANN401  the same
    with _as_file(dictionary) as dict_path:
        decoder = pocketsphinx.Decoder(
            dict=dict_path, lm=None, samprate=float(SAMPLE_RATE_HZ), loglevel="FATAL"
        )
    decoder.add_lm(_GENERAL_SEARCH, general)
    decoder.activate_search(_GENERAL_SEARCH)
    return decoder


def _decoder(dictionary: bytes, language_model: bytes) -> Any:  # noqa: ANN401  the library has no types
    with _as_file(dictionary) as dict_path, _as_file(language_model) as lm_path:
        return pocketsphinx.Decoder(
            dict=dict_path,
            lm=lm_path,
            samprate=float(SAMPLE_RATE_HZ),
            beam=_BEAM,
            pbeam=_BEAM,
            loglevel="FATAL",
        )


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path to read `content` from while in the context; in memory where the system can."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("switchboard-stt")
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name
