"""`python -m switchboard_local.sip_edge`: the edge as a process, until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
import sys

import uvloop

from switchboard_local.sip_edge.edge import Edge, running_edge
from switchboard_local.sip_edge.json_log import configure, log
from switchboard_local.sip_edge.settings import EdgeSettings, SettingsError, parse

_LOGGER = logging.getLogger("switchboard_local.sip_edge")


async def _serve(settings: EdgeSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_edge(settings) as edge, asyncio.TaskGroup() as tasks:
        announced = tasks.create_task(_announce(edge))
        await stop.wait()
        announced.cancel()
    # Every room is left. Taking the native library down now would race with its own threads,
    # which still use what Python is about to free, and end the process with a fault.
    logging.shutdown()
    os._exit(0)


async def _announce(edge: Edge) -> None:
    """Print the line that a starter waits for."""
    await edge.ready.wait()
    host, port = edge.signalling.local
    log(_LOGGER, logging.INFO, "ready", sip=f"{host}:{port}", pid=os.getpid())


def main() -> None:
    """Run the edge."""
    try:
        settings = parse(sys.argv[1:], os.environ)
    except (SettingsError, ValueError) as error:
        raise SystemExit(f"sip_edge: {error}") from error
    configure(settings.log_level)
    try:
        uvloop.run(_serve(settings))
    except* OSError as group:
        raise SystemExit(
            f"sip_edge: cannot listen on {settings.listen_ip}:{settings.listen_port}: "
            f"{group.exceptions[0]}"
        ) from group


if __name__ == "__main__":
    main()
