"""A revision that needs a model server which does not answer yet gets no calls until it does."""

from typing import Any

from switchboard_contract import names
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, SECRET, VOICE_AGENT
from switchboard_operator.kube.objects import Object, labels_of
from tests.operator.model_samples import ModelWorld, ask, server, whisper
from tests.operator.samples import spec
from tests.operator.test_language_models import PROMPT, secret

OLD, NEW = ask(), ask("Qwen/Qwen3-4B")
OLD_SERVER, NEW_SERVER = server(OLD).name, server(NEW).name
OPENAI = {
    "name": "openai",
    "baseUrl": "https://api.example/v1",
    "model": "small",
    "apiKeyRef": {"name": "models", "key": "token"},
}


def _prompted(*asks: Object, providers: list[Object] | None = None, **changes: Any) -> Object:  # noqa: ANN401
    chain = providers or [{"name": "own", "modelServer": asks[0]["name"]}]
    return spec(dialog=PROMPT, llm={"providers": chain}, modelServers=list(asks), **changes)


async def _change(world: ModelWorld, wanted: Object) -> None:
    world.users_put((VOICE_AGENT, world.seen() | {"spec": wanted}))
    await world.settle()


async def _answers(world: ModelWorld, name: str, ready: int = 1) -> None:
    world.report(name, replicas=1, readyReplicas=ready)
    await world.settle()


async def _served(first: Object | None = None) -> ModelWorld:
    """Return a world with an agent whose model server answers."""
    world = ModelWorld()
    world.users_put((SECRET, secret(token="s3cret")))
    world.tenant_agent("smile-dental")
    await world.open()
    await _change(world, first or _prompted(OLD))
    if OLD_SERVER in world.servers():
        await _answers(world, OLD_SERVER)
    return world


def _dispatch(world: ModelWorld) -> DispatchMetadata:
    (rule,) = world.sip.rules.values()
    return DispatchMetadata.model_validate_json(rule.room_config.agents[0].metadata)


def _used(world: ModelWorld) -> set[str]:
    return {str(one["server"]) for one in world.seen()["status"]["modelServers"]}


def _is_used(world: ModelWorld, name: str) -> bool:
    annotations = world.servers()[name]["metadata"]["annotations"]
    return names.ANNOTATION_UNUSED_SINCE not in annotations


def _mounts(world: ModelWorld) -> list[str]:
    found = world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
    volumes = found["spec"]["template"]["spec"]["volumes"]
    return [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]


async def test_calls_stay_with_the_old_revision_until_the_new_server_answers() -> None:
    world = await _served()
    before = _dispatch(world)
    await _change(world, _prompted(NEW))
    assert _dispatch(world) == before
    assert _used(world) == {OLD_SERVER, NEW_SERVER}
    assert _is_used(world, OLD_SERVER)
    await _answers(world, NEW_SERVER)
    after = _dispatch(world)
    assert after.revision != before.revision
    assert _used(world) == {NEW_SERVER}
    assert not _is_used(world, OLD_SERVER)


async def test_the_status_says_what_serves_and_what_it_waits_for() -> None:
    world = await _served()
    before = _dispatch(world).revision
    await _change(world, _prompted(NEW))
    status = world.seen()["status"]
    assert status["revision"] == before
    assert status["specRevision"] not in {"", before}
    assert world.condition("ModelsReady") == "False/HandoverWaiting"
    assert f"waiting for llm ({NEW_SERVER})" in world.message("ModelsReady")
    assert f"revision {before} goes on serving" in world.message("ModelsReady")
    assert not world.condition("Ready").endswith("/HandoverWaiting")
    await _answers(world, NEW_SERVER)
    assert world.condition("ModelsReady") == "True/ModelsReady"
    assert "specRevision" not in world.seen()["status"]


async def test_ready_does_not_wait_for_a_server_that_fails_to_load() -> None:
    world = await _served()
    worker = world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
    world.kube.put(DEPLOYMENT, worker | {"status": {"replicas": 1, "readyReplicas": 1}})
    await _change(world, _prompted(NEW))
    stuck = {"type": "Progressing", "status": "False", "message": "timed out progressing"}
    world.report(NEW_SERVER, replicas=1, conditions=[stuck])
    await world.settle()
    assert world.condition("ModelsReady") == "False/ModelsFailing"
    assert "goes on serving" in world.message("ModelsReady")
    assert world.condition("Ready") == "True/Ready"


async def test_a_first_deployment_waits_for_nothing() -> None:
    world = ModelWorld()
    world.tenant_agent("smile-dental")
    world.users_put((VOICE_AGENT, world.seen() | {"spec": _prompted(OLD)}))
    await world.open()
    await world.settle()
    assert _dispatch(world).revision == world.seen()["status"]["revision"]
    assert world.condition("ModelsReady") == "False/ModelsLoading"
    assert world.condition("Ready") == "False/ModelsLoading"


async def test_a_revision_that_is_deaf_itself_holds_nothing_up() -> None:
    world = await _served()
    before = _dispatch(world).revision
    await _answers(world, OLD_SERVER, ready=0)
    await _change(world, _prompted(NEW))
    assert _dispatch(world).revision != before
    assert _used(world) == {NEW_SERVER}


