"""From a probe to what the user sees: condition, status, Ready; and what is not tried out."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from switchboard_operator.directory import Key, KeyKind
from switchboard_operator.kube.kinds import DEPLOYMENT, NAMESPACE, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.operator.probe_fakes import FakeProbeRooms, make_prober
from tests.operator.samples import World, agent, namespace, tenant
from tests.support.virtual_time import run_virtual

Test = Callable[["Probed"], Awaitable[None]]

AGENT = Key(KeyKind.VOICE_AGENT, "smile-dental", "reception")


class Probed:
    """A world with a prober; `go` lets time pass and reconciles what is woken."""

    def __init__(self) -> None:
        self.rooms = FakeProbeRooms()
        self.world = World()

    async def start(self) -> None:
        """Begin as a new process."""
        self.world.start()
        prober, _ = make_prober(self.rooms)
        prober.wake = self._wake
        self.world.context = dataclasses.replace(self.world.context, prober=prober)
        self.running = asyncio.create_task(prober.run())
        await self.world.open()
        await self.world.settle()

    async def stop(self) -> None:
        """End the process."""
        self.running.cancel()
        await asyncio.wait({self.running})

    async def go(self, seconds: float = 5.0) -> None:
        await self.world.settle()
        await asyncio.sleep(seconds)
        await self.world.settle()

    def workers(self, ready: int = 1, **status: int) -> None:
        """Say what the Deployment has."""
        found = self.world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
        counts = {"replicas": 1, "readyReplicas": ready, "updatedReplicas": ready} | status
        counts.setdefault("observedGeneration", found["metadata"]["generation"])
        self.world.kube.put(DEPLOYMENT, found | {"status": counts})

    @property
    def last(self) -> Object:
        return dict(self.world.seen()["status"].get("lastProbe") or {})

    def condition(self, kind: str = "ProbeAnswered") -> str:
        return self.world.condition(kind)

    def _wake(self, key: Key) -> None:
        self.world.woken[key] = None


def serving(test: Test, *, workers: int = 1, **spec: Any) -> None:  # noqa: ANN401  any part of a spec
    """Run a test in a world in which an agent is served."""

    async def course() -> None:
        probed = Probed()
        made = agent(**spec)
        probed.world.users_put((TENANT, tenant()), (NAMESPACE, namespace()), (VOICE_AGENT, made))
        await probed.start()
        if probed.world.condition("Accepted") == "True/Accepted":
            probed.workers(workers)
            await probed.world.settle()
        await test(probed)
        await probed.stop()

    run_virtual(course())


def test_an_answer_stands_in_condition_and_status() -> None:
    async def test(probed: Probed) -> None:
        assert probed.condition() == "Unknown/ProbePending"
        assert probed.condition("Ready") == "True/Ready"
        await probed.go()
        assert probed.condition() == "True/Answered"
        assert "worker worker-0 joined a probe room after 300 ms" in probed.world.message(
            "ProbeAnswered"
        )
        revision = probed.world.seen()["status"]["revision"]
        assert probed.last == {
            "time": "2026-03-01T12:00:00Z",
            "result": "Answered",
            "revision": revision,
            "worker": "worker-0",
            "joinMs": 300,
            "greetingMs": 120,
        }

    serving(test)


def test_the_dispatch_is_that_of_calls_and_a_stop_leaves_no_room() -> None:
    async def test(probed: Probed) -> None:
        await asyncio.sleep(1.6)
        ((_, pool, dispatch),) = probed.rooms.live.values()
        assert (pool, dispatch.agent) == ("smile-dental.reception", "smile-dental/reception")
        assert dispatch.revision == probed.world.seen()["status"]["revision"]
        await probed.stop()
        assert probed.rooms.live == {}

    serving(test)


def test_steady_answers_write_nothing() -> None:
    async def test(probed: Probed) -> None:
        await probed.go()
        writes = len(probed.world.kube.writes)
        for step in range(6):
            probed.rooms.greeting_ms = 120 + 20 * step
            await probed.go(600.0)
        assert len(probed.rooms.opened) >= 6
        assert len(probed.world.kube.writes) == writes

    serving(test)


def test_a_restart_writes_nothing_and_probes_nobody_at_once() -> None:
    async def test(probed: Probed) -> None:
        await probed.go()
        before, opened = len(probed.world.kube.writes), len(probed.rooms.opened)
        await probed.stop()
        await probed.start()
        await probed.go(60.0)
        assert probed.condition() == "True/Answered"
        assert len(probed.world.kube.writes) == before
        assert len(probed.rooms.opened) == opened
        await probed.go(600.0)
        assert len(probed.rooms.opened) > opened

    serving(test)


def test_a_new_revision_is_pending_until_it_was_tried_out() -> None:
    async def test(probed: Probed) -> None:
        await probed.go()
        probed.world.users_put((VOICE_AGENT, agent(persona={"name": "Bea"})))
        await probed.world.settle()
        assert probed.condition() == "Unknown/ProbePending"
        await probed.go()
        assert probed.condition() == "True/Answered"
        assert probed.last["revision"] == probed.world.seen()["status"]["revision"]

    serving(test)


def test_ready_needs_it_only_where_asked() -> None:
    async def gated(probed: Probed) -> None:
        assert probed.condition("Ready") == "False/ProbePending"
        await probed.go()
        assert probed.condition("Ready") == "True/Ready"
        probed.rooms.fault = "stt: SpeechToTextError"
        await probed.go(700.0)
        assert probed.condition("Ready") == probed.condition() == "False/ProbeFailed"
        assert "stt: SpeechToTextError" in probed.world.message("Ready")

    async def shown(probed: Probed) -> None:
        probed.rooms.fault = "stt: SpeechToTextError"
        await probed.go()
        assert probed.condition() == "False/ProbeFailed"
        assert probed.condition("Ready") == "True/Ready"
        assert probed.last["fault"] == "stt: SpeechToTextError"

    serving(gated, probe={"gatesReady": True})
    serving(shown)


def test_workers_that_go_silent_are_told_though_their_pods_look_ready() -> None:
    async def test(probed: Probed) -> None:
        await probed.go()
        probed.rooms.absent = {"smile-dental.reception"}
        await probed.go(80.0)
        assert probed.condition() == "False/ProbeNotAnswered"
        assert probed.condition("WorkersReady") == "True/WorkersReady"
        probed.rooms.absent.clear()
        await probed.go(80.0)
        assert probed.condition() == "True/Answered"

    serving(test, probe={"intervalSeconds": 30})


def test_a_finished_rollout_is_tried_out_and_one_under_way_is_not() -> None:
    async def test(probed: Probed) -> None:
        await probed.go()
        context, opened = probed.world.context, len(probed.rooms.opened)
        worker = dataclasses.replace(context.settings.worker, image="registry.example/agent:2")
        newer = dataclasses.replace(context.settings, worker=worker)
        probed.world.context = dataclasses.replace(context, settings=newer)
        await probed.world.reconcile(AGENT)
        await probed.go()
        probed.workers(1, updatedReplicas=0)
        await probed.go()
        assert len(probed.rooms.opened) == opened
        probed.workers(1)
        await probed.go()
        assert len(probed.rooms.opened) == opened + 1
        probed.workers(1, replicas=2)
        await probed.go()
        probed.workers(2, replicas=2)
        await probed.go()
        assert len(probed.rooms.opened) == opened + 1, "more of the same workers are no change"

    serving(test)


@pytest.mark.parametrize(
    ("spec", "workers", "said"),
    [
        ({"suspend": True}, 1, "spec.suspend is true"),
        ({}, 0, "no worker is ready; see WorkersReady"),
        ({"dialog": {"configMapRef": {"name": "x", "key": "y"}}}, 0, "see Accepted"),
    ],
)
def test_what_can_take_no_call_is_not_tried_out(spec: Object, workers: int, said: str) -> None:
    async def test(probed: Probed) -> None:
        await probed.go(700.0)
        assert probed.rooms.opened == []
        assert probed.condition() == "Unknown/ProbePending"
        assert said in probed.world.message("ProbeAnswered")

    serving(test, workers=workers, **spec)


def test_without_a_wish_for_probes_there_is_no_condition_and_no_probe() -> None:
    async def test(probed: Probed) -> None:
        await probed.go(700.0)
        assert probed.rooms.opened == []
        kinds = {c["type"] for c in probed.world.seen()["status"]["conditions"]}
        assert "ProbeAnswered" not in kinds

    serving(test, probe={"enabled": False})


def test_an_agent_that_is_deleted_is_let_go_of() -> None:
    async def test(probed: Probed) -> None:
        await probed.go()
        probed.world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
        opened = len(probed.rooms.opened)
        await probed.go(700.0)
        assert len(probed.rooms.opened) == opened

    serving(test)


def test_probe_rooms_are_no_calls() -> None:
    async def test(probed: Probed) -> None:
        probed.world.sip.rooms = [("sb-probe-smile-dental-reception-1", '{"probe":true}')]
        await probed.world.poll()
        await probed.world.settle()
        assert probed.world.seen()["status"]["activeCalls"] == 0

    serving(test)
