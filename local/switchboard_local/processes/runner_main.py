"""`python -m switchboard_local.processes.runner_main`: the runner as a process of its own."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from switchboard_local.ports import LOOPBACK
from switchboard_local.processes.kube import open_kube
from switchboard_local.processes.runner import Runner


async def run(given: argparse.Namespace, token: str) -> None:
    """Run until SIGTERM; a listening port says that the runner is at work."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    access = {
        "SWITCHBOARD_KUBE_URL": given.kube_url,
        "SWITCHBOARD_KUBE_TOKEN_FILE": str(given.token_file),
        "SWITCHBOARD_KUBE_CA_FILE": str(given.ca_file),
    }
    listener = await asyncio.start_server(_greet, LOOPBACK, given.port)
    async with (
        listener,
        open_kube(given.kube_url, ca_file=given.ca_file, token=token) as kube,
        asyncio.TaskGroup() as leaving,
    ):
        runner = Runner(kube, logs=given.logs, access=access, leaving=leaving, pages=given.pages)
        working = leaving.create_task(runner.run())
        await stop.wait()
        working.cancel()


async def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m switchboard_local.processes.runner_main")
    parser.add_argument("--kube-url", required=True)
    parser.add_argument("--ca-file", type=Path, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    given = parser.parse_args()
    asyncio.run(run(given, given.token_file.read_text().strip()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
