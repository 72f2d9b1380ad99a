"""Events: one for each transition worth it, slow, bounded, and never in anybody's way."""

import asyncio
from collections import Counter

from typing_extensions import override

from switchboard_operator.errors import KubeApiError
from switchboard_operator.events.notes import Note, Severity, transitions
from switchboard_operator.events.pending import Pending, Queue
from switchboard_operator.events.recorder import (
    OBJECT_BURST,
    PER_SECOND,
    QUEUE_LIMIT,
    SERIES_SECONDS,
    Recorder,
)
from switchboard_operator.kube.kinds import DEPLOYMENT, EVENT, NAMESPACE, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.operator.fakes import FakeKube
from tests.operator.samples import World, agent, namespace, run, served_world, tenant
from tests.support.virtual_time import run_virtual


def _conditions(**found: str) -> list[Object]:
    """Return conditions from `Type="Status/Reason"`."""
    return [
        {"type": kind, "status": text.split("/")[0], "reason": text.split("/")[1], "message": "m"}
        for kind, text in found.items()
    ]


def _told(before: list[Object], after: list[Object]) -> list[tuple[str, str]]:
    return [(note.severity.value, note.reason) for note in transitions(before, after)]


def test_a_new_agent_that_waits_for_its_workers_is_no_news() -> None:
    waiting = _conditions(
        Accepted="True/Accepted",
        WorkersReady="False/WorkersStarting",
        Ready="False/WorkersStarting",
    )
    assert _told([], waiting) == []


def test_becoming_ready_is_normal_and_losing_it_a_warning() -> None:
    up = _conditions(WorkersReady="True/WorkersReady", Ready="True/Ready")
    down = _conditions(WorkersReady="False/WorkersStarting", Ready="False/WorkersStarting")
    assert _told(down, up) == [("Normal", "Ready")]
    assert _told(up, down) == [("Warning", "WorkersStarting")]
    assert _told(up, up) == _told(down, down) == []


def test_what_somebody_asked_for_is_no_warning() -> None:
    up = _conditions(SIPReady="True/SIPReady", Ready="True/Ready")
    suspended = _conditions(SIPReady="False/Suspended", Ready="False/Suspended")
    assert _told(up, suspended) == [("Normal", "Suspended")]


def test_trouble_is_told_once_whatever_number_of_conditions_repeat_it() -> None:
    down = _conditions(
        Accepted="False/NumberTaken",
        NumbersBound="False/NotAccepted",
        Ready="False/NumberTaken",
    )
    assert _told([], down) == [("Warning", "NumberTaken")]
    assert _told(down, down) == []
    other = _conditions(Accepted="False/DialogInvalid", Ready="False/DialogInvalid")
    assert _told(down, other) == [("Warning", "DialogInvalid")]


def test_a_deletion_that_is_blocked_is_told_though_nothing_was_ready_before() -> None:
    before = _conditions(WorkersReady="False/WorkersStarting", Ready="False/WorkersStarting")
    stuck = [*before[:1], *_conditions(Ready="False/LiveKitUnreachable")]
    assert _told(before, stuck) == [("Warning", "LiveKitUnreachable")]
    assert _told(stuck, stuck) == []


def test_scaling_that_is_lost_is_told_and_scaling_that_is_not_there_yet_is_not() -> None:
    up = _conditions(ScalingReady="True/ScalingReady", Ready="True/Ready")
    down = _conditions(ScalingReady="False/NoSamples", Ready="True/Ready")
    assert _told([], _conditions(ScalingReady="False/NoSamples")) == []
    assert _told(up, down) == [("Warning", "NoSamples")]


def test_a_reason_that_nobody_explained_is_told() -> None:
    assert _told([], _conditions(Accepted="False/Novel")) == [("Warning", "Novel")]


def _pending(name: str, severity: Severity = Severity.NORMAL) -> Pending:
    return Pending(VOICE_AGENT, {"metadata": {"uid": name, "name": name}}, Note(severity, "R", "m"))


def test_a_full_queue_lets_the_oldest_normal_go_first() -> None:
    queue = Queue(3)
    for pending in (_pending("w", Severity.WARNING), _pending("a"), _pending("b")):
        assert queue.add(pending) is None
    dropped = [queue.add(_pending(name, Severity.WARNING)) for name in "xyz"]
    assert [p.obj["metadata"]["uid"] for p in dropped if p] == ["a", "b", "w"]
    assert [queue.take().obj["metadata"]["uid"] for _ in range(3)] == ["x", "y", "z"]


def test_a_repetition_joins_what_waits() -> None:
    queue = Queue(3)
    assert [queue.add(_pending("a")) for _ in range(5)] == [None] * 5
    assert (len(queue), queue.take().times) == (1, 5)


def _agent(name: str = "reception") -> Object:
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": "7"}
    return {"metadata": meta}


def _events(kube: FakeKube) -> list[Object]:
    return [obj for (kind, _, _), obj in kube.objects.items() if kind is EVENT]


class _Told:
    """A recorder on a fake API server."""

    def __init__(self) -> None:
        self.kube = FakeKube()
        self.results: Counter[str] = Counter()
        self.recorder = Recorder(
            self.kube, identity="operator-0", on_result=lambda result: self.results.update([result])
        )

    async def after(self, seconds: float) -> None:
        """Let the writer run for a while."""
        writer = asyncio.ensure_future(self.recorder.write_all())
        await asyncio.sleep(seconds)
        writer.cancel()


