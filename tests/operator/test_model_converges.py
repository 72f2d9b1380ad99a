"""In whatever order tenants come, go and change their minds, the same servers stand in the end."""

from hypothesis import given
from hypothesis import strategies as st

from switchboard_operator.directory import model_server_key
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.operator.model_samples import ModelWorld, ask, server, whisper
from tests.operator.samples import run

_ASKS = [
    ask(),
    ask(replicas=3),
    ask(name="brain", replicas=2),
    ask("Qwen/Qwen3-4B", name="small"),
    ask(name="large", gpuProfile="h100x2", replicas=2),
    whisper(),
]
_TENANTS = ("smile-dental", "law-firm", "city-hall")
_NUMBERS = {name: [f"+1555010{index}"] for index, name in enumerate(_TENANTS)}

_asked = st.lists(st.sampled_from(_ASKS), max_size=3, unique_by=lambda a: str(a["name"]))
_steps = st.tuples(
    st.sampled_from(_TENANTS), st.one_of(st.none(), _asked), st.sampled_from(["look", "die", ""])
)


@given(st.lists(_steps, max_size=8), st.lists(_asked, min_size=3, max_size=3))
def test_any_course_of_asks_ends_with_the_servers_of_the_last(
    steps: list[tuple[str, list[Object] | None, str]], final: list[list[Object]]
) -> None:
    async def course() -> None:
        world = ModelWorld()
        await world.open()
        for owner, asks, then in steps:
            if asks is not None:
                world.tenant_agent(owner, *asks, numbers=_NUMBERS[owner])
            elif (VOICE_AGENT, owner, "reception") in world.kube.objects:
                world.kube.remove(VOICE_AGENT, owner, "reception")
            if then == "look":
                await world.settle()
            if then == "die":
                world.start()
                await world.open()
        await world.settle()
        for owner, asks in zip(_TENANTS, final, strict=True):
            world.tenant_agent(owner, *asks, numbers=_NUMBERS[owner])
        await world.settle()
        await _let_grace_pass(world)
        assert _servers(world) == _wanted(final)
        assert not world.errors
        writes = len(world.kube.writes)
        world.start()
        await world.open()
        await world.settle()
        assert world.kube.writes[writes:] == []

    run(course())


async def _let_grace_pass(world: ModelWorld) -> None:
    world.now = "2026-03-02T12:00:00Z"
    world.woken.update({model_server_key(name): None for name in world.servers()})
    await world.settle()


def _servers(world: ModelWorld) -> dict[str, int]:
    return {name: obj["spec"]["replicas"] for name, obj in world.servers().items()}


def _wanted(final: list[list[Object]]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for one in (server(asked) for asks in final for asked in asks):
        wanted[one.name] = max(wanted.get(one.name, 0), one.replicas)
    return wanted
