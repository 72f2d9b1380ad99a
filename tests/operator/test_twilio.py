"""An agent that Twilio calls: line, Service, open port; nothing of LiveKit unless asked."""

import base64
from typing import Any

import pytest

from switchboard_contract import names
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_contract.line import Line
from switchboard_operator.desired.pool import Pool
from switchboard_operator.desired.workers import build
from switchboard_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    NETWORK_POLICY,
    SECRET,
    SERVICE,
    TENANT,
    VOICE_AGENT,
)
from switchboard_operator.kube.objects import Object
from switchboard_operator.settings import NetworkSettings, WorkerSettings
from tests.operator.samples import TWILIO, WORKER, World, agent, inputs, namespace, spec, tenant

BOTH = {"twilio": TWILIO}
ONLY_TWILIO = {"sip": {"enabled": False}, "twilio": TWILIO}


def secret(key: str = "authToken", value: str = "token") -> Object:
    encoded = base64.b64encode(value.encode()).decode()
    return {"metadata": {"name": "twilio", "namespace": "smile-dental"}, "data": {key: encoded}}


async def world(channels: Object, *secrets: Object, **changes: Any) -> World:  # noqa: ANN401
    made = World()
    called = agent(channels=channels, **changes)
    made.users_put((TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, called))
    made.users_put(*((SECRET, one) for one in secrets))
    await made.open()
    await made.settle()
    return made


async def ready(made: World) -> World:
    deployment = made.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
    deployment["status"] = {"replicas": 1, "readyReplicas": 1}
    made.kube.put(DEPLOYMENT, deployment)
    await made.settle()
    return made


def line(made: World) -> Line | None:
    found = made.kube.objects.get((CONFIG_MAP, "smile-dental", "reception-line"))
    return Line.model_validate_json(found["data"][names.LINE_KEY]) if found else None


async def test_workers_learn_who_answers_and_how_twilio_proves_itself() -> None:
    made = await world(BOTH, secret())
    found = line(made)
    assert found is not None
    assert found.dispatch is not None
    assert found.dispatch.revision == made.seen()["status"]["revision"]
    assert found.numbers == ("+15550100",)
    assert found.twilio.auth_token_file == f"{names.SECRETS_DIRECTORY}/twilio/authToken"
    assert found.twilio.api_url == "https://api.twilio.com"
    assert made.sip.rules  # by phone through LiveKit too


async def test_condition_says_what_to_set_at_twilio() -> None:
    made = await ready(await world(BOTH, secret()))
    assert made.condition("TwilioReady") == "True/TwilioReady"
    assert "https://voice.example/reception/twilio/voice" in made.message("TwilioReady")
    assert made.condition("Ready") == "True/Ready"


@pytest.mark.parametrize("secrets", [(), (secret("other"),), (secret(value=""),)])
async def test_missing_auth_token_is_named(secrets: tuple[Object, ...]) -> None:
    made = await world(BOTH, *secrets)
    assert made.condition("Accepted") == "False/SecretNotFound"
    assert "spec.channels.twilio.authTokenRef" in made.message("Accepted")
    assert line(made) is None


async def test_without_sip_nothing_is_in_livekit_and_ready_does_not_wait_for_it() -> None:
    made = await ready(await world(ONLY_TWILIO, secret()))
    assert not made.sip.trunks
    assert not made.sip.rules
    kinds = {c["type"] for c in made.seen()["status"]["conditions"]}
    assert kinds == {"Accepted", "TwilioReady", "WorkersReady", "Ready"}
    assert made.condition("Ready") == "True/Ready"


async def test_sip_switched_off_gives_the_numbers_back_in_livekit() -> None:
    made = await world(BOTH, secret())
    changed = made.seen()
    changed["spec"]["channels"] = ONLY_TWILIO
    changed["metadata"]["generation"] += 1
    made.kube.put(VOICE_AGENT, changed)
    await made.settle()
    assert not made.sip.trunks
    assert line(made) is not None


async def test_twilio_switched_off_takes_line_and_service_away() -> None:
    made = await world(BOTH, secret())
    assert (SERVICE, "smile-dental", "reception-twilio") in made.kube.objects
    changed = made.seen()
    changed["spec"]["channels"] = {}
    changed["metadata"]["generation"] += 1
    made.kube.put(VOICE_AGENT, changed)
    await made.settle()
    assert line(made) is None
    assert (SERVICE, "smile-dental", "reception-twilio") not in made.kube.objects


