"""Models become structural schemas: what the API server takes, and nothing else."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from switchboard_contract.crd.definitions import crds, tenant_crd, voice_agent_crd
from switchboard_contract.crd.meta import Model
from switchboard_contract.crd.scaling import Scaling
from switchboard_contract.crd.schema import UnsupportedSchemaError, structural

_FORBIDDEN = {"$ref", "$defs", "anyOf", "allOf", "oneOf", "title", "const", "uniqueItems"}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  any part of a schema
    """Yield every schema in a schema; names of properties are not schemas."""
    if "type" in schema:
        yield schema
    for child in (schema.get("properties") or {}).values():
        yield from _nodes(child)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _nodes(schema[key])


@pytest.mark.parametrize("name", crds())
def test_schemas_are_structural(name: str) -> None:
    root = crds()[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    nodes = list(_nodes(root))
    assert len(nodes) > 20
    for node in nodes:
        assert not _FORBIDDEN & node.keys()
        assert not (node.keys() >= {"properties", "additionalProperties"})
        assert node.get("default", ...) is not None


@pytest.mark.parametrize("name", crds())
def test_every_field_is_described(name: str) -> None:
    root = crds()[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        for node in _nodes(root["properties"][part]):
            for field, schema in (node.get("properties") or {}).items():
                assert schema.get("description"), f"{part} ... {field}"


def test_voice_agent_has_its_columns_subresources_and_names() -> None:
    spec = voice_agent_crd()["spec"]
    version = spec["versions"][0]
    columns = [column["name"] for column in version["additionalPrinterColumns"]]
    assert columns == ["Ready", "Reason", "Numbers", "Calls", "Workers", "Age"]
    assert version["subresources"]["scale"] == {
        "specReplicasPath": ".spec.scaling.min",
        "statusReplicasPath": ".status.workers",
        "labelSelectorPath": ".status.selector",
    }
    assert spec["names"]["shortNames"] == ["va"]
    assert spec["names"]["categories"] == ["voice"]


def test_a_tenant_is_listed_with_its_name_for_people() -> None:
    columns = tenant_crd()["spec"]["versions"][0]["additionalPrinterColumns"]
    assert (columns[0]["name"], columns[0]["jsonPath"]) == ("Display-Name", ".spec.displayName")


class _Colour(StrEnum):
    RED = "red"


class _Inner(Model):
    """Inner words."""

    size: int = Field(default=3, ge=1, description="Size.")


class _Outer(Model):
    colour: _Colour = Field(default=_Colour.RED, description="Colour.")
    maybe: int | None = Field(default=None, description="May be absent.")
    inner: _Inner = Field(default_factory=_Inner, description="Outer words.")
    only: Literal["x"] = "x"


def test_optional_fields_are_left_out_not_null() -> None:
    properties = structural(_Outer)["properties"]
    assert properties["maybe"] == {"type": "integer", "description": "May be absent."}


def test_enums_and_constants_are_enums_with_defaults() -> None:
    properties = structural(_Outer)["properties"]
    assert (properties["colour"]["enum"], properties["colour"]["default"]) == (["red"], "red")
    assert properties["only"]["enum"] == ["x"]


def test_a_block_that_may_be_left_out_has_its_inner_defaults() -> None:
    inner = structural(_Outer)["properties"]["inner"]
    assert inner["default"] == {"size": 3}
    assert inner["description"] == "Outer words."


def test_a_field_of_two_types_is_refused() -> None:
    class _Both(Model):
        value: int | bool

    with pytest.raises(UnsupportedSchemaError, match="one type"):
        structural(_Both)


def test_a_number_or_a_word_is_what_kubernetes_calls_int_or_string() -> None:
    class _Either(Model):
        value: int | Literal["auto"] = Field(default=3, description="Either.")

    assert structural(_Either)["properties"]["value"] == {
        "description": "Either.",
        "default": 3,
        "x-kubernetes-int-or-string": True,
    }
    scaling = voice_agent_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    field = scaling["properties"]["spec"]["properties"]["scaling"]["properties"]["callsPerWorker"]
    assert (field["x-kubernetes-int-or-string"], field["default"]) == (True, 20)


@pytest.mark.parametrize("said", [1, 200, "auto"])
def test_calls_per_worker_are_a_number_or_found_out(said: int | str) -> None:
    assert Scaling.model_validate({"callsPerWorker": said}).calls_per_worker == said


@pytest.mark.parametrize("said", [0, 201, "many", 1.5])
def test_other_calls_per_worker_are_refused(said: float | str) -> None:
    with pytest.raises(ValidationError):
        Scaling.model_validate({"callsPerWorker": said})
