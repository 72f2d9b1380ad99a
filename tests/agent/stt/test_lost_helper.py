"""A recogniser process that ends while a caller speaks, on the event loop that workers use."""

import asyncio
import os
import signal
import time

import numpy as np
import pytest
import uvloop

from switchboard_agent.stt.base import SpeechToTextError
from switchboard_agent.stt.pocketsphinx import PocketsphinxStt
from switchboard_agent.transport.base import FRAME_SAMPLES
from tests.agent.dialog.sample import sample_config


async def _speak_on_while_it_dies() -> None:
    recognizer = PocketsphinxStt(processes=1, final_timeout_s=5)
    config = sample_config()
    await recognizer.prepare(config)
    stream = recognizer.open(config, lambda _: None)
    stream.start_utterance()
    os.kill(recognizer.pids[0], signal.SIGKILL)
    silence = np.zeros(FRAME_SAMPLES, np.int16)
    time.sleep(0.05)  # noqa: ASYNC251  a busy loop: it finds the pipe broken before it hears why
    for _ in range(100):
        stream.feed(silence)
        await asyncio.sleep(0)
    with pytest.raises(SpeechToTextError):
        await stream.end_utterance()
    await recognizer.aclose()


def test_sound_for_a_process_that_is_gone_costs_the_words_not_the_call() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_speak_on_while_it_dies())
