"""Redis: LiveKit's message bus and the stream of call events."""

from pathlib import Path

from switchboard_local.part import Part
from switchboard_local.probes import RedisReady


def redis_part(*, program: Path, directory: Path, host: str, port: int) -> Part:
    """Return a Redis that keeps everything in memory and nothing on disk."""
    return Part(
        name="redis",
        command=(
            str(program),
            *("--bind", host, "--port", str(port)),
            *("--save", "", "--appendonly", "no"),
            # Test clients come from other addresses of the same private network.
            *("--protected-mode", "no"),
            *("--dir", str(directory)),
        ),
        probe=RedisReady(host, port),
        listens=((host, port),),
        directories=(directory,),
        ready_within_seconds=10,
    )
