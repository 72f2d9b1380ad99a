"""The real HPA controller asks the real API server, which asks the operator, which asks Redis."""

import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from switchboard_agent.turn_window import Recent
from switchboard_contract import names
from switchboard_local.pki import write_control_plane_files
from switchboard_operator.kube.kinds import (
    API_SERVICE,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    VOICE_AGENT,
)
from switchboard_operator.metrics_api.registration import NAME
from tests.operator.system import System, until
from tests.operator.workers import FakeWorker, beating

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

WORKER = "reception-worker"
SCALING = {
    "min": 1,
    "max": 5,
    "callsPerWorker": 10,
    "behavior": {"scaleDownStabilizationSeconds": 0},
}


async def serve(system: System, where: str, number: str, **spec: Any) -> None:  # noqa: ANN401
    """Make a VoiceAgent whose workers may scale quickly."""
    await system.tenant_with_namespace(where)
    limits = {"maxCallSeconds": 10}
    await system.serve(where, number, **({"scaling": SCALING, "limits": limits} | spec))


async def workers_wanted(system: System, where: str) -> int:
    """Return the Deployment's replicas."""
    deployment = await system.kube.get(DEPLOYMENT, where, WORKER)
    return int(deployment["spec"]["replicas"])


async def metric(system: System, where: str, name: str, *labels: str) -> tuple[int, str]:
    """Ask the API server as an autoscaler does."""
    selector = "%2C".join(label.replace("/", "%2F").replace("=", "%3D") for label in labels)
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{where}/{name}"
    return await system.kubectl("get", "--raw", f"{path}?labelSelector={selector}")


