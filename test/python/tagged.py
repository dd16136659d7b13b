"""Python values as JSON, without loss.

Every value becomes an object {"t": type, "v": value}:

    t       v
    nil     null
    bool    true or false
    int     decimal digits in a string, of any size
    float   a string as float.hex() writes it; also "inf", "-inf", "nan"
    str     a JSON string
    bytes   hex
    list    a list of such objects
    map     a list of [key, value] pairs of such objects, in the map's order
    other   hex of the value's msgpack encoding (ext types, timestamps)

Only the payload bits of a NaN are lost. A tuple, which msgpack cannot tell from
a list, is written as a list.
"""

import umsgpack


def to_json(value):
    """Return the tagged form of any value that msgpack can carry."""
    if value is None:
        return {"t": "nil", "v": None}
    kind = type(value)
    if kind is bool:
        return {"t": "bool", "v": value}
    if kind is int:
        return {"t": "int", "v": str(value)}
    if kind is float:
        return {"t": "float", "v": value.hex()}
    if kind is str:
        return {"t": "str", "v": value}
    if kind is bytes:
        return {"t": "bytes", "v": value.hex()}
    if kind in (list, tuple):
        return {"t": "list", "v": [to_json(item) for item in value]}
    if kind is dict:
        pairs = [[to_json(key), to_json(item)] for key, item in value.items()]
        return {"t": "map", "v": pairs}
    return {"t": "other", "v": umsgpack.packb(value).hex()}


def from_json(tagged):
    """Return the value that to_json wrote as tagged."""
    read = _READERS.get(tagged["t"])
    if read is None:
        raise ValueError(f"unknown value type {tagged['t']!r}")
    return read(tagged["v"])


def _hashable(key):
    """Return key as a map can hold it: lists, at any depth, become tuples."""
    if isinstance(key, list):
        return tuple(_hashable(item) for item in key)
    return key


_READERS = {
    "nil": lambda v: None,
    "bool": bool,
    "int": int,
    "float": float.fromhex,
    "str": str,
    "bytes": bytes.fromhex,
    "list": lambda v: [from_json(item) for item in v],
    "map": lambda v: {_hashable(from_json(key)): from_json(item) for key, item in v},
    "other": lambda v: umsgpack.unpackb(bytes.fromhex(v)),
}
