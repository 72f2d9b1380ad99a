"""Word error rate of every sentence of the sample's callers, by several voices and lines.

Needs the program flite (Debian package of the same name).
"""

import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from switchboard_agent.transport.base import Pcm
from switchboard_media.g711 import ulaw_decode, ulaw_encode
from switchboard_media.g722 import G722Decoder, G722Encoder
from switchboard_media.resample import resample
from tests.agent.stt.errors import word_errors
from tests.agent.stt.test_language_model import heard_sentences
from tests.agent.stt.test_recognizer import Listening

pytestmark = pytest.mark.integration

_OUTSIDE = (
    "the quarterly financial results exceeded expectations of most analysts",
    "my dog ate the homework last night",
    "i think we should paint the kitchen blue",
    "what is the capital of australia",
    "please transfer two hundred dollars to my savings account",
    "my daughter has a fever and a cough",
    "she sells sea shells by the sea shore",
    "i would like a large pizza with mushrooms",
)

Line = Callable[[Pcm], Pcm]


def _clean(pcm: Pcm) -> Pcm:
    return pcm


def _g722(pcm: Pcm) -> Pcm:
    return G722Decoder().decode(G722Encoder().encode(pcm[: len(pcm) // 2 * 2]))


def _pcmu(pcm: Pcm) -> Pcm:
    return resample(ulaw_decode(ulaw_encode(resample(pcm, 16_000, 8_000))), 8_000, 16_000)


def _say(text: str, voice: str, folder: Path) -> Pcm:
    path = folder / "speech.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.mark.parametrize(
    ("voice", "line", "highest"),
    [("slt", _clean, 0.02), ("slt", _g722, 0.02), ("rms", _g722, 0.08), ("slt", _pcmu, 0.08)],
    ids=["slt clean", "slt g722", "rms g722", "slt pcmu"],
)
def test_callers_of_the_sample_are_understood(
    tmp_path: Path, voice: str, line: Line, highest: float
) -> None:
    listening = Listening()
    errors = words = 0
    for text in heard_sentences():
        heard = listening.hear(line(_say(text, voice, tmp_path)))
        errors += word_errors(text, heard)
        words += len(text.split())
    assert errors / words <= highest


def test_most_sentences_outside_the_script_give_no_words(tmp_path: Path) -> None:
    listening = Listening()
    heard = [listening.hear(_g722(_say(text, "slt", tmp_path))) for text in _OUTSIDE]
    assert heard.count("") >= len(_OUTSIDE) // 2
