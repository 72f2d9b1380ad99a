"""What probes and Prometheus see."""

import aiohttp
from prometheus_client import CollectorRegistry, Counter

from switchboard_agent.health import health_app, serve_health


async def test_readiness_tells_why_not() -> None:
    reason: str | None = "not registered at LiveKit"
    registry = CollectorRegistry()
    Counter("switchboard_things_total", "Things.", registry=registry).inc(3)
    app = health_app(lambda: reason, registry)
    async with serve_health(app, 0) as port, aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{port}"
        async with session.get(f"{base}/healthz") as response:
            assert response.status == 200
        async with session.get(f"{base}/readyz") as response:
            assert response.status == 503
            assert "not registered at LiveKit" in await response.text()
        reason = None
        async with session.get(f"{base}/readyz") as response:
            assert response.status == 200
        async with session.get(f"{base}/metrics") as response:
            assert "switchboard_things_total 3.0" in await response.text()
