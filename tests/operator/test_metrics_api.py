"""The metrics API: what it answers, whom it answers, and what it proves itself with."""

import base64
import datetime as dt
import json
from collections import Counter
from typing import Any, cast

import pytest
from cryptography import x509

from switchboard_contract import names
from switchboard_operator.desired.models.autoscaler import MODEL_SERVER_CALLS
from switchboard_operator.heartbeats import Heartbeats, PoolLoad, Reading
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import API_SERVICE, CLUSTER_ROLE, SECRET
from switchboard_operator.metrics_api import certificates, figures, front_proxy, keeping
from switchboard_operator.metrics_api.registration import NAME, Registration
from switchboard_operator.metrics_api.server import MetricsServer, tls_context
from tests.operator.fakes import FakeKube

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HOSTS = ("metrics.system.svc",)
POOL = f"{names.LABEL_POOL}=n.a"
LOAD = PoolLoad("n", calls=7, workers=2, turns=3, p95_turn_ms=640.4)


def ask(selector: str, load: PoolLoad | None, metric: str = "switchboard_active_calls") -> float:
    pools = {"n.a": load} if load else {}
    return figures.value(figures.question("n", metric, selector), Reading(pools, Counter()), "")


def test_calls_and_latency_are_told_with_spare_places() -> None:
    assert ask(POOL, LOAD) == 7
    assert ask(f"{POOL},switchboard.dev/spare-calls=5", LOAD) == 12
    latency = "switchboard_turn_latency_p95_milliseconds"
    assert ask(POOL, LOAD, latency) == 640
    assert ask(POOL, PoolLoad("n", workers=1), latency) == 0


@pytest.mark.parametrize(
    ("selector", "load", "metric", "status"),
    [
        (POOL, None, "switchboard_active_calls", 503),
        (POOL, PoolLoad("n", draining_calls=3), "switchboard_active_calls", 503),
        (POOL, PoolLoad("other", workers=1), "switchboard_active_calls", 404),
        (POOL, LOAD, "cpu", 404),
        ("", LOAD, "switchboard_active_calls", 400),
        (f"{POOL},spare notin (a)", LOAD, "switchboard_active_calls", 400),
        (f"{POOL},switchboard.dev/spare-calls=-1", LOAD, "switchboard_active_calls", 400),
    ],
)
def test_what_cannot_be_known_is_an_error_and_never_zero(
    selector: str, load: PoolLoad | None, metric: str, status: int
) -> None:
    with pytest.raises(figures.RefusedError) as refused:
        ask(selector, load, metric)
    assert refused.value.status == status
    assert refused.value.body()["code"] == status


MODELS = Counter({"brain.n.svc": 5, "brain.other.svc": 2})
SERVER = f"{names.LABEL_MODEL_SERVER}=brain"


def model_calls(reading: Reading, selector: str = SERVER) -> float:
    return figures.value(figures.question("n", MODEL_SERVER_CALLS, selector), reading, "away")


def test_a_model_server_is_told_the_calls_that_ask_it_from_all_pools() -> None:
    assert model_calls(Reading({"n.a": LOAD}, Counter(), MODELS)) == 5
    assert model_calls(Reading({"n.a": LOAD}, Counter(), Counter())) == 0


@pytest.mark.parametrize(
    ("reading", "selector", "said"),
    [
        (Reading({}, Counter()), SERVER, r"no worker has sent a heartbeat .* \(Redis: away\)"),
        (Reading({"n.a": LOAD}, Counter(), None), SERVER, "of an older version do not tell"),
        (Reading({"n.a": LOAD}, Counter()), POOL, "must name switchboard.dev/model-server"),
    ],
)
def test_calls_of_a_model_server_are_not_made_up(
    reading: Reading, selector: str, said: str
) -> None:
    with pytest.raises(figures.RefusedError, match=said):
        model_calls(reading, selector)


@pytest.mark.parametrize(
    ("load", "spare", "needed"),
    [
        (PoolLoad("n", calls=8, capacity=10, workers=1, ready=1), 0, 1.0),
        (PoolLoad("n", calls=9, capacity=10, workers=1, ready=1), 0, 1.125),
        (PoolLoad("n", calls=8, capacity=10, workers=3, ready=1), 0, 1.0),
        (PoolLoad("n", calls=60, capacity=100, workers=2, ready=2), 20, 2.0),
        (PoolLoad("n", calls=0, capacity=10, workers=1, ready=1), 0, 0.0),
    ],
)
def test_workers_needed_are_counted_by_what_those_that_are_ready_hold(
    load: PoolLoad, spare: int, needed: float
) -> None:
    selector = f"{POOL},switchboard.dev/spare-calls={spare}"
    assert ask(selector, load, "switchboard_workers_needed") == needed


def test_workers_of_which_none_takes_calls_say_nothing_of_how_many_are_needed() -> None:
    with pytest.raises(figures.RefusedError, match="takes calls yet") as refused:
        ask(POOL, PoolLoad("n", calls=3, workers=2), "switchboard_workers_needed")
    assert refused.value.status == 503


@pytest.mark.parametrize(("figure", "text"), [(7, "7"), (2.0, "2"), (1.125, "1125m"), (0, "0")])
def test_figures_are_written_as_kubernetes_reads_them(figure: float, text: str) -> None:
    assert figures.quantity(figure) == text