async def test_what_needs_no_new_server_is_handed_over_at_once() -> None:
    world = await _served()
    before = _dispatch(world).revision
    await _change(world, _prompted(OLD, persona={"name": "Bea"}))
    assert _dispatch(world).revision != before


async def test_a_server_that_no_dialog_asks_holds_nothing_up() -> None:
    world = await _served()
    before = _dispatch(world).revision
    await _change(world, _prompted(OLD, whisper(), persona={"name": "Bea"}))
    assert _dispatch(world).revision != before
    assert world.condition("ModelsReady") == "False/ModelsLoading"


async def test_a_server_that_only_a_variant_asks_is_waited_for() -> None:
    world = await _served()
    before = _dispatch(world)
    variant = {
        "name": "small",
        "weight": 50,
        "llm": {"providers": [{"name": "own", "modelServer": "new"}]},
    }
    await _change(world, _prompted(OLD, NEW | {"name": "new"}, variants=[variant]))
    assert _dispatch(world) == before
    await _answers(world, NEW_SERVER)
    assert [share.name for share in _dispatch(world).variants] == ["small"]


async def test_variants_that_still_take_calls_are_not_deleted() -> None:
    variant = {"name": "warm", "weight": 50, "persona": {"name": "Ann"}}
    world = await _served(_prompted(OLD, variants=[variant], revisionHistoryLimit=0))
    held = _dispatch(world)
    await _change(world, _prompted(NEW, revisionHistoryLimit=0))
    assert _dispatch(world) == held
    kept = {
        labels_of(obj).get(names.LABEL_REVISION)
        for (kind, _, _), obj in world.kube.objects.items()
        if kind is CONFIG_MAP
    }
    assert {held.revision, held.variants[0].revision} <= kept


async def test_another_change_while_waiting_waits_for_its_own_server() -> None:
    world = await _served()
    before = _dispatch(world)
    await _change(world, _prompted(NEW))
    third = ask("Qwen/Qwen3-14B")
    await _change(world, _prompted(third))
    assert _dispatch(world) == before
    assert _used(world) == {OLD_SERVER, server(third).name}
    await _answers(world, NEW_SERVER)
    assert _dispatch(world) == before
    await _change(world, _prompted(OLD))
    assert _dispatch(world) == before
    assert world.condition("ModelsReady") == "True/ModelsReady"


async def test_a_restart_of_the_operator_goes_on_waiting_and_writes_nothing() -> None:
    world = await _served()
    before = _dispatch(world)
    await _change(world, _prompted(NEW))
    writes, sip_writes = len(world.kube.writes), len(world.sip.writes)
    world.start()
    await world.open()
    await world.settle()
    assert _dispatch(world) == before
    assert world.kube.writes[writes:] == []
    assert world.sip.writes[sip_writes:] == []


async def test_a_livekit_that_forgot_the_rule_gets_the_one_that_serves() -> None:
    world = await _served()
    before = _dispatch(world).revision
    await _change(world, _prompted(NEW))
    world.sip.rules.clear()
    await world.poll()
    await world.settle()
    assert _dispatch(world).revision == before


async def test_the_key_of_what_serves_stays_mounted() -> None:
    world = await _served(_prompted(whisper(), providers=[OPENAI]))
    before = _dispatch(world)
    assert _mounts(world) == ["models"]
    await _change(world, _prompted(NEW))
    assert _dispatch(world) == before
    assert _mounts(world) == ["models"]
    await _answers(world, NEW_SERVER)
    assert _dispatch(world) != before
    assert _mounts(world) == []


async def test_a_key_that_is_gone_keeps_no_worker_from_starting() -> None:
    world = await _served(_prompted(whisper(), providers=[OPENAI]))
    await _change(world, _prompted(NEW))
    world.kube.remove(SECRET, "smile-dental", "models")
    world.cache.changed_maybe(SECRET)
    await world.settle()
    assert _mounts(world) == []


async def test_going_back_to_a_revision_waits_for_its_server_too() -> None:
    world = await _served()
    first = _dispatch(world).revision
    await _change(world, _prompted(NEW))
    await _answers(world, NEW_SERVER)
    second = _dispatch(world).revision
    await world.look(OLD_SERVER, at="2026-03-01T13:00:00Z")
    assert OLD_SERVER not in world.servers()
    pinned = world.seen()
    pinned["metadata"]["annotations"] = {names.PINNED_REVISION: first}
    world.users_put((VOICE_AGENT, pinned))
    await world.settle()
    assert _dispatch(world).revision == second
    assert "pinnedRevision" not in world.seen()["status"]
    await _answers(world, OLD_SERVER)
    assert _dispatch(world).revision == first
    assert world.seen()["status"]["pinnedRevision"] == first


async def test_a_server_outlives_the_longest_call_that_may_use_it() -> None:
    world = await _served(_prompted(OLD, limits={"maxCallSeconds": 7200}))
    await _change(world, _prompted(NEW, limits={"maxCallSeconds": 600}))
    await _answers(world, NEW_SERVER)
    await world.look(OLD_SERVER, at="2026-03-01T13:59:59Z")
    assert OLD_SERVER in world.servers()
    await world.look(OLD_SERVER, at="2026-03-01T14:00:00Z")
    assert OLD_SERVER not in world.servers()
