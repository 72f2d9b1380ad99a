"""Whatever the order of events, the end is the same: the level decides, not the edges."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from switchboard_contract.names import LABEL_TENANT
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.plan import plan
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    NAMESPACE,
    SERVICE_ACCOUNT,
    TENANT,
    VOICE_AGENT,
    WATCHED,
    Kind,
)
from switchboard_operator.kube.objects import Object, owner_uid, uid_of
from tests.operator.samples import (
    WORKER,
    World,
    agent,
    inputs,
    namespace,
    run,
    served_world,
    spec,
    tenant,
)


@given(
    st.builds(
        inputs,
        numbers=st.lists(
            st.from_regex(r"\+[1-9][0-9]{5,10}", fullmatch=True),
            min_size=1,
            max_size=4,
            unique=True,
        ),
        suspend=st.booleans(),
        limits=st.builds(dict, maxCallSeconds=st.integers(10, 14_400)),
        scaling=st.integers(1, 9).map(lambda n: {"min": n, "max": n + 3}),
        owner=st.sampled_from([{}, {"isolation": "Dedicated"}, {"suspend": True}]),
    )
)
def test_the_same_inputs_give_the_same_plan(given_inputs: AgentInputs) -> None:
    first, second = plan(given_inputs, WORKER), plan(given_inputs, WORKER)
    assert first == second
    assert (first.rule is None) == (given_inputs.spec.suspend or given_inputs.tenant.suspend)


_WORKERS = (DEPLOYMENT, "smile-dental", "reception-worker")


def _delete(world: World, kind: Kind, name: str) -> None:
    if (kind, "smile-dental", name) in world.kube.objects:
        world.kube.remove(kind, "smile-dental", name)


def _edit(world: World) -> None:
    if (obj := world.kube.objects.get(_WORKERS)) is not None:
        template = {**obj["spec"]["template"], "metadata": {"labels": {LABEL_TENANT: "edited"}}}
        world.kube.put(DEPLOYMENT, {**obj, "spec": {**obj["spec"], "template": template}})


def _scale(world: World) -> None:
    if (obj := world.kube.objects.get(_WORKERS)) is not None:
        world.kube.put(DEPLOYMENT, {**obj, "spec": {**obj["spec"], "replicas": 3}})


def _forget(world: World) -> None:
    world.sip.trunks.clear()
    world.sip.rules.clear()


def _deafen(world: World) -> None:
    world.kube.on_event = lambda _kind, _type, _obj: None


async def _hear_again(world: World) -> None:
    """Do what a watch that starts over and the poll of LiveKit do."""
    world.kube.on_event = world.event
    for kind in WATCHED:
        await world.feed.sweep(kind)
    await world.poll()


def _collect_garbage(world: World) -> None:
    """Delete what lost its owner, as the controller manager does."""
    alive = {uid_of(obj) for obj in world.kube.objects.values()}
    for kind, where, name in list(world.kube.objects):
        owner = owner_uid(world.kube.objects[kind, where, name])
        if owner and owner not in alive:
            world.kube.remove(kind, where, name)


_STEPS: dict[str, Callable[[World], None]] = {
    "tenant": lambda w: w.users_put((TENANT, tenant())),
    "namespace": lambda w: w.users_put((NAMESPACE, namespace())),
    "agent": lambda w: w.users_put((VOICE_AGENT, agent())),
    "rival": lambda w: w.users_put((VOICE_AGENT, agent("rival"))),
    "suspend tenant": lambda w: w.users_put((TENANT, tenant(suspend=True))),
    "unlabel": lambda w: w.users_put((NAMESPACE, namespace(owner=None))),
    "delete agent": lambda w: _delete(w, VOICE_AGENT, "reception"),
    "delete rival": lambda w: _delete(w, VOICE_AGENT, "rival"),
    "delete workers": lambda w: _delete(w, DEPLOYMENT, "reception-worker"),
    "delete service account": lambda w: _delete(w, SERVICE_ACCOUNT, "reception-worker"),
    "edit workers": _edit,
    "scale workers": _scale,
    "LiveKit forgets": _forget,
    "watches go silent": _deafen,
}


@given(st.lists(st.tuples(st.sampled_from(sorted(_STEPS)), st.booleans()), max_size=8), st.data())
def test_any_course_of_events_ends_where_the_last_state_says(
    steps: list[tuple[str, bool]], data: st.DataObject
) -> None:
    async def course() -> None:
        world = World()
        await world.open()
        for step, look in steps:
            _STEPS[step](world)
            if look:
                await world.settle()
            _collect_garbage(world)
            if data.draw(st.integers(0, 5)) == 0:  # the operator dies and starts again
                world.start()
                await world.open()
        final = [
            (TENANT, tenant()),
            (NAMESPACE, namespace()),
            (VOICE_AGENT, agent("reception")),
            (VOICE_AGENT, agent("rival", numbers=["+15550111"])),
        ]
        for index in data.draw(st.permutations(range(4))):
            world.users_put(_with_metadata(world, *final[index]))
        for _ in range(4):  # what failed on the way is tried again by the queue
            await _hear_again(world)
            world.woken.update(dict.fromkeys(world.errors))
            await world.settle()
            _collect_garbage(world)
            world.users_put(*[_with_metadata(world, *obj) for obj in final])
        assert not world.errors
        for name in ("reception", "rival"):
            assert world.condition("SIPReady", name) == "True/SIPReady"
        assert sorted(n for t in world.sip.trunks.values() for n in t.numbers) == [
            "+15550100",
            "+15550111",
        ]
        assert len(world.sip.rules) == 2
        template = world.kube.objects[_WORKERS]["spec"]["template"]
        assert template["metadata"]["labels"][LABEL_TENANT] == "smile-dental"
        owners = {owner_uid(obj) for obj in world.kube.objects.values()} - {""}
        assert owners == {uid_of(world.seen("reception")), uid_of(world.seen("rival"))}
        writes = len(world.kube.writes), len(world.sip.writes)
        world.start()
        await world.open()
        await world.settle()
        assert (len(world.kube.writes), len(world.sip.writes)) == writes

    run(course())


def _with_metadata(world: World, kind: Kind, obj: Object) -> tuple[Kind, Object]:
    """Keep what the API server and the operator wrote into the metadata."""
    place = (kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
    if existing := world.kube.objects.get(place):
        meta = {**existing["metadata"], **obj["metadata"]}
        return kind, {**existing, **obj, "metadata": meta}
    return kind, obj


def test_a_spec_change_and_its_undoing_write_only_what_changed() -> None:
    async def course() -> None:
        world = await served_world()
        world.kube.writes.clear()
        world.kube.put(VOICE_AGENT, world.seen() | {"spec": spec(persona={"name": "Bea"})})
        await world.settle()
        kinds = {(verb, kind) for verb, kind, _ in world.kube.writes}
        assert kinds == {("create", "ConfigMap"), ("apply_status", "VoiceAgent")} | {
            write for write in kinds if write[1] == "Tenant"
        }

    run(course())
