"""Worker pools of a Tenant: made in the operator's namespace, joined, left, and never cut short."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol.sip import SIPDispatchRuleInfo

from switchboard_contract import names
from switchboard_operator.desired.shared_pool import worker_name
from switchboard_operator.directory import tenant_key
from switchboard_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    SECRET,
    TENANT,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import Object, labels_of, owner_uid, uid_of
from tests.operator.samples import SETTINGS, World, agent, namespace, run, spec, tenant

SHARED = SETTINGS.operator_namespace
POOLS = [{"name": "front"}]
FRONT = worker_name("smile-dental", "front")
NIGHT = worker_name("smile-dental", "night")


async def _world(*, pools: object = POOLS, **changes: Any) -> World:  # noqa: ANN401  any part of a spec
    world = World()
    world.users_put(
        (TENANT, tenant(workerPools=pools)),
        (NAMESPACE, namespace()),
        (VOICE_AGENT, agent(**changes)),
    )
    await world.open()
    await world.settle()
    return world


def _there(world: World, where: str) -> set[tuple[str, str]]:
    found = (place for place in world.kube.objects if place[1] == where)
    return {(kind.kind, name) for kind, _, name in found if kind is not VOICE_AGENT}


def _has_workers(world: World, where: str, name: str, ready: int) -> None:
    found = world.kube.objects[DEPLOYMENT, where, name]
    world.kube.put(DEPLOYMENT, found | {"status": {"replicas": 1, "readyReplicas": ready}})


def _serving(world: World) -> str:
    (rule,) = world.sip.rules.values()
    return str(rule.room_config.agents[0].agent_name)


def _copies(world: World) -> list[Object]:
    found = (obj for place, obj in world.kube.objects.items() if place[:2] == (CONFIG_MAP, SHARED))
    return list(found)


def _change(world: World, **changes: Any) -> None:  # noqa: ANN401  any part of a spec
    world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(**changes)})


async def test_the_pool_stands_in_the_operators_namespace_and_belongs_to_the_tenant() -> None:
    world = await _world(workerPool="front")
    kinds = {kind for kind, name in _there(world, SHARED) if name == FRONT}
    assert kinds >= {"Secret", "ServiceAccount", "Role", "RoleBinding", "Deployment", "Service"}
    deployment = world.kube.objects[DEPLOYMENT, SHARED, FRONT]
    owner = world.kube.objects[TENANT, "", "smile-dental"]
    assert owner_uid(deployment) == uid_of(owner)
    assert labels_of(deployment)[names.LABEL_POOL] == "smile-dental_front"


async def test_a_member_has_no_workers_and_its_revision_stands_where_the_pool_looks() -> None:
    world = await _world(workerPool="front")
    assert {kind for kind, _ in _there(world, "smile-dental")} == {"ConfigMap"}
    (copy,) = _copies(world)
    own = world.kube.objects[CONFIG_MAP, "smile-dental", copy["metadata"]["name"]]
    assert copy["data"] == own["data"]
    assert labels_of(copy)[names.LABEL_POOL] == "smile-dental_front"
    assert labels_of(own)[names.LABEL_POOL] == "smile-dental.reception", "for when it leaves"
    assert _serving(world) == "smile-dental_front"


async def test_a_shared_pool_never_sees_what_is_a_tenants() -> None:
    world = await _world(workerPool="front")
    pod = world.kube.objects[DEPLOYMENT, SHARED, FRONT]["spec"]["template"]["spec"]
    named = {
        env["valueFrom"]["secretKeyRef"]["name"]
        for container in pod["containers"]
        for env in container["env"]
        if "secretKeyRef" in env.get("valueFrom", {})
    }
    assert named == {FRONT}
    assert set(world.kube.objects[SECRET, SHARED, FRONT]["data"]) == {
        "SWITCHBOARD_LIVEKIT_API_KEY",
        "SWITCHBOARD_LIVEKIT_API_SECRET",
        "SWITCHBOARD_REDIS_URL",
    }


async def test_a_member_is_ready_once_a_worker_of_the_pool_is() -> None:
    world = await _world(workerPool="front")
    assert world.condition("WorkersReady") == "False/WorkersStarting"
    assert f"kubectl get pods -n {SHARED} -l" in world.message("WorkersReady")
    _has_workers(world, SHARED, FRONT, 1)
    await world.settle()
    assert world.condition("WorkersReady") == "True/WorkersReady"
    seen = world.kube.objects[TENANT, "", "smile-dental"]["status"]["workerPools"]
    assert seen == [{"name": "front", "workers": 1, "readyWorkers": 1}]


async def test_joining_leaves_the_own_workers_in_place_until_the_pool_has_one() -> None:
    world = await _world()
    _has_workers(world, "smile-dental", "reception-worker", 1)
    await world.settle()
    _change(world, workerPool="front")
    await world.settle()
    assert _serving(world) == "smile-dental.reception"
    assert ("Deployment", "reception-worker") in _there(world, "smile-dental")
    _has_workers(world, SHARED, FRONT, 1)
    await world.settle()
    assert _serving(world) == "smile-dental_front"
    assert {kind for kind, _ in _there(world, "smile-dental")} == {"ConfigMap"}


async def test_leaving_stays_with_the_pool_until_there_are_own_workers() -> None:
    world = await _world(workerPool="front")
    _has_workers(world, SHARED, FRONT, 1)
    await world.settle()
    _change(world)
    await world.settle()
    assert _serving(world) == "smile-dental_front"
    assert len(_copies(world)) == 1
    _has_workers(world, "smile-dental", "reception-worker", 1)
    await world.settle()
    assert _serving(world) == "smile-dental.reception"
    assert not _copies(world)


async def test_a_held_rule_follows_a_trunk_that_was_lost() -> None:
    world = await _world()
    _has_workers(world, "smile-dental", "reception-worker", 1)
    await world.settle()
    _change(world, workerPool="front")
    await world.settle()
    world.sip.trunks.clear()
    await world.poll()
    await world.settle()
    (rule,) = world.sip.rules.values()
    assert list(rule.trunk_ids) == list(world.sip.trunks)


async def test_moving_to_another_pool_takes_the_copy_along() -> None:
    world = await _world(pools=[{"name": "front"}, {"name": "night"}], workerPool="front")
    _change(world, workerPool="night")
    await world.settle()
    (copy,) = _copies(world)
    assert labels_of(copy)[names.LABEL_POOL] == "smile-dental_night"
    assert _serving(world) == "smile-dental_night"


async def test_a_pool_that_the_tenant_drops_stays_while_it_serves() -> None:
    world = await _world(workerPool="front")
    world.kube.put(TENANT, tenant())
    await world.settle()
    assert world.condition("Accepted") == "False/WorkerPoolUnknown"
    assert _serving(world) == "smile-dental_front", "what served goes on serving"
    assert ("Deployment", FRONT) in _there(world, SHARED)
    conditions = world.kube.objects[TENANT, "", "smile-dental"]["status"]["conditions"]
    assert "worker pool front is not in spec.workerPools" in conditions[0]["message"]
    _change(world)
    await world.settle()
    assert not _there(world, SHARED)


async def test_a_pinned_revision_goes_along_into_the_pool() -> None:
    world = await _world()
    first = world.seen()["status"]["revision"]
    _change(world, persona={"name": "Bea"})
    await world.settle()
    changed = world.seen() | {"spec": spec(persona={"name": "Bea"}, workerPool="front")}
    changed["metadata"]["annotations"] = {names.PINNED_REVISION: first}
    world.kube.put(VOICE_AGENT, changed)
    await world.settle()
    assert f"reception-{first}" in {copy["metadata"]["name"] for copy in _copies(world)}
    (rule,) = world.sip.rules.values()
    assert first in rule.room_config.agents[0].metadata


async def test_a_deleted_member_leaves_nothing_in_the_pool() -> None:
    world = await _world(workerPool="front")
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert not _copies(world)
    assert ("Deployment", FRONT) in _there(world, SHARED), "the pool is the Tenant's"


async def test_looking_again_writes_nothing() -> None:
    world = await _world(workerPool="front")
    world.start()
    await world.open()
    writes = len(world.kube.writes), len(world.sip.writes)
    world.woken[tenant_key("smile-dental")] = None
    await world.settle()
    assert (len(world.kube.writes), len(world.sip.writes)) == writes


async def test_a_number_of_workers_that_somebody_chose_stays() -> None:
    world = await _world(pools=[{"name": "front", "scaling": {"min": 1, "max": 5}}])
    place = (DEPLOYMENT, SHARED, FRONT)
    scaled = world.kube.objects[place]
    world.kube.put(DEPLOYMENT, {**scaled, "spec": {**scaled["spec"], "replicas": 4}})
    await world.settle()
    assert world.kube.objects[place]["spec"]["replicas"] == 4


async def test_another_object_of_the_pools_name_is_left_alone_and_said() -> None:
    world = World()
    foreign = {"metadata": {"name": FRONT, "namespace": SHARED}, "data": {}}
    world.users_put((SECRET, foreign), (TENANT, tenant(workerPools=POOLS)))
    await world.open()
    await world.settle()
    (ready,) = world.kube.objects[TENANT, "", "smile-dental"]["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "Conflict")
    assert world.kube.objects[SECRET, SHARED, FRONT]["data"] == {}


def _put(world: World, kind: Kind, obj: Object) -> None:
    place = (kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
    existing = world.kube.objects.get(place)
    meta = {**(existing["metadata"] if existing else {}), **obj["metadata"]}
    world.kube.put(kind, {**(existing or {}), **obj, "metadata": meta})


def _all_ready(world: World) -> None:
    for kind, where, name in list(world.kube.objects):
        if kind is DEPLOYMENT:
            _has_workers(world, where, name, 1)


_ONE, _TWO = [{"name": "front"}], [{"name": "front"}, {"name": "night"}]
_STEPS: dict[str, Callable[[World], None]] = {
    "no pools": lambda w: _put(w, TENANT, tenant()),
    "one pool": lambda w: _put(w, TENANT, tenant(workerPools=_ONE)),
    "two pools": lambda w: _put(w, TENANT, tenant(workerPools=_TWO)),
    "own workers": lambda w: _put(w, VOICE_AGENT, agent()),
    "join front": lambda w: _put(w, VOICE_AGENT, agent(workerPool="front")),
    "join night": lambda w: _put(w, VOICE_AGENT, agent(workerPool="night")),
    "another": lambda w: _put(
        w, VOICE_AGENT, agent("backup", numbers=["+15550111"], workerPool="front")
    ),
    "workers come up": _all_ready,
    "no namespace": lambda w: _put(w, NAMESPACE, namespace(owner=None)),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(_STEPS)), st.booleans()), max_size=10), st.data())
def test_any_course_of_events_ends_where_the_last_state_says(
    steps: list[tuple[str, bool]], data: st.DataObject
) -> None:
    async def course() -> None:
        world = World()
        await world.open()
        for step, look in steps:
            _STEPS[step](world)
            if look:
                await world.settle(200)
            if data.draw(st.integers(0, 5)) == 0:  # the operator dies and starts again
                world.start()
                await world.open()
        final = [
            (TENANT, tenant(workerPools=_ONE)),
            (NAMESPACE, namespace()),
            (VOICE_AGENT, agent(workerPool="front")),
            (VOICE_AGENT, agent("backup", numbers=["+15550111"])),
        ]
        for index in data.draw(st.permutations(range(len(final)))):
            _put(world, *final[index])
        for _ in range(4):  # failures are tried again, workers start
            world.woken.update(dict.fromkeys(world.errors))
            await world.settle(200)
            _all_ready(world)
        await world.settle(200)
        assert not world.errors
        assert {name for kind, name in _there(world, SHARED) if kind == "Deployment"} == {FRONT}
        assert {name for kind, name in _there(world, "smile-dental") if kind == "Deployment"} == {
            "backup-worker"
        }
        served = {rule.name: rule.room_config.agents[0].agent_name for rule in _rules(world)}
        assert served == {
            "smile-dental/reception": "smile-dental_front",
            "smile-dental/backup": "smile-dental.backup",
        }
        assert {labels_of(copy)[names.LABEL_AGENT] for copy in _copies(world)} == {"reception"}

    run(course())


def _rules(world: World) -> list[SIPDispatchRuleInfo]:
    return list(world.sip.rules.values())
