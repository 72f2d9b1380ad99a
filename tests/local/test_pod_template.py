"""A pod template read without a kubelet: the environment a container would get."""

import pytest

from switchboard_local.processes.pod_template import (
    PodFacts,
    UnresolvedError,
    referred_config_maps,
    referred_secrets,
    refuse_secret_files,
    resolve_environment,
    template_hash,
)

POD = PodFacts(name="agent-1", namespace="clinic", labels={"app": "agent"})
CONTAINER = {
    "env": [
        {"name": "PLAIN", "value": "x"},
        {"name": "EMPTY"},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "common"}, "prefix": "C_"}],
}
SECRETS = {"keys": {"api": "s3cret"}}
CONFIG_MAPS = {"common": {"LEVEL": "INFO"}}


def test_every_source_is_resolved() -> None:
    assert resolve_environment(CONTAINER, pod=POD, secrets=SECRETS, config_maps=CONFIG_MAPS) == {
        "C_LEVEL": "INFO",
        "PLAIN": "x",
        "EMPTY": "",
        "SECRET": "s3cret",
        "POD": "agent-1",
        "APP": "agent",
    }


def test_the_objects_to_fetch_are_known_beforehand() -> None:
    assert referred_secrets(CONTAINER) == {"keys"}
    assert referred_config_maps(CONTAINER) == {"common"}


def test_a_missing_secret_keeps_the_worker_from_starting() -> None:
    with pytest.raises(UnresolvedError, match="keys does not exist"):
        resolve_environment(CONTAINER, pod=POD, secrets={}, config_maps=CONFIG_MAPS)


def test_a_missing_optional_secret_leaves_the_variable_out() -> None:
    reference = {"name": "none", "key": "k", "optional": True}
    container = {"env": [{"name": "A", "valueFrom": {"secretKeyRef": reference}}]}
    assert resolve_environment(container, pod=POD, secrets={}, config_maps={}) == {}


def test_a_field_that_only_a_pod_has_is_refused_by_name() -> None:
    container = {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]}
    with pytest.raises(UnresolvedError, match=r"spec\.x"):
        resolve_environment(container, pod=POD, secrets={}, config_maps={})


def test_a_template_hash_depends_on_content_and_not_on_order() -> None:
    assert template_hash({"a": 1, "b": 2}) == template_hash({"b": 2, "a": 1})
    assert template_hash({"a": 1}) != template_hash({"a": 2})


def test_keys_of_secrets_as_files_are_refused_with_the_remedy() -> None:
    volumes = [{"name": "tmp", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "llm"}}]
    refuse_secret_files({"volumes": volumes[:1]})
    with pytest.raises(UnresolvedError, match=r"Secret llm are files .* without --no-pods"):
        refuse_secret_files({"volumes": volumes})
