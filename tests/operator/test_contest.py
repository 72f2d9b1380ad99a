"""Who fights over which field, and when it is time to stop."""

import pytest

from switchboard_contract import names
from switchboard_operator.errors import ContestedError
from switchboard_operator.kube.compare import Step, difference, spelled
from switchboard_operator.kube.contest import REST_SECONDS, ROUNDS, Contests, manager_of
from switchboard_operator.kube.kinds import DEPLOYMENT, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.store import Ref
from tests.operator.fakes import FakeKube
from tests.operator.samples import World, agent, run, served_world

_WAY: tuple[Step, ...] = ("spec", "template", "spec", "containers", ("name", "worker"), "image")
_REF = Ref(DEPLOYMENT, "smile-dental", "reception-worker")


def _fields(way: tuple[Step, ...]) -> Object:
    if not way:
        return {}
    step, *rest = way
    key = f"f:{step}" if isinstance(step, str) else f'k:{{"{step[0]}":"{step[1]}"}}'
    return {key: _fields(tuple(rest))}


def _entry(manager: str, way: tuple[Step, ...], time: str = "2026-01-01T00:00:00Z") -> Object:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": _fields(way)}


def test_the_way_to_a_difference_is_spelled_for_people() -> None:
    wanted = {"spec": {"containers": [{"name": "worker", "image": "a", "args": ["x"]}]}}
    other = {"spec": {"containers": [{"name": "side"}, {"name": "worker", "image": "b"}]}}
    way = difference(other, wanted)
    assert spelled(way) == "spec.containers[worker].image"
    assert difference(wanted, wanted) == ()
    assert spelled(difference({"spec": {}}, wanted)) == "spec.containers"
    gone = {"spec": {"containers": [{"name": "worker", "image": "a"}]}}
    assert spelled(difference(gone, wanted)) == "spec.containers[worker].args"


def test_the_last_writer_of_the_field_other_than_us_is_named() -> None:
    managed = [
        _entry(names.FIELD_MANAGER, _WAY, "2026-01-01T00:00:09Z"),
        _entry("kubectl-edit", _WAY),
        _entry("image-patcher", _WAY, "2026-01-01T00:00:05Z"),
        _entry("hpa", ("spec", "replicas"), "2026-01-01T00:00:08Z"),
    ]
    obj: Object = {"metadata": {"managedFields": managed}}
    assert manager_of(obj, _WAY) == "image-patcher"
    assert manager_of(obj, ("spec", "replicas")) == "hpa"
    assert manager_of(obj, ("spec", "paused")) == ""


def test_a_list_that_is_owned_as_a_whole_names_its_owner() -> None:
    obj: Object = {"metadata": {"managedFields": [_entry("x", ("spec", "args"))]}}
    assert manager_of(obj, ("spec", "args", "deeper")) == "x"


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _kube() -> FakeKube:
    kube = FakeKube()
    meta = {"name": "reception-worker", "namespace": "smile-dental"}
    kube.put(DEPLOYMENT, {"metadata": {**meta, "managedFields": [_entry("patcher", _WAY)]}})
    return kube


def test_after_some_rounds_over_one_field_the_object_is_left_alone_for_a_while() -> None:
    async def course() -> None:
        clock, kube, fights = _Clock(), _kube(), list[Kind]()
        contests = Contests(clock, fights.append)
        for _ in range(ROUNDS):
            await contests.check(kube, _REF, _WAY)
            clock.now += 1
        for _ in range(3):
            with pytest.raises(ContestedError, match="field manager 'patcher' keeps changing"):
                await contests.check(kube, _REF, _WAY)
        assert fights == [DEPLOYMENT]
        clock.now += REST_SECONDS
        await contests.check(kube, _REF, _WAY)

    run(course())


def test_now_and_then_is_no_fight_and_neither_are_different_fields() -> None:
    async def course() -> None:
        clock, kube = _Clock(), _kube()
        contests = Contests(clock, lambda _kind: None)
        for index in range(4 * ROUNDS):
            await contests.check(kube, _REF, ("spec", f"field{index}"))
            await contests.check(kube, _REF, _WAY)
            clock.now += 100

    run(course())


def test_a_fight_over_one_child_stops_and_the_other_children_are_still_kept() -> None:
    async def course() -> None:
        world = await served_world()
        contested = Contests(lambda: 0.0, lambda _kind: None)
        object.__setattr__(world.context, "contests", contested)
        rounds = 0
        for _ in range(2 * ROUNDS):
            rounds += _meddle(world)
            await world.settle()
        assert rounds == ROUNDS + 1, "the last change stays"
        assert world.condition("WorkersReady") == "False/Conflict"
        assert "spec.template.spec.serviceAccountName" in world.message("WorkersReady")
        writes = len(world.kube.writes)
        world.users_put((VOICE_AGENT, world.seen() | {"spec": agent(limits=_LIMITS)["spec"]}))
        await world.settle()
        assert len(world.kube.writes) > writes, "a new plan is written all the same"

    run(course())


_LIMITS = {"maxCallSeconds": 77}


def _meddle(world: World) -> bool:
    """Change the Deployment, as the other controller does when it sees our value."""
    deployment = world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
    pod = deployment["spec"]["template"]["spec"]
    if pod["serviceAccountName"] == "other":
        return False
    changed = {**deployment["spec"]["template"], "spec": {**pod, "serviceAccountName": "other"}}
    whole = {**deployment, "spec": {**deployment["spec"], "template": changed}}
    world.kube.put(DEPLOYMENT, whole)
    return True
