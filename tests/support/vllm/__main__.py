"""`vllm serve` without a model: takes the flags we render, loads for a while, answers, drains.

    python -m tests.support.vllm serve stand-in/first --port=8000 ...

An unknown flag ends it, as it ends vLLM. Nothing listens while it loads. SIGTERM lets answers in
progress end, as `--shutdown-timeout` says. What it says names the model and the longest context, so
that a test hears which server answered.
"""

import argparse
import asyncio
import signal
from collections.abc import Sequence

from aiohttp import web

from tests.support.openai_server import Conversation, OpenAiServer

LOAD_SECONDS = 4.0


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="vllm", allow_abbrev=False)
    serve = made.add_subparsers(required=True).add_parser("serve", allow_abbrev=False)
    serve.add_argument("model")
    serve.add_argument("--served-model-name", required=True)
    serve.add_argument("--host", default="0.0.0.0")
    serve.add_argument("--port", type=int, required=True)
    serve.add_argument("--max-model-len", type=int, default=4096)
    serve.add_argument("--gpu-memory-utilization", type=float)
    serve.add_argument("--tensor-parallel-size", type=int)
    serve.add_argument("--enable-prefix-caching", action="store_true")
    serve.add_argument("--shutdown-timeout", type=float, default=0)
    serve.add_argument("--disable-access-log-for-endpoints")
    return made


def said_by(model: str, max_model_len: int) -> str:
    """Return what a server says to everything."""
    return f"The {model.rpartition('/')[2]} model with {max_model_len} tokens heard you. Go on."


async def serve(options: argparse.Namespace) -> None:
    """Load, answer until told to stop, finish."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await asyncio.sleep(LOAD_SECONDS)
    text = said_by(options.served_model_name, options.max_model_len)

    def reply(_: Conversation) -> str:
        return text

    server = OpenAiServer(reply=reply, models=(options.served_model_name,), token_seconds=0.02)
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=options.shutdown_timeout)
    await runner.setup()
    await web.TCPSite(runner, options.host, options.port).start()
    await stop.wait()
    await runner.cleanup()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until told to stop."""
    asyncio.run(serve(parser().parse_args(arguments)))


if __name__ == "__main__":
    main()
