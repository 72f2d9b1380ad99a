"""The keeper of the processes: runs them all, and ends with any one of them.

Its standard input is the starter's pipe, as for the bundle's keeper. Every part dies with it, even
when it is killed.
"""

import asyncio
import shutil
import signal
import sys

from switchboard_local.bundle.keeper import STAY
from switchboard_local.bundle.messages import Kind, Message, send
from switchboard_local.errors import LocalError
from switchboard_local.processes.layout import plan_processes, process_parts, state_of
from switchboard_local.servers.control_plane import etcd_directory
from switchboard_local.settings import LocalSettings
from switchboard_local.state import write_state
from switchboard_local.supervisor import supervise

GRACE_SECONDS = 3.0
"""Nothing here holds what would be missed."""


class StoppedError(LocalError):
    """Somebody asked for the end."""


async def run(settings: LocalSettings, *, bare: bool) -> None:
    """Run all parts until one fails or somebody asks for the end."""
    for stale in ("run", "logs"):
        shutil.rmtree(settings.out / stale, ignore_errors=True)
    stopping = asyncio.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(wanted, stopping.set)
    all_ready = asyncio.Event()
    with etcd_directory(settings.out) as data:
        plan = plan_processes(settings, data)
        write_state(settings.state_file, state_of(plan))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_stop_when(stopping))
                group.create_task(_stop_with_starter())
                group.create_task(_announce(all_ready))
                group.create_task(
                    supervise(
                        process_parts(plan, bare=bare),
                        settings.logs,
                        on_ready=lambda name, seconds: send(Message(Kind.READY, name, seconds)),
                        all_ready=all_ready,
                        grace_seconds=GRACE_SECONDS,
                    )
                )
        except* LocalError as failures:
            raise failures.exceptions[0] from None
        finally:
            settings.state_file.unlink(missing_ok=True)


async def _announce(all_ready: asyncio.Event) -> None:
    await all_ready.wait()
    send(Message(Kind.UP))


async def _stop_when(stopping: asyncio.Event) -> None:
    await stopping.wait()
    raise StoppedError("stopped")


async def _stop_with_starter() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    if await reader.readline() != STAY:
        raise StoppedError("the starter has gone")


def main(*arguments: str) -> int:
    """Run to the end and return the exit status."""
    try:
        asyncio.run(run(LocalSettings.from_environment(), bare="--bare" in arguments))
    except StoppedError:
        return 0
    except LocalError as error:
        send(Message(Kind.FAILED, str(error)))
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
