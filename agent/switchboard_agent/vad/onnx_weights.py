"""Reads named tensors out of an ONNX file, without the onnx package.

An ONNX file is a protobuf message. All that is wanted of it is a dozen weight tensors, so this
walks the wire format (field number, wire type, value) down the few fields that lead to them:

    ModelProto.graph = 7, GraphProto.node = 1, GraphProto.initializer = 5, NodeProto.output = 2,
    NodeProto.attribute = 5, AttributeProto.t = 5, AttributeProto.g = 6,
    TensorProto.dims = 1, .data_type = 2, .name = 8, .raw_data = 9

Silero keeps the weights of each sample rate as `Constant` nodes in a branch of an `If` node; the
name of a node's output starts with the name of its branch, which is how the two are told apart.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from switchboard_agent.vad.base import VadError

Weights = dict[str, NDArray[np.float32]]

_FLOAT = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class WeightsError(VadError):
    """The file does not hold what is asked of it."""


def read_weights(path: Path, branch: str) -> Weights:
    """All float32 tensors of the graph branch whose names start with `branch`.

    Keys are the names of the tensors within the branch. Raises `WeightsError`.
    """
    try:
        found = dict(_tensors(_only(path.read_bytes(), 7), branch))
    except (IndexError, ValueError, OSError) as error:
        raise WeightsError(
            f"{path} is not a readable ONNX file: reinstall silero-vad 6.2.3"
        ) from error
    if not found:
        raise WeightsError(f"{path} has no branch {branch}: install silero-vad 6.2.3")
    return found


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(message, at)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the top bit says that more bytes follow
            return value, at


def _messages(message: bytes, wanted: int) -> Iterator[bytes]:
    for number, value in _fields(message):
        if number == wanted and isinstance(value, bytes):
            yield value


def _only(message: bytes, wanted: int) -> bytes:
    return next(_messages(message, wanted), b"")


def _tensors(graph: bytes, branch: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for node in _messages(graph, 1):
        outputs = [output.decode() for output in _messages(node, 2)]
        for attribute in _messages(node, 5):
            for subgraph in _messages(attribute, 6):
                yield from _tensors(subgraph, branch)
            for tensor in _messages(attribute, 5):
                if outputs and outputs[0].startswith(branch):
                    yield from _float_tensor(tensor)


def _float_tensor(tensor: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    shape: list[int] = []
    kind: bytes | int = 0
    for number, value in _fields(tensor):
        if number == 1 and isinstance(value, int):
            shape.append(value)
        elif number == 2:  # noqa: PLR2004 - TensorProto.data_type
            kind = value
    name, raw = _only(tensor, 8).decode(), _only(tensor, 9)
    if kind == _FLOAT and name and len(raw) == 4 * math.prod(shape):
        yield name, np.frombuffer(raw, dtype="<f4").reshape(shape)
