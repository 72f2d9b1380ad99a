"""The models that judge by ear whether a caller is done, shared by all calls of a worker.

A judgement takes 10 to 100 ms of computing, so it runs in one thread of its own; what is asked for
meanwhile waits. A model that cannot be loaded costs no call: its agents go by the words, and the
log, a metric and the operator's probe say so.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final

from switchboard_agent.transport.base import Pcm
from switchboard_agent.turn.end_model import EndModel, EndModelError
from switchboard_contract.agent_config import AgentConfig

_log = logging.getLogger(__name__)

_MOST_WAITING: Final = 16
"""Judgements in the queue; who would come later than the pause it judges is not served."""


class EndJudges:
    """Loads each model once and asks it."""

    def __init__(self, on_failure: Callable[[AgentConfig], None]) -> None:
        self._on_failure = on_failure
        self._models: dict[str, EndModel] = {}
        self._executor: Executor | None = None
        self._waiting = 0

    async def prepare(self, config: AgentConfig) -> None:
        """Load the model of an agent revision, if it has one. Never raises for a bad one."""
        try:
            await self.check(config)
        except EndModelError as error:
            self._on_failure(config)
            fields = {"agent": config.key, "reason": str(error)}
            _log.error("turn model cannot be used, words decide instead", extra=fields)

    async def check(self, config: AgentConfig) -> None:
        """Raises `EndModelError` if the agent wants a model that cannot be used."""
        wanted = config.turn.endpointing.model
        if wanted is not None and wanted.path not in self._models:
            loop = asyncio.get_running_loop()
            loaded = await loop.run_in_executor(self._thread(), EndModel, wanted.path)
            self._models[wanted.path] = loaded

    async def finished(self, config: AgentConfig, turn: Pcm) -> float | None:
        """Probability that the caller is done; None if it cannot be told, or not in time."""
        wanted = config.turn.endpointing.model
        model = None if wanted is None else self._models.get(wanted.path)
        if model is None or self._waiting >= _MOST_WAITING:
            return None
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread(), model.finished, turn)
        except RuntimeError:
            self._on_failure(config)
            return None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the thread go."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _thread(self) -> Executor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="turn-model")
        return self._executor
