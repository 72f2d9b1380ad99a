"""/healthz, /readyz and /metrics.

`/healthz` fails when work is waiting and none gets done, or when the watches bring nothing: a
process that only looks alive is worse than one that is started anew. `/readyz` also says yes on
standby: it is ready to take over. It says no, and what to do, where a new start would not help.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from switchboard_operator.telemetry import Telemetry

STUCK_SECONDS = 180.0
"""Waiting work without progress. The slowest honest step is a request that times out (30 s)."""


@dataclass(slots=True)
class Health:
    """What the probes look at."""

    clock: Callable[[], float]
    leading: bool = False
    started: bool = False
    waiting: Callable[[], int] = lambda: 0
    watches: Callable[[], bool] = lambda: True
    """Whether the watches can be believed."""
    last_progress: float = 0.0
    problems: dict[str, str] = field(default_factory=dict)
    """What a person must mend, by whoever found it."""

    def progress(self) -> None:
        """Note that something got done."""
        self.last_progress = self.clock()

    def is_alive(self) -> bool:
        """Tell whether a new start would not help."""
        return not self.why_dead()

    def why_dead(self) -> str:
        """Return why the process must be started anew; empty if it must not."""
        if self.waiting() and self.clock() - self.last_progress >= STUCK_SECONDS:
            return "work is waiting and none gets done"
        if not self.watches():
            return "the watches bring nothing: renewals of the lease do not come back"
        return ""

    def is_ready(self) -> bool:
        """Tell whether the process does its part: leads and has read the cluster, or stands by."""
        return not self.why_not_ready()

    def why_not_ready(self) -> str:
        """Return what keeps the process from doing its part; empty if nothing does."""
        if self.problems:
            return "; ".join(self.problems.values())
        return "" if self.started or not self.leading else "reading the cluster"


@asynccontextmanager
async def serving(
    health: Health, telemetry: Telemetry, port: int, more: Iterable[web.RouteDef] = ()
) -> AsyncIterator[None]:
    """Serve the three paths, and `more`, on all addresses while the block runs."""

    async def healthz(_: web.Request) -> web.Response:
        return _ok_or(health.why_dead())

    async def readyz(_: web.Request) -> web.Response:
        return _ok_or(health.why_not_ready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=telemetry.render(), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    app.add_routes(more)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()


def _ok_or(why_not: str) -> web.Response:
    return web.Response(text=f"{why_not or 'ok'}\n", status=503 if why_not else 200)