def test_an_event_names_its_object_and_reporter() -> None:
    async def test() -> None:
        told = _Told()
        told.recorder.warn(VOICE_AGENT, _agent(), "NumberTaken", "m" * 2000)
        told.recorder.warn(TENANT, {"metadata": {"name": "t", "uid": "u"}}, "InvalidSpec", "m")
        await told.after(5)
        first, second = _events(told.kube)
        assert first["regarding"] == {
            "apiVersion": "switchboard.dev/v1alpha1",
            "kind": "VoiceAgent",
            "namespace": "ns",
            "name": "reception",
            "uid": "uid-reception",
            "resourceVersion": "7",
        }
        assert (first["type"], first["reason"]) == ("Warning", "NumberTaken")
        assert len(first["note"].encode()) == 1024
        assert first["reportingController"] == "switchboard-operator"
        assert "series" not in first
        assert second["metadata"]["namespace"] == "default", "of a cluster-scoped object"

    run_virtual(test())


def test_the_same_again_raises_a_count_and_after_a_long_time_is_news() -> None:
    async def test() -> None:
        told = _Told()
        for _ in range(3):
            told.recorder.warn(VOICE_AGENT, _agent(), "LiveKitUnreachable", "m")
            await told.after(100)
        (event,) = _events(told.kube)
        assert event["series"]["count"] == 3
        await asyncio.sleep(SERIES_SECONDS)
        told.recorder.warn(VOICE_AGENT, _agent(), "LiveKitUnreachable", "m")
        await told.after(5)
        assert len(_events(told.kube)) == 2

    run_virtual(test())


def test_an_event_that_has_expired_is_written_anew() -> None:
    async def test() -> None:
        told = _Told()
        told.recorder.warn(VOICE_AGENT, _agent(), "R", "m")
        await told.after(5)
        told.kube.objects.clear()
        told.recorder.warn(VOICE_AGENT, _agent(), "R", "m")
        await told.after(5)
        assert len(_events(told.kube)) == 1

    run_virtual(test())


def test_an_object_that_flaps_is_told_of_less_and_less() -> None:
    async def test() -> None:
        told = _Told()
        for index in range(600):
            told.recorder.warn(VOICE_AGENT, _agent(), "R", f"m{index}")
            await told.after(1)
        written = len(_events(told.kube))
        assert OBJECT_BURST < written <= OBJECT_BURST + 600 / 60 + 1
        assert told.results["dropped"] == 600 - written

    run_virtual(test())


def test_a_burst_is_written_slowly_and_what_does_not_fit_is_dropped_and_counted() -> None:
    async def test() -> None:
        told = _Told()
        for index in range(QUEUE_LIMIT + 500):
            told.recorder.warn(VOICE_AGENT, _agent(f"a{index}"), "R", "m")
        await told.after(20)
        assert abs(len(_events(told.kube)) - 21 * PER_SECOND) <= PER_SECOND
        assert told.results["dropped"] == 500

    run_virtual(test())


def test_a_refused_event_is_counted_and_the_next_one_is_written() -> None:
    async def test() -> None:
        told = _Told()
        told.kube.fails["create"] = KubeApiError(403, "Forbidden", "no events for you")
        told.recorder.warn(VOICE_AGENT, _agent(), "R", "m")
        await told.after(5)
        told.kube.fails.clear()
        told.recorder.warn(VOICE_AGENT, _agent("other"), "R", "m")
        await told.after(5)
        assert told.results == {"failed": 1, "written": 1}

    run_virtual(test())


def _recording(world: World) -> list[tuple[str, str]]:
    """Let the world's reconciles note into a list."""
    notes: list[tuple[str, str]] = []

    class Notes(Recorder):
        @override
        def _add(self, _kind: object, obj: Object, note: Note) -> None:
            notes.append((obj["metadata"]["name"], note.reason))

    recorder = Notes(world.kube, identity="x", on_result=lambda _result: None)
    object.__setattr__(world.context, "events", recorder)
    return notes


def test_a_life_in_events() -> None:
    async def course() -> None:
        world = World()
        notes = _recording(world)
        world.users_put((NAMESPACE, namespace()), (VOICE_AGENT, agent()))
        await world.open()
        await world.settle()
        assert notes == [("reception", "TenantNotFound")]
        notes.clear()
        world.users_put((TENANT, tenant()))
        await world.settle()
        assert notes == [("smile-dental", "Ready")]
        notes.clear()
        _workers(world, ready=1)
        await world.settle()
        _workers(world, ready=0)
        await world.settle()
        assert notes == [("reception", "Ready"), ("reception", "WorkersStarting")]

    run(course())


def test_a_restart_and_a_resync_say_nothing() -> None:
    async def course() -> None:
        world = await served_world()
        world.start()
        notes = _recording(world)
        await world.open()
        await world.settle()
        assert notes == []

    run(course())


def _workers(world: World, *, ready: int) -> None:
    place = (DEPLOYMENT, "smile-dental", "reception-worker")
    status = {"replicas": 1, "readyReplicas": ready}
    world.kube.put(DEPLOYMENT, world.kube.objects[place] | {"status": status})
