"""A thread that computes for the event loop: work goes over, its result comes back.

Fifty times a second, for ever, that trip must be cheap. The executors of the standard library make
two futures, a condition and several locks for each; here it is one queue there and one wake-up
back.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class ModelThread:
    """One thread; used as a context manager on the loop that it works for."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish what was handed over, then end."""
        self._jobs.put(None)
        self._thread.join()

    async def run(self, job: Callable[[], T]) -> T:
        """Run `job` there; gives its result or raises its error."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((job, answer))
        return await answer

    def _work(self) -> None:
        while (handed := self._jobs.get()) is not None:
            job, answer = handed
            result, error = None, None
            try:
                result = job()
            except Exception as raised:  # noqa: BLE001 - raised again where the result is awaited
                error = raised
            try:
                self._loop.call_soon_threadsafe(_tell, answer, result, error)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return


def _tell(answer: "asyncio.Future[Any]", result: object, error: Exception | None) -> None:
    if answer.done():  # whoever asked has been cancelled
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
