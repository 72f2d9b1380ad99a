"""What Kubernetes and Prometheus ask a worker over HTTP, answered on the call loop itself.

`/healthz` answers as long as the loop turns. `/readyz` says whether a call offered now would be
taken. `/metrics` is the page of the worker's registry.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

NotReady = Callable[[], str | None]
"""Why the worker is not ready; None if it is."""


def health_app(not_ready: NotReady, registry: CollectorRegistry) -> web.Application:
    """The three pages."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = not_ready()
        if reason is None:
            return web.Response(text="ready\n")
        return web.Response(status=503, text=f"not ready: {reason}\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app


@asynccontextmanager
async def serve_health(app: web.Application, port: int) -> AsyncIterator[int]:
    """Listen on all addresses while the block runs; gives the port."""
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "0.0.0.0", port)  # noqa: S104 probes come from the node
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
