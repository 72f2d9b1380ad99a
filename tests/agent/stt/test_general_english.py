"""Callers of an agent without a script: general English, and the words of its prompt."""

import subprocess
import wave
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from switchboard_agent.stt.compiler import compile_prompt, order_of
from switchboard_agent.stt.dictionary import base_dictionary
from switchboard_agent.stt.pocketsphinx import PocketsphinxStt
from switchboard_agent.stt.recognizer import GENERAL, Recognizer
from switchboard_agent.stt.vocabulary import FREQUENT, general_vocabulary
from switchboard_agent.stt.wire import Kind, Message, pack_parts
from switchboard_agent.transport.base import Pcm
from switchboard_media.g722 import G722Decoder, G722Encoder
from tests.agent.llm.rig import language_model, prompt_config
from tests.agent.stt.errors import word_errors

CONFIG = prompt_config(language_model("one", "http://127.0.0.1:1/v1"))

SENTENCES = (
    "hello",
    "what are your opening hours",
    "can i come on monday morning",
    "do you take insurance",
    "my name is sarah johnson",
    "i want to speak to a person",
    "where are you located",
    "please send me a text message",
    "how much does it cost",
    "what is the capital of australia",
    "i have a question about my bill",
    "is there anything earlier on friday",
    "could you please call me back tomorrow",
    "that is all thank you goodbye",
)


class _Frequencies:
    """A language model in which short words are frequent."""

    def prob(self, words: list[str]) -> float:
        return -float(len(words[0]))


def test_the_frequent_words_and_those_of_the_prompt_are_known() -> None:
    dictionary = {f"word{'x' * n}": [""] for n in range(FREQUENT + 10)}
    rare = f"word{'x' * (FREQUENT + 5)}"
    words = general_vocabulary(f"Ask about {rare.upper()}!", dictionary, _Frequencies())
    assert len(words) == FREQUENT + 1
    assert rare in words


def test_agents_that_are_heard_alike_share_a_model() -> None:
    other = CONFIG.model_copy(update={"tenant": "another"})
    assert order_of(other) == order_of(CONFIG)
    prompt = CONFIG.prompt
    assert prompt is not None
    changed = prompt.model_copy(update={"instructions": "Sell shoes."})
    assert order_of(CONFIG.model_copy(update={"prompt": changed})) != order_of(CONFIG)


@cache
def _dictionary() -> bytes:
    model = compile_prompt("Smile Dental makes dentures and takes insurance.")
    assert model.language_model == GENERAL
    return model.dictionary


@pytest.mark.integration
def test_words_of_the_prompt_stand_in_the_dictionary() -> None:
    lines = {line.split(b" ")[0].decode() for line in _dictionary().splitlines()}
    assert {"dentures", "insurance", "hello", "monday", "the"} <= lines
    assert 5000 <= len(lines) < 8000
    assert {line.partition("(")[0] for line in lines} <= set(base_dictionary())


class _Listening:
    """One caller's line to a recogniser of general English."""

    def __init__(self) -> None:
        self.answers: list[Message] = []
        self.recognizer = Recognizer(self.answers.append)
        self.mean = b""
        self._send(Kind.LOAD, 1, pack_parts(_dictionary(), GENERAL))
        assert self.answers[-1].kind is Kind.LOADED

    def hear(self, pcm: Pcm) -> str:
        self._send(Kind.START, 7, (1).to_bytes(4, "big") + self.mean)
        for start in range(0, len(pcm), 960):
            self._send(Kind.AUDIO, 7, pcm[start : start + 960].astype("<i2").tobytes())
        self._send(Kind.END, 7)
        assert self.answers[-1].kind is Kind.FINAL, self.answers[-1]
        self.mean, _, words = self.answers[-1].body.partition(b"\n")
        return words.decode()

    def _send(self, kind: Kind, number: int, body: bytes = b"") -> None:
        self.recognizer.handle(Message(kind, number, body))


def say(text: str, folder: Path) -> Pcm:
    """A caller by flite, over G.722, with the silence around that the detector leaves."""
    path = folder / "speech.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as file:
        speech = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    pcm = np.concatenate((np.zeros(4800, np.int16), speech, np.zeros(3200, np.int16)))
    return G722Decoder().decode(G722Encoder().encode(pcm[: len(pcm) // 2 * 2]))


@pytest.mark.integration
def test_a_caller_who_says_anything_is_mostly_understood(tmp_path: Path) -> None:
    listening = _Listening()
    errors = words = 0
    for text in SENTENCES:
        heard = listening.hear(say(text, tmp_path))
        errors += word_errors(text, heard)
        words += len(text.split())
        print(f"{text} | {heard}")  # noqa: T201  shown when the test fails
    print(f"WER {errors / words:.3f}")  # noqa: T201  the same
    assert errors / words <= 0.2


@pytest.mark.integration
async def test_a_worker_hears_for_a_prompt_led_agent(tmp_path: Path) -> None:
    stt = PocketsphinxStt(processes=1)
    try:
        await stt.prepare(CONFIG)
        stream = stt.open(CONFIG, lambda _: None)
        stream.start_utterance()
        pcm = say("what are your opening hours", tmp_path)
        for start in range(0, len(pcm), 320):
            stream.feed(pcm[start : start + 320])
        heard = (await stream.end_utterance()).text
        assert word_errors("what are your opening hours", heard) <= 2
        await stream.aclose()
    finally:
        await stt.aclose()
