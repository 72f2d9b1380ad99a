"""`switchboard status --watch`: printed when it looks different, until Ctrl-C."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from typing_extensions import override

from switchboard_cli import status
from switchboard_cli.cluster.options import Access

T = TypeVar("T")


class _Connected(Access):
    """Has a cluster without one."""

    @override
    def run(self, work: Callable[[Any, str], Awaitable[T]]) -> T:
        async def connected() -> T:
            return await work(None, "clinic")

        return asyncio.run(connected())


def test_what_has_not_changed_is_not_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    looks = iter(["not ready", "not ready", "ready"])

    async def show(_client: object, namespace: str) -> str:
        try:
            return f"{namespace}: {next(looks)}"
        except StopIteration:
            raise KeyboardInterrupt from None

    status._watch(_Connected(None, None, None), show, 0.0)
    assert capsys.readouterr().out == "clinic: not ready\nclinic: ready\n\n"
