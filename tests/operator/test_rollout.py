"""Pins, variants and pauses: what serves, what is kept, and what is said about it."""

import json
from typing import Any

import pytest

from switchboard_contract import names
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_operator.desired import revision
from switchboard_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object, labels_of
from tests.operator.samples import SCRIPT, World, served_world, spec, tenant

_POLITE = {"name": "polite", "weight": 30, "persona": {"name": "Ann", "business": "Smile Dental"}}


def _dispatched(world: World) -> DispatchMetadata:
    (rule,) = world.sip.rules.values()
    return DispatchMetadata.model_validate_json(rule.room_config.agents[0].metadata)


def _revisions(world: World) -> dict[str, Object]:
    return {
        labels_of(obj)[names.LABEL_REVISION]: obj
        for (kind, _, _), obj in world.kube.objects.items()
        if kind is CONFIG_MAP and names.LABEL_REVISION in labels_of(obj)
    }


def _config(obj: Object) -> AgentConfig:
    return AgentConfig.model_validate_json(obj["data"][names.REVISION_KEY])


async def _annotate(world: World, **annotations: str | None) -> None:
    seen = world.seen()
    kept = {**(seen["metadata"].get("annotations") or {})}
    for name, value in annotations.items():
        key = f"{names.GROUP}/{name.replace('_', '-')}"
        kept.pop(key, None)
        if value is not None:
            kept[key] = value
    seen["metadata"]["annotations"] = kept
    world.users_put((VOICE_AGENT, seen))
    await world.settle()


async def _change(world: World, **changes: Any) -> None:  # noqa: ANN401  any part of a spec
    world.users_put((VOICE_AGENT, world.seen() | {"spec": spec(**changes)}))
    await world.settle()


async def _second_revision(limit: int = 10) -> tuple[World, str, str]:
    world = await served_world(revisionHistoryLimit=limit)
    first = _dispatched(world).revision
    await _change(world, language="en-US", persona={"name": "Bea"}, revisionHistoryLimit=limit)
    return world, first, _dispatched(world).revision


async def test_a_pinned_revision_serves_and_the_status_says_so() -> None:
    world, first, second = await _second_revision()
    await _annotate(world, pinned_revision=first)
    assert _dispatched(world).revision == first
    status = world.seen()["status"]
    assert status["revision"] == status["pinnedRevision"] == first
    assert status["specRevision"] == second
    assert world.condition("Accepted") == "True/Pinned"
    for condition in ("Accepted", "Ready"):
        message = world.message(condition)
        assert f"revision {first} is pinned, the spec compiles to {second}" in message
        assert "'switchboard rollout resume' goes back" in message


async def test_taking_the_pin_off_goes_back_to_the_spec() -> None:
    world, first, second = await _second_revision()
    await _annotate(world, pinned_revision=first)
    await _annotate(world, pinned_revision=None)
    assert _dispatched(world).revision == second
    assert world.condition("Accepted") == "True/Accepted"
    assert not {"pinnedRevision", "specRevision"} & world.seen()["status"].keys()


async def test_a_pinned_revision_outlives_the_history_limit() -> None:
    world, first, _ = await _second_revision(limit=1)
    await _annotate(world, pinned_revision=first)
    for name in ("Cleo", "Dora", "Eve"):
        await _change(world, persona={"name": name}, revisionHistoryLimit=1)
    assert _dispatched(world).revision == first
    assert first in _revisions(world)


async def test_a_pin_to_nothing_serves_the_spec_and_says_what_to_do() -> None:
    world, _, second = await _second_revision()
    await _annotate(world, pinned_revision="0123456789")
    assert _dispatched(world).revision == second
    assert world.condition("Accepted") == "True/PinnedRevisionNotFound"
    assert "revision 0123456789 is not kept, so the spec serves" in world.message("Ready")
    assert "pinnedRevision" not in world.seen()["status"]


async def test_a_pin_to_a_config_map_that_is_no_revision_is_not_obeyed() -> None:
    world, _, second = await _second_revision()
    foreign = {"metadata": {"name": "reception-mine", "namespace": "smile-dental"}}
    foreign["metadata"]["labels"] = {names.LABEL_MANAGED_BY: names.MANAGED_BY}  # type: ignore[assignment]
    world.users_put((CONFIG_MAP, foreign))
    await _annotate(world, pinned_revision="mine")
    assert _dispatched(world).revision == second


async def test_deleting_the_pinned_revision_falls_back_to_the_spec() -> None:
    world, first, second = await _second_revision()
    await _annotate(world, pinned_revision=first)
    world.kube.remove(CONFIG_MAP, "smile-dental", f"reception-{first}")
    await world.settle()
    assert _dispatched(world).revision == second
    assert world.condition("Accepted") == "True/PinnedRevisionNotFound"


async def test_each_variant_is_a_revision_with_its_share() -> None:
    dialog = {"inline": SCRIPT | {"greeting": "Good day."}}
    world = await served_world(
        variants=[_POLITE, {"name": "short", "weight": 20, "dialog": dialog}]
    )
    dispatched = _dispatched(world)
    kept = {name: _config(obj) for name, obj in _revisions(world).items()}
    assert kept[dispatched.revision].variant is None
    polite, short = dispatched.variants
    assert [(s.name, s.weight) for s in dispatched.variants] == [("polite", 30), ("short", 20)]
    assert kept[polite.revision].persona.name == "Ann"
    assert kept[short.revision].variant == "short"
    assert kept[short.revision].persona.name == "Amy"
    assert json.loads(kept[short.revision].to_json())["script"]["greeting"] == "Good day."


