"""A Redis that takes notes and can be away."""

from typing import Any, Self

from redis.exceptions import ConnectionError as RedisConnectionError


class FakeRedis:
    """Only what the recorder asks: a pipeline of XADD."""

    def __init__(self) -> None:
        self.away = False
        self.batches: list[list[str]] = []
        self._open: list[str] = []

    def pipeline(self, *, transaction: bool) -> Self:
        assert not transaction
        self._open = []
        return self

    def xadd(self, stream: str, fields: dict[str, str]) -> None:
        assert stream == "switchboard:calls"
        self._open.append(fields["event"])

    async def execute(self) -> list[Any]:
        if self.away:
            raise RedisConnectionError("Connection refused")
        self.batches.append(self._open)
        return []