def trusting() -> ssl.SSLContext:
    """Return TLS that believes every server: it is the client that is to be judged."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def test_workers_follow_the_calls_up_and_down(system: System) -> None:
    where, pool = "calls", "calls.reception"
    await serve(system, where, "+15550701")
    worker = FakeWorker(calls={f"{where}/reception": 17})
    async with beating(system.redis.url, pool, worker):
        await system.condition(where, "ScalingReady", "True/ScalingReady")

        async def wanted(number: int) -> bool:
            return await workers_wanted(system, where) == number

        # 17 calls at 8 for each worker (80 % of 10).
        await until(lambda: wanted(3), "three workers are asked for")

        async def told() -> bool:
            status = (await system.kube.get(VOICE_AGENT, where, "reception"))["status"]
            return (status["activeCalls"], status["capacity"]) == (17, 10)

        await until(told, "status tells calls and places")
        worker.calls = {f"{where}/reception": 500}
        message = await system.condition(where, "ScalingReady", "False/AtMaximum")
        assert "raise scaling.max" in message
        assert await workers_wanted(system, where) == 5
        worker.calls = {}
        await until(lambda: wanted(1), "back at the minimum")


async def test_workers_follow_what_a_worker_found_out_that_it_holds(system: System) -> None:
    where, pool = "auto", "auto.reception"
    await serve(system, where, "+15550709", scaling={**SCALING, "callsPerWorker": "auto"})
    worker = FakeWorker(calls={f"{where}/reception": 17}, places=10)
    async with beating(system.redis.url, pool, worker):
        await system.condition(where, "ScalingReady", "True/ScalingReady")

        async def wanted(number: int) -> bool:
            return await workers_wanted(system, where) == number

        await until(lambda: wanted(3), "17 calls need three workers of 10 places")
        worker.places = 5
        await until(lambda: wanted(5), "and five of 5")
        worker.places = 30
        await until(lambda: wanted(1), "and one of 30")


async def test_without_heartbeats_nothing_is_scaled_and_it_is_said(system: System) -> None:
    where, pool = "silent", "silent.reception"
    await serve(system, where, "+15550702")
    worker = FakeWorker(calls={f"{where}/reception": 30})
    async with beating(system.redis.url, pool, worker):
        await system.condition(where, "ScalingReady", "True/ScalingReady")

        async def grown() -> bool:
            return await workers_wanted(system, where) == 4

        await until(grown, "four workers are asked for")
    message = await system.condition(where, "ScalingReady", "False/NoSamples")
    assert f"kubectl get pods -l switchboard.dev/pool={pool}" in message

    async def hpa_says() -> bool:
        hpa = await system.kube.get(HORIZONTAL_POD_AUTOSCALER, where, WORKER)
        found = {c["type"]: c for c in hpa["status"]["conditions"]}
        active = found.get("ScalingActive", {"reason": "", "message": ""})
        said = active["reason"], "has sent a heartbeat for 15 s" in active["message"]
        return said == ("FailedGetExternalMetric", True)

    await until(hpa_says, "the HPA passes on why")
    assert await workers_wanted(system, where) == 4
    ready = await system.kube.get(VOICE_AGENT, where, "reception")
    reasons = {c["type"]: c["reason"] for c in ready["status"]["conditions"]}
    assert reasons["Ready"] == "WorkersStarting", "scaling is told, and not rolled up"


async def test_slow_answers_add_workers(system: System) -> None:
    where, pool = "slow", "slow.reception"
    await serve(system, where, "+15550703", latency={"targetP95Ms": 800})
    worker = FakeWorker(calls={f"{where}/reception": 1}, recent=Recent(40, 1600.0))
    async with beating(system.redis.url, pool, worker):

        async def answered() -> bool:
            label = f"{names.LABEL_POOL}={pool}"
            name = "switchboard_turn_latency_p95_milliseconds"
            status, text = await metric(system, where, name, label)
            return status == 0 and json.loads(text)["items"][0]["value"] == "1600"

        await until(answered, "the API server passes the latency on")
    hpa = await system.kube.get(HORIZONTAL_POD_AUTOSCALER, where, WORKER)
    assert [m["external"]["target"] for m in hpa["spec"]["metrics"]] == [
        {"type": "AverageValue", "averageValue": "8"},
        {"type": "Value", "value": "800"},
    ]


async def test_spare_places_count_as_calls(system: System) -> None:
    where, pool = "spare", "spare.reception"
    await serve(system, where, "+15550704")
    worker = FakeWorker(calls={f"{where}/reception": 2})
    async with beating(system.redis.url, pool, worker):
        labels = (f"{names.LABEL_POOL}={pool}", "switchboard.dev/spare-calls=5")

        async def counted() -> bool:
            status, text = await metric(system, where, "switchboard_active_calls", *labels)
            return status == 0 and json.loads(text)["items"][0]["value"] == "7"

        await until(counted, "two calls and five places")
        status, text = await metric(system, "calls", "switchboard_active_calls", *labels)
        assert status != 0, "a pool of another namespace is nobody's business"
        assert "is not of namespace calls" in text
        url = f"http://127.0.0.1:{system.operators[-1].port}/pools"
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{url}/{where}/{pool}?spare=5") as answer:
                assert await answer.json() == {"calls": 7, "p95TurnMs": 0, "workersNeeded": 0.875}
            async with http.get(f"{url}/{where}/nobody") as answer:
                assert answer.status == 503


async def test_only_the_front_proxy_is_answered(system: System, tmp_path: Path) -> None:
    await system.kube.get(API_SERVICE, "", NAME)
    url = f"https://127.0.0.1:{system.metrics_port}/apis/external.metrics.k8s.io/v1beta1"
    forged = write_control_plane_files(tmp_path, hosts=()).front_proxy_client
    headers = {"X-Remote-User": "system:admin"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(url, ssl=trusting()) as answer,
    ):
        assert answer.status == 401
        assert (await answer.json())["message"] == "only the API server's front proxy asks"
    armed = trusting()
    armed.load_cert_chain(forged.cert, forged.key)
    async with aiohttp.ClientSession(headers=headers) as http:
        with pytest.raises(aiohttp.ClientError):
            await http.get(url, ssl=armed)


async def test_unreadable_and_lapsed_heartbeats_harm_nobody(system: System) -> None:
    redis = Redis.from_url(system.redis.url)
    try:
        await redis.set(names.heartbeat_key("odd/worker"), "not a heartbeat", px=2000)
        await redis.sadd(names.HEARTBEAT_INDEX, "odd/worker", "gone/worker")

        async def cleaned() -> bool:
            return not await redis.sismember(names.HEARTBEAT_INDEX, "gone/worker")

        await until(cleaned, "who is gone is forgotten, who cannot be read harms nobody")
    finally:
        await redis.aclose()
    assert system.operators[-1].process.returncode is None
