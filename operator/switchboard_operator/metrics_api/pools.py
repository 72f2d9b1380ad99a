"""The load of pools and model servers over plain HTTP, for KEDA's `metrics-api` trigger.

Beside /metrics and like it without a password: it tells numbers of calls and nothing else. Without
a fresh sample the answer is 503, which KEDA takes for a failing trigger and not for idleness.
"""

from aiohttp import web

from switchboard_contract import names
from switchboard_operator.desired.autoscaler import (
    ACTIVE_CALLS,
    SPARE_CALLS_LABEL,
    TURN_LATENCY_P95,
    WORKERS_NEEDED,
)
from switchboard_operator.desired.models.autoscaler import MODEL_SERVER_CALLS
from switchboard_operator.heartbeats import Heartbeats
from switchboard_operator.metrics_api.figures import Question, RefusedError, value


def routes(heartbeats: Heartbeats) -> list[web.RouteDef]:
    """Return `/pools/<namespace>/<pool>?spare=<calls>` and `/model-servers/<namespace>/<name>`."""

    async def pool(request: web.Request) -> web.StreamResponse:
        namespace, name = request.match_info["namespace"], request.match_info["pool"]
        spare = request.query.get("spare", "0")
        if not spare.isdecimal():
            raise web.HTTPBadRequest(text="spare must be a number\n")
        selector = {names.LABEL_POOL: name, SPARE_CALLS_LABEL: spare}
        try:
            calls, latency, needed = (
                value(Question(namespace, metric, selector), heartbeats.reading, heartbeats.error)
                for metric in (ACTIVE_CALLS, TURN_LATENCY_P95, WORKERS_NEEDED)
            )
        except RefusedError as error:
            return web.json_response({"error": error.message}, status=error.status)
        figures = {"calls": calls, "p95TurnMs": latency, "workersNeeded": needed}
        return web.json_response(figures)

    async def model_server(request: web.Request) -> web.StreamResponse:
        namespace, name = request.match_info["namespace"], request.match_info["server"]
        asked = Question(namespace, MODEL_SERVER_CALLS, {names.LABEL_MODEL_SERVER: name})
        try:
            calls = value(asked, heartbeats.reading, heartbeats.error)
        except RefusedError as error:
            return web.json_response({"error": error.message}, status=error.status)
        return web.json_response({"calls": calls})

    return [
        web.get("/pools/{namespace}/{pool}", pool),
        web.get("/model-servers/{namespace}/{server}", model_server),
    ]
