"""Pipecat with all pipelines in one process: `python -m ...in_process`.

Its cheapest form: a turn ends by voice activity and a timeout. With its default turn model
(Smart Turn) a call takes about twice the processor, and the synthetic caller of this benchmark,
who does not lower her voice at the end of a sentence, is often left waiting for seconds.
"""

import asyncio
import sys
from collections.abc import Sequence

from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from tests.bench.engine.caller import Caller
from tests.bench.engine.host import Run, asked_for, measure, tell
from tests.bench.engine.peers.pipecat.services import (
    Loudspeaker,
    Microphone,
    Model,
    Recogniser,
    Synthesiser,
)
from tests.bench.engine.script import GREETING, RATE_HZ

_CALLS_PER_SECOND = 5.0


def make_call(caller: Caller) -> PipelineWorker:
    """A call, as an application would set it up."""
    messages = [{"role": "system", "content": "You are a receptionist."}]
    user = LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(),
        user_turn_strategies=UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy()]),
    )
    aggregators = LLMContextAggregatorPair(LLMContext(messages), user_params=user)
    pipeline = Pipeline(
        [
            Microphone(caller),
            Recogniser(caller),
            aggregators.user(),
            Model(caller),
            Synthesiser(),
            Loudspeaker(caller),
            aggregators.assistant(),
        ]
    )
    rates = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    return PipelineWorker(pipeline, params=rates)


async def serve(run: Run) -> None:
    """Measure."""
    runner = WorkerRunner(handle_sigint=False)
    running = asyncio.ensure_future(runner.run(auto_end=False))

    async def open_calls(callers: Sequence[Caller]) -> None:
        for caller in callers:
            worker = make_call(caller)
            await runner.add_workers(worker)
            await worker.queue_frame(TTSSpeakFrame(GREETING))
            await asyncio.sleep(1 / _CALLS_PER_SECOND)

    result = await measure("pipecat", run, open_calls)
    running.cancel()
    tell(result)


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    asyncio.run(serve(asked_for()))