async def test_a_variants_dialog_comes_from_a_config_map_as_the_specs_does() -> None:
    reference = {"configMapRef": {"name": "polite", "key": "script"}}
    variant = {"name": "polite", "weight": 50, "dialog": reference}
    world = await served_world(variants=[variant])
    assert world.condition("Accepted") == "False/DialogNotFound"
    field = "spec.variants[0].dialog.configMapRef.name"
    assert f"{field}: there is no ConfigMap polite" in world.message("Accepted")
    meta = {"name": "polite", "namespace": "smile-dental"}
    script = json.dumps(SCRIPT | {"greeting": "Good evening."})
    world.users_put((CONFIG_MAP, {"metadata": meta, "data": {"script": script}}))
    world.start()
    await world.open()
    await world.settle()
    (share,) = _dispatched(world).variants
    kept = _config(_revisions(world)[share.revision])
    assert json.loads(kept.to_json())["script"]["greeting"] == "Good evening."


async def test_a_variant_may_talk_by_a_prompt_where_the_spec_has_a_script() -> None:
    provider = {"name": "hosted", "baseUrl": "https://llm.example/v1", "model": "small"}
    prompt = {"prompt": {"greeting": "Hello.", "instructions": "Be brief."}}
    variant = {"name": "talker", "weight": 10, "dialog": prompt, "llm": {"providers": [provider]}}
    world = await served_world(variants=[variant])
    dispatched = _dispatched(world)
    kept = {name: _config(obj) for name, obj in _revisions(world).items()}
    talker = kept[dispatched.variants[0].revision]
    assert (talker.script, [model.name for model in talker.llm]) == (None, ["hosted"])
    assert kept[dispatched.revision].script is not None


async def test_a_pin_wins_over_variants() -> None:
    world = await served_world()
    first = _dispatched(world).revision
    await _change(world, persona={"name": "Bea"}, variants=[_POLITE])
    await _annotate(world, pinned_revision=first)
    assert _dispatched(world) == DispatchMetadata(agent="smile-dental/reception", revision=first)
    assert "spec.variants are off" in world.message("Accepted")


async def test_a_variant_cannot_be_pinned() -> None:
    world = await served_world(variants=[_POLITE])
    dispatched = _dispatched(world)
    await _annotate(world, pinned_revision=dispatched.variants[0].revision)
    assert _dispatched(world) == dispatched
    assert world.condition("Accepted") == "True/PinnedRevisionNotFound"


def test_trying_variants_does_not_use_up_the_agents_history() -> None:
    def kept(name: str, second: int, **labels: str) -> Object:
        created = f"2026-01-01T00:00:{second:02d}Z"
        labels = {names.LABEL_REVISION: name, **labels}
        return {"metadata": {"name": name, "creationTimestamp": created, "labels": labels}}

    variant = {names.LABEL_VARIANT: "v"}
    existing = [kept("a", 1), kept("b", 2), kept("c", 3), kept("now", 9)]
    existing += [kept(f"v{second}", second, **variant) for second in range(4, 9)]
    stale = revision.outdated(existing, {"now"}, keep=2)
    assert [obj["metadata"]["name"] for obj in stale] == ["a", "v4", "v5", "v6"]


async def test_nothing_is_changed_for_a_paused_agent_and_the_status_says_so() -> None:
    world = await served_world()
    await _annotate(world, paused="true")
    before, writes = _dispatched(world), len(world.sip.writes)
    deployment = world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
    deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 7
    world.users_put((DEPLOYMENT, deployment | {"status": {"replicas": 1, "readyReplicas": 1}}))
    await _change(world, persona={"name": "Bea"}, numbers=["+15550100", "+15550101"])
    assert (_dispatched(world), len(world.sip.writes)) == (before, writes)
    now = world.kube.objects[DEPLOYMENT, "smile-dental", "reception-worker"]
    assert now["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 7
    assert world.condition("Paused") == "True/Paused"
    assert world.seen()["status"]["revision"] == before.revision
    assert world.condition("NumbersBound") == "False/NotBound"
    await _change(world)
    assert world.condition("Ready") == "True/Paused"
    assert "'switchboard resume' lets it go on" in world.message("Ready")


async def test_resuming_puts_everything_right() -> None:
    world = await served_world()
    await _annotate(world, paused="true")
    await _change(world, persona={"name": "Bea"})
    await _annotate(world, paused=None)
    serving = _dispatched(world).revision
    assert _config(_revisions(world)[serving]).persona.name == "Bea"
    assert "Paused" not in {c["type"] for c in world.seen()["status"]["conditions"]}


async def test_a_pause_is_no_way_around_a_suspended_tenant() -> None:
    world = await served_world()
    await _annotate(world, paused="true")
    world.users_put((TENANT, tenant(suspend=True)))
    await world.settle()
    assert not world.sip.rules
    assert len(world.sip.trunks) == 1
    assert world.condition("Accepted") == "False/TenantSuspended"


async def test_a_paused_agent_can_be_deleted() -> None:
    world = await served_world()
    await _annotate(world, paused="true")
    world.kube.remove(VOICE_AGENT, "smile-dental", "reception")
    await world.settle()
    assert (VOICE_AGENT, "smile-dental", "reception") not in world.kube.objects
    assert not world.sip.trunks


@pytest.mark.parametrize("paused", ["false", "", "True"])
async def test_only_true_pauses(paused: str) -> None:
    world = await served_world()
    await _annotate(world, paused=paused)
    await _change(world, persona={"name": "Bea"})
    assert _config(_revisions(world)[_dispatched(world).revision]).persona.name == "Bea"
