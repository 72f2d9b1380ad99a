"""From spec.llm to the workers: the compiled chain, and keys as files that follow their Secrets."""

import base64
from typing import Any

import pytest

from switchboard_contract import names
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_operator.desired import language_models
from switchboard_operator.desired.models.endpoint import endpoint
from switchboard_operator.desired.secret_files import secret_files, volumes
from switchboard_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    SECRET,
    TENANT,
    VOICE_AGENT,
)
from switchboard_operator.kube.objects import Object
from tests.operator.samples import SETTINGS, World, agent, namespace, spec, tenant

PROMPT = {"prompt": {"greeting": "Hello, {business}.", "instructions": "Help."}}
PROVIDERS: list[Object] = [
    {
        "name": "own",
        "baseUrl": "http://models.example/v1",
        "model": "small",
        "apiKeyRef": {"name": "models", "key": "token"},
        "firstTokenTimeoutMs": 400,
    },
    {"name": "spare", "baseUrl": "https://spare.example/v1", "model": "large"},
]


def secret(**data: str) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"name": "models", "namespace": "smile-dental"}, "data": encoded}


async def world(*secrets: Object, **changes: Any) -> World:  # noqa: ANN401
    made = World()
    asked: dict[str, Any] = {"dialog": PROMPT, "llm": {"providers": PROVIDERS}} | changes
    made.users_put((TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, agent(**asked)))
    made.users_put(*((SECRET, one) for one in secrets))
    await made.open()
    await made.settle()
    return made


def revisions(made: World) -> list[AgentConfig]:
    return [
        AgentConfig.model_validate_json(obj["data"][names.REVISION_KEY])
        for (kind, _, _), obj in made.kube.objects.items()
        if kind is CONFIG_MAP and names.REVISION_KEY in obj.get("data", {})
    ]


def pod(made: World) -> Object:
    (found,) = [obj for (kind, _, _), obj in made.kube.objects.items() if kind is DEPLOYMENT]
    spec: Object = found["spec"]["template"]["spec"]
    return spec


async def test_a_prompt_and_its_chain_enter_the_revision() -> None:
    made = await world(secret(token="s3cret"))
    (config,) = revisions(made)
    assert config.script is None
    assert config.prompt is not None
    own, spare = config.llm
    assert own.base_url == "http://models.example/v1"
    assert own.api_key_file == "/var/run/switchboard/secrets/models/token"
    assert own.first_token_timeout_ms == 400
    assert spare.api_key_file is None


async def test_the_key_is_a_file_of_the_pod_and_stands_nowhere_else() -> None:
    made = await world(secret(token="s3cret", other="not asked for"))
    container = pod(made)["containers"][0]
    (volume,) = [v for v in pod(made)["volumes"] if "secret" in v]
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == volume["name"]]
    assert volume["secret"] == {
        "secretName": "models",
        "defaultMode": 0o440,
        "items": [{"key": "token", "path": "token"}],
    }
    assert mount["mountPath"] == f"{names.SECRETS_DIRECTORY}/models"
    assert "subPath" not in mount
    written = [obj for (kind, _, name), obj in made.kube.objects.items() if name != "models"]
    encoded = base64.b64encode(b"s3cret").decode()
    assert not any("s3cret" in str(obj) or encoded in str(obj) for obj in written)


@pytest.mark.parametrize(
    ("secrets", "field"),
    [
        ([], "spec.llm.providers[0].apiKeyRef.name: there is no Secret models"),
        ([secret(other="x")], "spec.llm.providers[0].apiKeyRef.key: Secret models"),
        ([secret(token="")], "spec.llm.providers[0].apiKeyRef.key: Secret models"),
    ],
    ids=["no secret", "no key", "empty key"],
)
async def test_a_missing_key_is_refused_by_field(secrets: list[Object], field: str) -> None:
    made = await world(*secrets)
    assert made.condition("Accepted") == "False/SecretNotFound"
    assert made.message("Accepted").startswith(field)


async def test_a_secret_that_comes_is_seen_at_once() -> None:
    made = await world()
    made.users_put((SECRET, secret(token="s3cret")))
    made.cache.changed_maybe(SECRET)
    await made.settle()
    assert made.condition("Accepted") == "True/Accepted"


