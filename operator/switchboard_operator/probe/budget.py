"""How many questions probes may put to an agent's language models in an hour. Pure.

A question to a hosted model costs money, and one to a model of one's own takes time from callers.
An agent in trouble is tried out often, so the number is bounded by itself and not by the interval.
"""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_HOUR_SECONDS = 3600.0


class Budget(Generic[K]):
    """Questions of the last hour, by agent. A probe may go over it once, by its own questions."""

    def __init__(self, questions_per_hour: int) -> None:
        self._most = questions_per_hour
        self._spent: dict[K, deque[tuple[float, int]]] = {}

    def allows(self, key: K, now: float) -> bool:
        """Tell whether an agent's models may be asked."""
        spent = self._spent.get(key)
        if spent is None:
            return self._most > 0
        while spent and now - spent[0][0] >= _HOUR_SECONDS:
            spent.popleft()
        return sum(questions for _, questions in spent) < self._most

    def spend(self, key: K, questions: int, now: float) -> None:
        """Note questions that were put."""
        if questions:
            self._spent.setdefault(key, deque()).append((now, questions))

    def forget(self, key: K) -> None:
        """Let go of an agent that is gone."""
        self._spent.pop(key, None)
