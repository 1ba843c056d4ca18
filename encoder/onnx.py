"""Just enough of ONNX's file format (protocol buffers, onnx.proto) to hand a graph to ONNX Runtime.

The package `onnx` would do it, but it brings 50 MB to two images, and beside Rasa's TensorFlow, which holds
protobuf below 5, only a release of 2024 fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # a numpy array

OPSETS = (("", 18), ("com.microsoft", 1))
_IR_VERSION = 9
_TYPES = {"float32": 1, "uint8": 2}  # TensorProto.DataType
_FLOAT_ATTRIBUTE, _INT_ATTRIBUTE = 1, 2  # AttributeProto.AttributeType


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: float) -> bytes:
    """A step of the graph; an input that is left out is "". `kind` as in "com.microsoft.Gelu"."""
    domain, _, name = kind.rpartition(".")
    return b"".join(
        [
            *(_field(1, one) for one in inputs),
            *(_field(2, one) for one in outputs),
            _field(4, name),
            *(_field(5, _attribute(key, value)) for key, value in attributes.items()),
            _field(7, domain),
        ]
    )


def tensor(name: str, values: Array) -> bytes:
    """A constant: float32 or uint8, of any shape."""
    dimensions = b"".join(_field(1, size) for size in values.shape)
    raw = np.ascontiguousarray(values).tobytes()
    return dimensions + _field(2, _TYPES[values.dtype.name]) + _field(8, name) + _field(9, raw)


def model(
    nodes: Iterable[bytes], constants: Iterable[bytes], given: str, made: str, sizes: Sequence[int | str]
) -> bytes:
    """The file. What is `given` and what is `made` have the same shape, of floats; a size that is a word may
    be any."""
    graph = b"".join(
        [
            *(_field(1, one) for one in nodes),
            _field(2, "graph"),
            *(_field(5, one) for one in constants),
            _field(11, _value(given, sizes)),
            _field(12, _value(made, sizes)),
        ]
    )
    opsets = b"".join(_field(8, _field(1, domain) + _field(2, version)) for domain, version in OPSETS)
    return _field(1, _IR_VERSION) + _field(7, graph) + opsets


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, _INT_ATTRIBUTE)
    return _field(1, name) + _field(2, value) + _field(20, _FLOAT_ATTRIBUTE)


def _value(name: str, sizes: Sequence[int | str]) -> bytes:
    shape = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in sizes)
    return _field(1, name) + _field(2, _field(1, _field(1, _TYPES["float32"]) + _field(2, shape)))


def _field(number: int, value: int | float | str | bytes) -> bytes:
    """A field of a message: whole numbers as varints, floats in 4 bytes, all else with its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, float):
        return _varint(number << 3 | 5) + np.float32(value).tobytes()
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
