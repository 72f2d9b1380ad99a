"""The platform's file about model servers: strict, with errors that name the key."""

import functools
import json
import operator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from switchboard_operator.errors import SettingsError
from switchboard_operator.models.settings import (
    CacheStorage,
    Colocation,
    GpuProfile,
    Images,
    ModelServerSettings,
    TritonRepository,
    TritonSettings,
    VllmProfile,
    load,
)
from switchboard_operator.settings import from_environment
from tests.operator.model_samples import PLATFORM
from tests.operator.system import ROOT


def _file(folder: Path, value: object) -> str:
    path = folder / "model-servers.yaml"
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(value), encoding="utf-8")
    return str(path)


def test_no_file_means_no_profile() -> None:
    assert load("").gpu_profiles == {}


def test_an_empty_file_means_no_profile(tmp_path: Path) -> None:
    assert load(_file(tmp_path, "")).gpu_profiles == {}


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = load(_file(tmp_path, {"gpuProfiles": {"l4": {}}}))
    assert found.gpu_profiles["l4"].resource_name == "nvidia.com/gpu"
    assert found.load_timeout_seconds == 1800


def test_it_is_read_from_where_the_environment_says(tmp_path: Path) -> None:
    names = ("LIVEKIT_API_URL", "LIVEKIT_WORKER_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
    required = dict.fromkeys([f"SWITCHBOARD_{n}" for n in (*names, "REDIS_URL", "WORKER_IMAGE")])
    environment = dict.fromkeys(required, "http://x")
    environment["SWITCHBOARD_MODEL_SERVERS_FILE"] = _file(tmp_path, PLATFORM)
    assert set(from_environment(environment).model_servers.gpu_profiles) == {
        *("l4", "h100x2", "claimed", "patched", "cpu")
    }


def _with(profile: object = None, **changes: Any) -> object:  # noqa: ANN401  any part of the file
    return ({"gpuProfiles": {"l4": profile}} if profile is not None else {}) | changes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_with({"cuont": 1}), "modelServers.gpuProfiles.l4.cuont: unknown field"),
        (_with({"count": -1}), "modelServers.gpuProfiles.l4.count:"),
        (_with({"memory": "lots"}), "modelServers.gpuProfiles.l4.memory:"),
        (_with({"cacheStorage": {}}), "gpuProfiles.l4.cacheStorage.size: required; set it"),
        (_with({"vllm": {"gpuMemoryUtilization": 1.5}}), "l4.vllm.gpuMemoryUtilization:"),
        (_with({"vllm": {"extraArgs": ["--port=1"]}}), "must not hold --port: Switchboard sets it"),
        (_with({"vllm": {"extraArgs": ["dtype"]}}), "gpuProfiles.l4.vllm.extraArgs[0]:"),
        (_with({"vllm": {"tensorParallel": 2}}), "vllm.tensorParallel must not be above count"),
        (_with({"deviceClass": "gpu", "count": 0}), "deviceClass needs a count above 0"),
        (_with({"podTemplates": {"ollama": {}}}), "l4.podTemplates.ollama"),
        (_with(loadTimeoutSeconds=1), "modelServers.loadTimeoutSeconds:"),
        (_with(triton={"repository": {}}), "set exactly one of image, claim and oci"),
        (_with(gpuProfiles={"Big GPU": {}}), "modelServers.gpuProfiles.Big GPU"),
        ("a: [", "is not YAML"),
        ("just words", "modelServers:"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path: Path, wrong: object, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(_file(tmp_path, wrong))
    assert said in str(error.value)
    assert "SWITCHBOARD_MODEL_SERVERS_FILE" in str(error.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(str(tmp_path / "none.yaml"))


_SCHEMA = json.loads((ROOT / "charts/switchboard/values.schema.json").read_text(encoding="utf-8"))
_BLOCKS: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "modelServers": (ModelServerSettings, ("properties", "modelServers")),
    "images": (Images, ("properties", "modelServers", "properties", "images")),
    "triton": (TritonSettings, ("properties", "modelServers", "properties", "triton")),
    "repository": (
        TritonRepository,
        ("properties", "modelServers", "properties", "triton", "properties", "repository"),
    ),
    "profile": (GpuProfile, ("definitions", "gpuProfile")),
    "cache": (CacheStorage, ("definitions", "gpuProfile", "properties", "cacheStorage")),
    "vllm": (VllmProfile, ("definitions", "gpuProfile", "properties", "vllm")),
    "colocated": (Colocation, ("definitions", "gpuProfile", "properties", "colocated")),
}


@pytest.mark.parametrize("block", _BLOCKS)
def test_the_charts_schema_has_the_same_fields(block: str) -> None:
    model, way = _BLOCKS[block]
    schema = functools.reduce(operator.getitem, way, _SCHEMA)
    assert set(schema["properties"]) == {f.alias for f in model.model_fields.values()}
    required = {f.alias for f in model.model_fields.values() if f.is_required()}
    assert set(schema.get("required", [])) == required


def test_the_charts_values_are_the_defaults() -> None:
    path = ROOT / "charts/switchboard/values.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))["modelServers"]
    assert ModelServerSettings.model_validate(values) == ModelServerSettings()
