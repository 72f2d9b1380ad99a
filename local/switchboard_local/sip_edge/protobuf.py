"""Messages of LiveKit's inside that its Python packages lack, declared field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_SCALARS: Final = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Enums are declared as int32, messages that are read elsewhere as bytes: the wire is the same.
    """

    name: str
    number: int
    kind: str = "string"
    """A scalar, `map` of strings to strings, or a message's full name."""
    repeated: bool = False
    optional: bool = False
    """Whether its absence can be told from its zero."""


def declare(package: str, messages: Mapping[str, Sequence[Field]]) -> dict[str, Any]:
    """Make the classes of these messages."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    pool = DescriptorPool()
    for known in (any_pb2, duration_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        file.dependency.append(known.DESCRIPTOR.name)
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add(message, field, f".{package}.{name}")
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages
    }


def _add(message: DescriptorProto, field: Field, path: str) -> None:
    many = field.repeated or field.kind == "map"
    added = message.field.add(
        name=field.name,
        number=field.number,
        label=FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL,
    )
    if field.kind in _SCALARS:
        added.type = _SCALARS[field.kind]
    elif field.kind == "map":
        entry = f"{field.name.title().replace('_', '')}Entry"
        _add_entry(message, entry)
        added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f"{path}.{entry}"
    else:
        added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{field.kind}"
    if field.optional:
        added.proto3_optional, added.oneof_index = True, len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{field.name}")


def _add_entry(message: DescriptorProto, name: str) -> None:
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    for number, part in enumerate(("key", "value"), 1):
        entry.field.add(
            name=part,
            number=number,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
            type=FieldDescriptorProto.TYPE_STRING,
        )
