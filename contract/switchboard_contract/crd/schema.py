"""Pydantic models to structural OpenAPI schemas: what a CRD may hold of JSON Schema.

The API server wants a *structural* schema: no `$ref`, no `anyOf` with null (an optional field is
simply absent), no `additionalProperties` beside `properties` (it prunes or, with strict validation,
refuses unknown fields by itself). `null` defaults are dropped for the same reason. A block that may
be left out gets a default, so that `kubectl get -o yaml` shows what is in force.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from switchboard_contract.crd.rules import RULES

Schema = dict[str, Any]

_KEPT = (
    "description",
    "type",
    "enum",
    "default",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "items",
    "required",
    "properties",
    "additionalProperties",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
)
"""What is taken over, in the order in which it is written."""


class UnsupportedSchemaError(TypeError):
    """A model uses something that a structural schema cannot say; change the model."""


def structural(model: type[BaseModel], *, lists: Mapping[str, Schema] | None = None) -> Schema:
    """Return the structural schema of a model.

    `lists` adds list semantics (`x-kubernetes-list-type` and its keys) to top-level fields.
    """
    root = model.model_json_schema(by_alias=True, mode="validation")
    definitions = root.pop("$defs", {})
    rules = {m.__name__: [rule.to_schema() for rule in found] for m, found in RULES.items()}
    convert = _converter(definitions, rules)
    schema = convert({**root, "title": model.__name__})
    for field, extra in (lists or {}).items():
        schema["properties"][field].update(extra)
    return schema


def _converter(
    definitions: Mapping[str, Schema], rules: Mapping[str, list[Schema]]
) -> Callable[[Schema], Schema]:
    def convert(node: Schema) -> Schema:
        node = _resolved(node, definitions)
        out = {key: node[key] for key in _KEPT if key in node}
        if out.get("default", ...) is None:
            del out["default"]
        if "const" in node:
            out["enum"] = [node["const"]]
        if "properties" in out:
            out.pop("additionalProperties", None)
            out["properties"] = {
                k: _property(convert(v), nullable="anyOf" in v)
                for k, v in out["properties"].items()
            }
            if found := rules.get(node.get("title", "")):
                out["x-kubernetes-validations"] = found
        elif isinstance(out.get("additionalProperties"), dict):
            out["additionalProperties"] = convert(out["additionalProperties"])
        elif out.get("additionalProperties") is True:
            del out["additionalProperties"]
        if "items" in out:
            out["items"] = convert(out["items"])
        if "type" not in out and "x-kubernetes-int-or-string" not in out:
            raise UnsupportedSchemaError(f"no single type: {node}")
        return out

    return convert


def _resolved(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Inline a reference and drop the null of an optional field; the outer words win."""
    if "anyOf" in node:
        options = [option for option in node["anyOf"] if option.get("type") != "null"]
        outer = {key: value for key, value in node.items() if key not in {"anyOf", "title"}}
        if [option.get("type") for option in options] == ["integer", "string"]:
            return {**outer, "x-kubernetes-int-or-string": True}  # bounds are a rule's to say
        if len(options) != 1:
            raise UnsupportedSchemaError(f"a field must have one type: {node['anyOf']}")
        return _resolved({**options[0], **outer}, definitions)
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        outer = {key: value for key, value in node.items() if key != "$ref"}
        return _resolved({**target, **outer, "title": target["title"]}, definitions)
    return node


def _property(schema: Schema, *, nullable: bool) -> Schema:
    """Give a block that may be left out a default made of its inner defaults.

    Not one that means something else when left out (`nullable`).

    Spelled out, not `{}`: the API server checks a default against the CEL rules before it fills
    inner defaults in.
    """
    inner = schema.get("properties", {})
    defaults = {name: field["default"] for name, field in inner.items() if "default" in field}
    if defaults and not nullable and not schema.get("required"):
        schema.setdefault("default", defaults)
    return schema
