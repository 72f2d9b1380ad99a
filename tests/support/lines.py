"""Processes that talk in lines of JSON: a question on stdin, an answer on stdout."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

_ANSWER_SECONDS = 120.0
_AS_A_WORKER = {"OPENBLAS_NUM_THREADS": "1"}
"""What `switchboard_agent` sets for itself; too late where numpy was imported before it."""


async def serve_lines(obey: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
    """Answer until stdin ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _tell({})
    while line := await reader.readline():
        try:
            answer = await obey(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the other side says what went wrong
            answer = {"error": repr(error)}
        _tell(answer)


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class Peer:
    """The other end of such a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def ask(self, **command: object) -> dict[str, Any]:
        """One question. Raises `RuntimeError` if it could not be done."""
        stdin = self._process.stdin
        assert stdin is not None, "started with pipes"
        async with self._turn:
            stdin.write(json.dumps(command).encode() + b"\n")
            return await self.answer()

    async def answer(self) -> dict[str, Any]:
        """What it says next."""
        stdout = self._process.stdout
        assert stdout is not None, "started with pipes"
        async with asyncio.timeout(_ANSWER_SECONDS):
            line = await stdout.readline()
        answer: dict[str, Any] = json.loads(line or b'{"error": "the process has ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


@asynccontextmanager
async def process(words: Sequence[str], log: Path, **env: str) -> AsyncIterator[Peer]:
    """Start a module with pipes, and wait until it is ready; killed at the end."""
    with log.open("wb") as errors:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=os.environ | _AS_A_WORKER | env,
            limit=2**24,
        )
    peer = Peer(started)
    try:
        await peer.answer()
        yield peer
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()