def test_the_answer_is_what_the_autoscaler_reads() -> None:
    asked = figures.question("n", "switchboard_active_calls", POOL)
    answer = figures.answer(asked, Reading({"n.a": LOAD}, Counter()), "", "2026-03-01T00:00:00Z")
    assert answer["items"] == [
        {
            "metricName": "switchboard_active_calls",
            "metricLabels": {names.LABEL_POOL: "n.a"},
            "timestamp": "2026-03-01T00:00:00Z",
            "value": "7",
        }
    ]


def proxy(**data: str) -> front_proxy.FrontProxy:
    made = front_proxy.read(
        {
            "requestheader-client-ca-file": "PEM",
            "requestheader-allowed-names": json.dumps(["front-proxy-client"]),
            "requestheader-username-headers": json.dumps(["X-Remote-User"]),
            **data,
        }
    )
    assert made is not None
    return made


def peer(name: str) -> dict[str, Any]:
    return {"subject": ((("commonName", name),),)}


def test_only_the_front_proxy_is_let_in() -> None:
    user = {"X-Remote-User": "system:hpa"}
    assert proxy().refusal(peer("front-proxy-client"), user) == 0
    assert proxy().refusal(None, user) == 401
    assert proxy().refusal({}, user) == 401
    assert proxy().refusal(peer("somebody"), user) == 403
    assert proxy().refusal(peer("front-proxy-client"), {}) == 401
    anybody = proxy(**{"requestheader-allowed-names": "[]"})
    assert anybody.refusal(peer("somebody"), user) == 0
    assert front_proxy.read({"client-ca-file": "PEM"}) is None


def test_certificates_are_renewed_before_their_end_under_the_same_ca() -> None:
    first = certificates.renewed(None, HOSTS, NOW)
    assert certificates.renewed(first, HOSTS, NOW + dt.timedelta(days=59)) is first
    second = certificates.renewed(first, HOSTS, NOW + dt.timedelta(days=61))
    assert (second.ca, second.cert != first.cert) == (first.ca, True)
    moved = certificates.renewed(first, ("other.svc",), NOW)
    assert (moved.ca, moved.cert != first.cert) == (first.ca, True)
    late = certificates.renewed(first, HOSTS, NOW + dt.timedelta(days=3500))
    assert late.ca != first.ca
    ca, cert = (x509.load_pem_x509_certificate(pem.encode()) for pem in (first.ca, first.cert))
    cert.verify_directly_issued_by(ca)
    assert first.key not in repr(first)


def test_certificates_make_a_tls_server() -> None:
    made = certificates.renewed(None, HOSTS, NOW)
    context = tls_context(made, proxy(**{"requestheader-client-ca-file": made.ca}))
    assert context.get_ca_certs()


async def test_replicas_share_one_secret() -> None:
    kube = FakeKube()
    first = await keeping.keep(kube, "system", "metrics", HOSTS, NOW)
    assert await keeping.keep(kube, "system", "metrics", HOSTS, NOW) == first
    assert [verb for verb, _, _ in kube.writes] == ["create"]
    later = NOW + dt.timedelta(days=70)
    renewed = await keeping.keep(kube, "system", "metrics", HOSTS, later)
    assert renewed.cert != first.cert
    assert await keeping.keep(kube, "system", "metrics", HOSTS, later) == renewed
    kube.objects[SECRET, "system", "metrics"]["data"]["tls.key"] = "!"
    assert (await keeping.keep(kube, "system", "metrics", HOSTS, NOW)).ca != first.ca


def server(kube: KubeApi) -> MetricsServer:
    made = MetricsServer(kube, cast("Heartbeats", None), "system", "metrics", 8443)
    made.ca, made.problem = "PEM", ""
    return made


def owned_kube() -> FakeKube:
    kube = FakeKube()
    kube.put(CLUSTER_ROLE, {"metadata": {"name": "switchboard-operator"}})
    return kube


async def test_the_api_is_registered_and_goes_with_the_installation() -> None:
    kube = owned_kube()
    registration = Registration(kube, server(kube), "switchboard-operator")
    await registration.first_look()
    assert "not available yet" in registration.problem
    made = kube.objects[API_SERVICE, "", NAME]
    assert made["spec"]["service"] == {"namespace": "system", "name": "metrics", "port": 8443}
    assert base64.b64decode(made["spec"]["caBundle"]) == b"PEM"
    assert made["metadata"]["ownerReferences"][0]["name"] == "switchboard-operator"
    made["status"] = {"conditions": [{"type": "Available", "status": "True"}]}
    kube.put(API_SERVICE, made)
    kube.writes.clear()
    await registration.first_look()
    assert (registration.problem, kube.writes) == ("", [])


async def test_somebody_elses_registration_is_left_alone() -> None:
    kube = owned_kube()
    theirs = {
        "metadata": {"name": NAME},
        "spec": {"service": {"namespace": "keda", "name": "keda-metrics-apiserver"}},
    }
    kube.put(API_SERVICE, theirs)
    registration = Registration(kube, server(kube), "switchboard-operator")
    await registration.first_look()
    assert "belongs to keda/keda-metrics-apiserver and is left alone" in registration.problem
    assert "metrics.provider" in registration.problem
    assert kube.writes == []


async def test_another_provider_finds_the_place_free() -> None:
    kube = owned_kube()
    await Registration(kube, server(kube), "switchboard-operator").first_look()
    other = Registration(kube, None)
    await other.first_look()
    assert (other.problem, (API_SERVICE, "", NAME) in kube.objects) == ("", False)
