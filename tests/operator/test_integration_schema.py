"""What the real API server takes and refuses: samples, and every cross-field rule."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import NAMESPACE, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.operator.samples import SCRIPT, TWILIO, agent, namespace, tenant
from tests.operator.system import ROOT, System

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

SAMPLES = sorted((ROOT / "manifests" / "samples").rglob("*.yaml"))


def _script(**changes: Any) -> Object:  # noqa: ANN401  any part of a script
    return {"inline": copy.deepcopy(SCRIPT) | changes}


_BYE = SCRIPT["intents"][0]
_HUMAN = {"name": "human", "phrases": ["a human"], "say": "Yes.", "transfer": True}
_PROMPT: Object = {"prompt": {"greeting": "Hello.", "instructions": "Be brief."}}
_HOSTED: Object = {"name": "hosted", "baseUrl": "https://llm.example/v1", "model": "small"}
_SERVER: Object = {"name": "chat", "engine": "vllm", "model": "m", "gpuProfile": "small"}


def _llm(*providers: Object) -> Object:
    return {"providers": list(providers)}


def _variant(name: str, weight: int, **changes: Any) -> Object:  # noqa: ANN401  any part of one
    return {"name": name, "weight": weight, **changes}


def _without(obj: Object, field: str) -> Object:
    return {key: value for key, value in obj.items() if key != field}


WRONG: dict[str, tuple[Object, str]] = {
    "number": (agent(numbers=["15550100"]), "spec.numbers[0]"),
    "same number twice": (agent(numbers=["+15550100"] * 2), "Duplicate value"),
    "unknown field": (agent(colour="blue"), ".spec.colour: field not declared"),
    "no dialog": (agent(dialog={}), "exactly one of inline, configMapRef and prompt"),
    "two dialogs": (
        agent(dialog={**_script(), "configMapRef": {"name": "a", "key": "b"}}),
        "exactly one of inline, configMapRef and prompt",
    ),
    "scaling": (agent(scaling={"min": 3, "max": 2}), "min must not be above max"),
    "no calls per worker": (
        agent(scaling={"callsPerWorker": 0}),
        "callsPerWorker must be a number from 1 to 200, or auto",
    ),
    "calls per worker in words": (
        agent(scaling={"callsPerWorker": "many"}),
        "callsPerWorker must be a number from 1 to 200, or auto",
    ),
    "key and credential": (
        agent(
            dialog=_PROMPT,
            llm=_llm(_HOSTED | {"apiKeyRef": {"name": "a", "key": "b"}, "credential": "c"}),
        ),
        "set at most one of apiKeyRef and credential",
    ),
    "latency beside a shared pool": (
        agent(workerPool="front", latency={"targetP95Ms": 800}),
        "latency.targetP95Ms must be left out beside workerPool",
    ),
    "endpointing": (
        agent(turn={"endpointing": {"minSilenceMs": 900, "maxSilenceMs": 300}}),
        "minSilenceMs must not be above maxSilenceMs",
    ),
    "audio model without a model": (
        agent(turn={"endpointing": {"detector": "audioModel"}}),
        "set model with detector audioModel, and only then",
    ),
    "word of two minds": (
        agent(
            turn={"bargeIn": {"interruptionWords": ["okay"], "backchannelWords": ["yes", "okay"]}}
        ),
        "a word cannot be both in interruptionWords and in backchannelWords",
    ),
    "choice": (
        agent(dialog=_script(slots={"a": {"type": "choice", "ask": "Which?"}})),
        "needs choices",
    ),
    "idle intent": (
        agent(dialog=_script(intents=[{"name": "bye", "phrases": ["good bye"]}])),
        "an intent needs say, flow, keys or hangUp",
    ),
    "keys before a flow": (
        agent(dialog=_script(intents=[_BYE | {"keys": "12#", "flow": "book"}])),
        "an intent with keys starts no flow: set keys on the flow",
    ),
    "pauses without a key": (
        agent(dialog=_script(intents=[_BYE | {"keys": "ww"}])),
        "should match",
    ),
    "transfer without a word": (
        agent(dialog=_script(intents=[_BYE | {"transfer": True}])),
        "an intent with transfer needs say, and neither flow nor hangUp",
    ),
    "transfer and goodbye": (
        agent(
            dialog=_script(
                slots={"day": {"type": "day", "ask": "When?"}},
                flows={
                    "book": {"collect": ["day"], "done": "Bye.", "transfer": True, "hangUp": True}
                },
            )
        ),
        "set at most one of transfer and hangUp",
    ),
    "transfer to nobody": (
        agent(dialog=_script(intents=[_HUMAN])),
        "set transfer when the script transfers calls",
    ),
    "variant transfers to nobody": (
        agent(
            variants=[{"name": "b", "weight": 10, "dialog": _script(intents=[_HUMAN])}],
        ),
        "set transfer when the script of a variant transfers calls",
    ),
    "carrier without briefing": (
        agent(transfer={"to": "tel:+15550199", "carrier": "main"}),
        "carrier needs briefing",
    ),
    "briefing over sips": (
        agent(transfer={"to": "sips:desk@example.com", "briefing": "Hello."}),
        "with briefing, to must be a tel: or sip: address",
    ),
    "intent to nowhere": (
        agent(dialog=_script(intents=[_BYE | {"flow": "book"}])),
        "each flow of an intent must stand under flows",
    ),
    "flow of nothing": (
        agent(dialog=_script(flows={"book": {"collect": ["day"], "done": "Done."}})),
        "each name in a flow's collect must stand under slots",
    ),
    "no channel": (
        agent(channels={"sip": {"enabled": False}}),
        "set twilio when sip.enabled is false",
    ),
    "twilio in a shared pool": (
        agent(channels={"twilio": TWILIO}, workerPool="front"),
        "channels.twilio needs workers of its own",
    ),
    "twilio without https": (
        agent(channels={"twilio": TWILIO | {"publicUrl": "http://voice.example"}}),
        "spec.channels.twilio.publicUrl",
    ),
    "prompt without a model": (agent(dialog=_PROMPT), "dialog.prompt needs llm"),
    "endpoint and server": (
        agent(modelServers=[_SERVER], llm=_llm(_HOSTED | {"modelServer": "chat"})),
        "set exactly one of baseUrl and modelServer",
    ),
    "neither endpoint nor server": (
        agent(llm=_llm(_without(_HOSTED, "baseUrl"))),
        "set exactly one of baseUrl and modelServer",
    ),
    "endpoint without model": (
        agent(llm=_llm(_without(_HOSTED, "model"))),
        "set model beside baseUrl",
    ),
    "provider twice": (agent(llm=_llm(_HOSTED, _HOSTED)), "names of providers must not repeat"),
    "unknown server": (
        agent(llm=_llm({"name": "own", "modelServer": "chat"})),
        "must stand under modelServers",
    ),
    "server that speaks no chat": (
        agent(
            modelServers=[_SERVER | {"engine": "triton"}],
            llm=_llm({"name": "own", "modelServer": "chat"}),
        ),
        "with engine vllm",
    ),
    "server twice": (agent(modelServers=[_SERVER, _SERVER]), "Duplicate value"),
    "colocated and many": (
        agent(modelServers=[_SERVER | {"placement": "Colocated", "replicas": 2}]),
        "replicas must be 1 when placement is Colocated",
    ),
    "fewer at most than at least": (
        agent(modelServers=[_SERVER | {"replicas": 3, "maxReplicas": 2}]),
        "maxReplicas must not be below replicas",
    ),
    "colocated and scaled": (
        agent(modelServers=[_SERVER | {"placement": "Colocated", "maxReplicas": 2}]),
        "replicas must be 1 when placement is Colocated",
    ),
    "repository path": (
        agent(modelServers=[_SERVER | {"engine": "triton", "model": "a/b"}]),
        "has no / in its name",
    ),
    "weights": (
        agent(variants=[_variant("a", 60), _variant("b", 41)]),
        "must not add up to more than 100",
    ),
    "variant twice": (agent(variants=[_variant("a", 1), _variant("a", 1)]), "Duplicate value"),
    "variant's prompt without a model": (
        agent(variants=[_variant("a", 1, dialog=_PROMPT)]),
        "dialog.prompt of a variant needs llm",
    ),
    "variant's unknown server": (
        agent(variants=[_variant("a", 1, llm=_llm({"name": "own", "modelServer": "chat"}))]),
        "a variant's llm.providers must stand under modelServers",
    ),
    "variant's server of the wrong engine": (
        agent(
            modelServers=[_SERVER | {"engine": "triton", "name": "chat"}],
            variants=[_variant("a", 1, llm=_llm({"name": "own", "modelServer": "chat"}))],
        ),
        "must stand under modelServers, with engine vllm",
    ),
    "variant's two dialogs": (
        agent(variants=[_variant("a", 1, dialog={**_script(), **_PROMPT})]),
        "exactly one of inline, configMapRef and prompt",
    ),
    "pod template of no object": (agent(podTemplate="worker"), "spec.podTemplate"),
    "name": (agent("a" * 41), "at most 40 characters"),
    "dotted name": (agent("a.b"), "must be a DNS label"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_the_api_server_refuses_what_the_models_refuse(
    bare_system: System, case: str
) -> None:
    await bare_system.put(NAMESPACE, namespace())
    wrong, why = WRONG[case]
    if case == "unknown field":
        status, output = await _dry_run(bare_system, wrong)
        assert status != 0
        assert why in output
        return
    with pytest.raises(KubeApiError) as refusal:
        await bare_system.kube.create(VOICE_AGENT, wrong)
    assert why in str(refusal.value)


async def test_tenants_name_addresses_and_ranges(bare_system: System) -> None:
    wrong = tenant("ranges", sip={"ingress": {"allowedAddresses": ["1.2.3.4.5"]}})
    with pytest.raises(KubeApiError, match="must be IP addresses or CIDR ranges"):
        await bare_system.kube.create(TENANT, wrong)
    right = ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32"]
    await bare_system.put(TENANT, tenant("ranges", sip={"ingress": {"allowedAddresses": right}}))


async def test_carriers_and_pools_are_told_apart_by_name(bare_system: System) -> None:
    carrier = {"name": "carrier", "address": "sip.example.com"}
    for spec, why in (
        ({"sip": {"egress": [carrier, carrier]}}, "names of egress must not repeat"),
        ({"workerPools": [{"name": "day"}, {"name": "day"}]}, "Duplicate value"),
    ):
        with pytest.raises(KubeApiError, match=why):
            await bare_system.kube.create(TENANT, tenant("twice", **spec))


async def test_a_pod_template_is_kept_as_it_was_written(bare_system: System) -> None:
    await bare_system.put(NAMESPACE, namespace("template", "nobody"))
    limits = {"name": "worker", "resources": {"limits": None, "requests": {"cpu": 0.5}}}
    template = {"spec": {"hostNetwork": False, "containers": [limits]}}
    made = await bare_system.put(VOICE_AGENT, agent("reception", "template", podTemplate=template))
    assert made["spec"]["podTemplate"] == template
    changed = agent("applied", "template", podTemplate=template)
    assert (await bare_system.kube.apply(VOICE_AGENT, changed))["spec"]["podTemplate"] == template


async def test_defaults_are_those_of_the_models(bare_system: System) -> None:
    await bare_system.put(NAMESPACE, namespace("defaults", "nobody"))
    made = await bare_system.put(VOICE_AGENT, agent("reception", "defaults"))
    spec = VoiceAgentSpec.model_validate(agent()["spec"])
    written = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert made["spec"]["scaling"] == written["scaling"]
    assert made["spec"]["turn"]["endpointing"] == written["turn"]["endpointing"]
    assert made["spec"]["suspend"] is False


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
async def test_samples_are_taken_strictly(bare_system: System, path: Path) -> None:
    status, output = await bare_system.kubectl(
        "create", "namespace", "smile-dental", "--save-config"
    )
    assert status == 0 or "exists" in output, output
    status, output = await bare_system.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        f"--filename={path}",
    )
    assert status == 0, output


async def _dry_run(system: System, obj: Object) -> tuple[int, str]:
    path = system.workdir / "wrong.json"
    path.write_text(json.dumps(obj), encoding="utf-8")
    return await system.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        f"--filename={path}",
    )