async def test_suspended_agent_keeps_its_line_and_takes_no_call() -> None:
    made = await world(BOTH, secret(), suspend=True)
    found = line(made)
    assert found is not None
    assert (found.dispatch, found.cut) == (None, False)
    assert made.condition("TwilioReady") == "False/Suspended"


async def test_cut_tenant_has_live_calls_ended() -> None:
    made = await world(BOTH, secret())
    made.kube.put(TENANT, tenant(suspend=True, suspendPolicy="Cut"))
    await made.settle()
    found = line(made)
    assert found is not None
    assert (found.dispatch, found.cut) == (None, True)
    assert made.condition("TwilioReady") == "False/NotAccepted"


async def test_line_that_somebody_edits_is_put_right() -> None:
    made = await world(BOTH, secret())
    before = line(made)
    edited = made.kube.objects[CONFIG_MAP, "smile-dental", "reception-line"]
    edited["data"][names.LINE_KEY] = '{"agent":"other"}'
    made.kube.put(CONFIG_MAP, edited)
    await made.settle()
    assert line(made) == before


async def test_another_revision_serves_by_the_same_line() -> None:
    made = await world(BOTH, secret())
    changed = made.seen()
    changed["spec"]["persona"] = {"name": "Bea"}
    made.kube.put(VOICE_AGENT, changed)
    await made.settle()
    found = line(made)
    assert found is not None
    assert found.dispatch is not None
    assert found.dispatch.revision == made.seen()["status"]["revision"]


async def test_lost_tenant_takes_the_line_away() -> None:
    made = await world(BOTH, secret())
    made.kube.remove(TENANT, "", "smile-dental")
    await made.settle()
    assert line(made) is None


async def test_deleted_agent_takes_no_new_call_while_its_calls_end() -> None:
    made = await world(BOTH, secret())
    made.sip.rooms = [("one", '{"agent":"smile-dental/reception"}')]
    gone = made.seen()
    gone["metadata"]["deletionTimestamp"] = made.now
    made.kube.put(VOICE_AGENT, gone)
    await made.settle()
    assert line(made) is None
    assert made.condition("Ready") == "False/Deleting"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sip": {"enabled": False}},
        {"twilio": TWILIO | {"publicUrl": "http://voice.example"}},
        {"twilio": TWILIO | {"publicUrl": "https://voice.example/"}},
        {"twilio": TWILIO | {"publicUrl": "https://voice.example?x=1"}},
        {"twilio": TWILIO | {"accountSid": "AC123"}},
        {"twilio": TWILIO | {"apiUrl": "ftp://api.twilio.com"}},
        {"twilio": {"publicUrl": "https://voice.example"}},
    ],
)
def test_channels_that_cannot_work_are_refused(wrong: Object) -> None:
    with pytest.raises(ValueError, match="channels"):
        VoiceAgentSpec.model_validate(spec(channels=wrong))


def test_shared_workers_hold_no_tenants_auth_token() -> None:
    with pytest.raises(ValueError, match="leave out workerPool"):
        VoiceAgentSpec.model_validate(spec(channels=BOTH, workerPool="front"))


def _policy(pool: Pool, settings: WorkerSettings) -> Object:
    (policy,) = [obj for kind, obj in build(pool, settings) if kind is NETWORK_POLICY]
    return policy


def test_port_is_open_only_where_twilio_brings_calls_and_may_be_narrowed() -> None:
    ports = [rule["ports"][0]["port"] for rule in _policy(inputs().pool, WORKER)["spec"]["ingress"]]
    assert ports == [8080]
    called = inputs(channels=BOTH).pool
    rules = _policy(called, WORKER)["spec"]["ingress"]
    assert rules[1] == {"ports": [{"port": 8081, "protocol": "TCP"}]}
    narrow = WorkerSettings(
        "", "", "", "", "", network=NetworkSettings(twilio_from=("ingress-nginx",))
    )
    peer, workers = _policy(called, narrow)["spec"]["ingress"][1]["from"]
    assert workers["podSelector"]["matchLabels"] == {names.LABEL_POOL: called.name}
    labels = peer["namespaceSelector"]["matchLabels"]
    assert labels == {"kubernetes.io/metadata.name": "ingress-nginx"}
