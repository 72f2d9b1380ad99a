"""A small real ONNX model with the interface of Smart Turn v3, written without the onnx package.

    input_features (batch x 80 x 800) -> ReduceMean over all but the batch -> Sigmoid -> output

The mean of a log-mel picture differs from turn to turn: enough to tell two apart, and no more is
asked of it.
"""

from pathlib import Path

_FLOAT = 1
_INTS, _INT = 7, 2
_IR_VERSION, _OPSET = 8, 13


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _tensor(name: str, *dims: int | str) -> bytes:
    shape = b"".join(
        _bytes(1, _bytes(2, dim) if isinstance(dim, str) else _number(1, dim)) for dim in dims
    )
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, shape)))


def _node(kind: str, source: str, target: str, attributes: bytes = b"") -> bytes:
    return _bytes(1, source) + _bytes(2, target) + _bytes(4, kind) + attributes


def write_model(path: Path, *, name: str = "input_features", bands: int = 80) -> Path:
    """Write the model; another `name` or number of `bands` makes one of another interface."""
    axes = _bytes(5, _bytes(1, "axes") + _number(8, 1) + _number(8, 2) + _number(20, _INTS))
    keep = _bytes(5, _bytes(1, "keepdims") + _number(3, 0) + _number(20, _INT))
    graph = (
        _bytes(1, _node("ReduceMean", name, "mean", axes + keep))
        + _bytes(1, _node("Sigmoid", "mean", "output"))
        + _bytes(2, "loudness")
        + _bytes(11, _tensor(name, "batch", bands, 800))
        + _bytes(12, _tensor("output", "batch"))
    )
    model = _number(1, _IR_VERSION) + _bytes(7, graph) + _bytes(8, _number(2, _OPSET))
    path.write_bytes(model)
    return path