async def test_a_rotated_secret_changes_no_pod() -> None:
    made = await world(secret(token="first"))
    before = pod(made)
    made.users_put((SECRET, secret(token="second")))
    made.cache.changed_maybe(SECRET)
    await made.settle()
    assert pod(made) == before


async def test_a_scripted_agent_sees_no_keys() -> None:
    made = await world(dialog=agent()["spec"]["dialog"])
    assert made.condition("Accepted") == "True/Accepted"
    (config,) = revisions(made)
    assert config.llm == ()
    assert not any("secret" in volume for volume in pod(made)["volumes"])


async def test_a_variant_led_by_a_prompt_brings_its_chain_and_its_key() -> None:
    variant = {"name": "b", "weight": 10, "dialog": PROMPT, "llm": {"providers": PROVIDERS[:1]}}
    scripted = agent()["spec"]["dialog"]
    made = await world(dialog=scripted, llm=None, variants=[variant])
    assert made.message("Accepted").startswith("spec.variants[0].llm.providers[0].apiKeyRef")
    made.users_put((SECRET, secret(token="x")))
    made.cache.changed_maybe(SECRET)
    await made.settle()
    by_variant = {config.variant: config for config in revisions(made)}
    assert by_variant[None].prompt is None
    assert [llm.name for llm in by_variant["b"].llm] == ["own"]
    assert any("secret" in volume for volume in pod(made)["volumes"])


def test_a_model_server_is_asked_where_it_will_answer() -> None:
    ask = {"name": "chat", "engine": "vllm", "model": "Qwen/Qwen3-8B", "gpuProfile": "small"}
    provider = {"name": "own", "modelServer": "chat"}
    wire = spec(dialog=PROMPT, llm={"providers": [provider]}, modelServers=[ask])
    parsed = VoiceAgentSpec.model_validate(wire)
    servers = language_models.addresses(parsed, SETTINGS)
    (own,) = language_models.chain(parsed, servers)
    assert own.base_url == endpoint(parsed.model_servers[0], SETTINGS).base_url
    assert own.base_url.startswith("http://")
    assert own.model == "Qwen/Qwen3-8B"


def test_each_secret_is_mounted_once_with_the_keys_that_are_used() -> None:
    refs = [
        ObjectKeyRef(name=n, key=k) for n, k in [("b", "2"), ("a", "1"), ("b", "1"), ("b", "2")]
    ]
    files = secret_files(refs)
    assert [(one.name, one.keys) for one in files] == [("a", ("1",)), ("b", ("1", "2"))]
    assert secret_files(reversed(refs)) == files
    assert [volume["name"] for volume in volumes(files)] == ["secret-0", "secret-1"]


async def test_a_key_that_the_tenant_names_is_a_file_of_the_agents_own_workers() -> None:
    provider = {k: v for k, v in PROVIDERS[0].items() if k != "apiKeyRef"} | {"credential": "paid"}
    ref = {"name": "models", "key": "token"}
    owner = tenant(credentials=[{"name": "paid", "secretKeyRef": ref}])
    made = World()
    asked = agent(dialog=PROMPT, llm={"providers": [provider]})
    made.users_put((TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, asked))
    await made.open()
    await made.settle()
    assert made.condition("Accepted") == "False/CredentialUnknown"
    made.kube.put(TENANT, owner)
    await made.settle()
    assert made.condition("Accepted") == "False/SecretNotFound"
    said = made.message("Accepted")
    assert said.startswith("Tenant spec.credentials, named by spec.llm.providers[0].credential: ")
    made.kube.put(SECRET, secret(token="hunter2"))
    made.cache.changed_maybe(SECRET)
    await made.settle()
    assert made.condition("SIPReady") == "True/SIPReady"
    (compiled,) = revisions(made)
    assert compiled.llm[0].api_key_file == f"{names.SECRETS_DIRECTORY}/models/token"
    pod = made.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]["spec"]["template"]
    assert "hunter2" not in str(pod)
    assert any("models" in str(volume) for volume in pod["spec"]["volumes"])
