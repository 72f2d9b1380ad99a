"""The decoder side, in this process: real pocketsphinx, recorded speech."""

import numpy as np
import pytest

from switchboard_agent.recordings import load_conversation
from switchboard_agent.stt import recognizer
from switchboard_agent.stt.compiler import compile_script
from switchboard_agent.stt.recognizer import Recognizer
from switchboard_agent.stt.wire import Kind, Message, pack_parts
from switchboard_agent.transport.base import Pcm
from switchboard_media.g722 import G722Decoder, G722Encoder
from tests.agent.dialog.sample import sample_script
from tests.agent.stt.errors import word_errors

_MODEL = 1
_UTTERANCE = 7


class Listening:
    """A recogniser with the sample's model, and its answers."""

    def __init__(self) -> None:
        self.answers: list[Message] = []
        self.recognizer = Recognizer(self.answers.append)
        model = compile_script(sample_script())
        self.tell(Kind.LOAD, pack_parts(model.dictionary, model.language_model), _MODEL)

    def tell(self, kind: Kind, body: bytes = b"", number: int = _UTTERANCE) -> None:
        self.recognizer.handle(Message(kind, number, body))

    def start(self, number: int = _UTTERANCE) -> None:
        self.tell(Kind.START, _MODEL.to_bytes(4, "big"), number)

    def speak(self, pcm: Pcm, number: int = _UTTERANCE) -> None:
        for at in range(0, len(pcm), 960):
            self.tell(Kind.AUDIO, pcm[at : at + 960].tobytes(), number)

    def hear(self, pcm: Pcm) -> str:
        self.start()
        self.speak(pcm)
        self.tell(Kind.END)
        final = self.answers[-1]
        assert final.kind is Kind.FINAL
        return final.body.decode().partition("\n")[2]


@pytest.fixture(scope="module")
def listening() -> Listening:
    return Listening()


def _over_g722(pcm: Pcm) -> Pcm:
    even = pcm[: len(pcm) // 2 * 2]
    return G722Decoder().decode(G722Encoder().encode(even))


@pytest.mark.parametrize("line", [lambda pcm: pcm, _over_g722], ids=["clean", "g722"])
def test_recorded_speech_is_understood(listening: Listening, line: object) -> None:
    assert callable(line)
    turns = load_conversation().turns
    errors = sum(word_errors(turn.text, listening.hear(line(turn.pcm))) for turn in turns)
    assert errors / sum(len(turn.text.split()) for turn in turns) <= 0.08


def test_words_so_far_are_reported_while_the_caller_speaks(listening: Listening) -> None:
    listening.answers.clear()
    text = listening.hear(load_conversation().turns[0].pcm)
    partials = [m.body.decode() for m in listening.answers if m.kind is Kind.PARTIAL]
    assert len(partials) >= 3
    assert len(set(partials)) == len(partials)
    assert word_errors(text, partials[-1]) <= 2


@pytest.mark.parametrize("loudness", [0, 50, 3000])
def test_noise_ends_in_a_final_of_few_words(listening: Listening, loudness: int) -> None:
    noise = np.random.default_rng(1).standard_normal(16_000) * loudness
    assert len(listening.hear(noise.astype(np.int16)).split()) <= 2


def test_utterances_of_several_callers_do_not_mix(listening: Listening) -> None:
    turns = load_conversation().turns[:2]
    for number, turn in enumerate(turns, 100):
        listening.start(number)
        listening.speak(turn.pcm[: len(turn.pcm) // 2], number)
    for number, turn in enumerate(turns, 100):
        listening.speak(turn.pcm[len(turn.pcm) // 2 :], number)
    heard = []
    for number, _ in enumerate(turns, 100):
        listening.tell(Kind.END, number=number)
        heard.append(listening.answers[-1].body.decode().partition("\n")[2])
    assert heard == [turn.text for turn in turns]


def test_a_dropped_utterance_gives_no_answer(listening: Listening) -> None:
    listening.start(200)
    listening.speak(load_conversation().turns[0].pcm[:3200], 200)
    listening.answers.clear()
    listening.tell(Kind.DROP, number=200)
    assert listening.answers == []


def test_an_open_microphone_is_decoded_only_so_long(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognizer, "_LONGEST_UTTERANCE_BYTES", 32_000)
    listening.start(300)
    listening.speak(np.zeros(5 * 16_000, np.int16), 300)
    assert listening.recognizer._running[300].heard_bytes < 36_000
    listening.tell(Kind.DROP, number=300)


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (Kind.END, b"", "KeyError"),
        (Kind.START, (99).to_bytes(4, "big"), "KeyError"),
        (Kind.LOAD, pack_parts(b"word XX YY\n", b"no model"), "RuntimeError"),
        (Kind.FINAL, b"", "does not send"),
    ],
)
def test_what_cannot_be_done_is_answered_with_the_reason(
    listening: Listening, kind: Kind, body: bytes, reason: str
) -> None:
    listening.tell(kind, body, 400)
    answer = listening.answers[-1]
    assert (answer.kind, answer.number) == (Kind.FAILED, 400)
    assert reason in answer.body.decode()


def test_a_forgotten_model_frees_its_decoders() -> None:
    listening = Listening()
    listening.tell(Kind.FORGET, number=_MODEL)
    listening.start()
    assert listening.answers[-1].kind is Kind.FAILED
    assert listening.recognizer._idle == []


def test_sounds_that_fit_no_sentence_of_the_script_give_no_words(listening: Listening) -> None:
    backwards = load_conversation().turns[4].pcm[::-1].copy()
    assert listening.hear(backwards) == ""
