"""Many processes as one: order of start, and one end for all."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from typing_extensions import override

from switchboard_local.errors import PartFailedError
from switchboard_local.part import Part, Probe
from switchboard_local.state import process_started
from switchboard_local.supervisor import supervise

pytestmark = pytest.mark.integration


class FileReady(Probe):
    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    async def why_not_ready(self) -> str | None:
        return None if self._path.exists() else f"{self._path} is missing"


def sleeper(
    name: str, directory: Path, *, after: tuple[str, ...] = (), patience: float = 20
) -> Part:
    """A part that writes its process id and waits."""
    ready = directory / f"{name}.pid"
    return Part(
        name=name,
        command=("sh", "-c", f"echo $$ > {ready}.new; mv {ready}.new {ready}; exec sleep 60"),
        probe=FileReady(ready),
        after=after,
        ready_within_seconds=patience,
    )


def broken(name: str, *, after: tuple[str, ...] = ()) -> Part:
    return Part(
        name=name,
        command=(sys.executable, "-c", "raise SystemExit('out of tea')"),
        probe=FileReady(Path("/nonexistent")),
        after=after,
    )


def pid_of(name: str, directory: Path) -> int:
    return int((directory / f"{name}.pid").read_text())


async def run(parts: list[Part], directory: Path, *, on_all_ready: bool = True) -> list[str]:
    """Supervise until all are ready, or until the end."""
    order: list[str] = []
    all_ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            supervise(
                parts,
                directory,
                on_ready=lambda name, _: order.append(name),
                all_ready=all_ready,
                grace_seconds=1,
            )
        )
        if on_all_ready:
            await all_ready.wait()
            task.cancel()
    return order


async def test_a_part_starts_after_those_it_needs(tmp_path: Path) -> None:
    parts = [
        sleeper("c", tmp_path, after=("b",)),
        sleeper("b", tmp_path, after=("a",)),
        sleeper("a", tmp_path),
    ]
    assert await run(parts, tmp_path) == ["a", "b", "c"]


async def test_cancelling_ends_every_part(tmp_path: Path) -> None:
    await run([sleeper("a", tmp_path), sleeper("b", tmp_path)], tmp_path)
    assert [process_started(pid_of(name, tmp_path)) for name in ("a", "b")] == [None, None]


async def test_a_part_that_ends_takes_the_others_along(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await run([sleeper("a", tmp_path), broken("b", after=("a",))], tmp_path, on_all_ready=False)
    [failure] = caught.value.exceptions
    assert isinstance(failure, PartFailedError)
    assert "b ended with exit status 1: out of tea" in failure.reason
    assert failure.log == tmp_path / "b.log"
    assert process_started(pid_of("a", tmp_path)) is None


async def test_a_part_that_is_never_ready_fails_with_what_it_lacks(tmp_path: Path) -> None:
    part = Part("slow", ("sleep", "60"), FileReady(Path("/nonexistent")), ready_within_seconds=0.2)
    began = time.monotonic()
    with pytest.raises(ExceptionGroup, match="unhandled") as caught:
        await run([part], tmp_path, on_all_ready=False)
    assert "/nonexistent is missing" in str(caught.value.exceptions[0])
    assert time.monotonic() - began < 10


async def test_waiting_for_a_part_that_is_not_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await run([sleeper("a", tmp_path, after=("b",))], tmp_path, on_all_ready=False)
    assert "a waits for b" in str(caught.value.exceptions[0])
