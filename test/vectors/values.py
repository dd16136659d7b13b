"""The sections "digest", "distance", "values" and "decode": what needs no node."""

import datetime
import hashlib
import math

import umsgpack
from kademlia.network import check_dht_value_type
from kademlia.node import Node, NodeHeap
from kademlia.utils import digest
from rpcudp.exceptions import MalformedMessage

from tagged import to_json
from world import store_request

# A str, bytes or encoding of more bytes than this is described, not spelt out.
LONG = 300


def digest_section():
    """Return the key that the reference makes of each input."""
    inputs = [
        *("", "a", "key", "1", "1.0", "None", "True", "caf\u00e9", "cafe\u0301"),
        *("\u65e5\u672c\u8a9e", "\U0001f600", "nul\x00nul", "two\nlines", "a" * 1000),
        *(b"", b"a", b"1", b"\x00\xff", bytes(20)),
        *(0, 1, -1, 255, 2**63, 2**64, -(2**63), 10**40),
        *(0.0, -0.0, 1.0, 1.5, 0.1, math.pi, 1e15, 1e16, 1e22, 123456789.125),
        *(1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -2.5e-7),
        *(math.inf, -math.inf, math.nan, True, False, None),
    ]
    return [{"input": described(item), "key": digest(item).hex()} for item in inputs]


def distance_section():
    """Return XOR distances of pairs, and ids in order of distance."""
    zero, one, top = bytes(20), bytes(19) + b"\x01", b"\xff" * 20
    half = b"\x80" + bytes(19)
    below_half = b"\x7f" + b"\xff" * 19
    ids = [zero, one, half, below_half, top, *(digest(f"id {i}") for i in range(5))]
    return {
        "pairs": [
            {
                "a": a.hex(),
                "b": b.hex(),
                "distance": f"{Node(a).distance_to(Node(b)):040x}",
            }
            for i, a in enumerate(ids)
            for b in ids[i:]
        ],
        "orders": [
            {
                "target": target.hex(),
                "ids": [i.hex() for i in ids],
                "nearest_first": [i.hex() for i in _nearest_first(target, ids)],
            }
            for target in [*ids, digest("target")]
        ],
    }


def _nearest_first(target, ids):
    heap = NodeHeap(Node(target), len(ids))
    heap.push([Node(i) for i in ids])
    return heap.get_ids()


async def values_section():
    """Return the encoding of every kind and width of value."""
    entries = []
    for name, value in _values():
        entry = {
            "name": name,
            "value": described(value),
            "set_accepts": check_dht_value_type(value),
            "sendable": await _sendable(value),
        }
        try:
            entry.update(_described_encoding(umsgpack.packb(value)))
        except umsgpack.PackException as exc:
            entry["error"] = type(exc).__name__
        entries.append(entry)
    return entries


async def _sendable(value):
    """Say whether the reference can send a STORE of value at all."""
    try:
        await store_request(bytes(20), value)
    except (MalformedMessage, umsgpack.PackException):
        return False
    return True


def described(value):
    """Return to_json(value), but with a long str or bytes, which must be one byte
    over and over, as that byte and its count."""
    tagged = to_json(value)
    if tagged["t"] not in ("str", "bytes"):
        return tagged
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) <= LONG:
        return tagged
    if raw != raw[:1] * len(raw):
        raise ValueError("a long value that is not one byte over and over")
    return {"t": tagged["t"], "repeat": raw[:1].hex(), "count": len(raw)}


def _described_encoding(encoding):
    """Return the fields of an encoding: a long one is only identified."""
    if len(encoding) <= LONG:
        return {"encoding": encoding.hex()}
    return {
        "encoding_length": len(encoding),
        "encoding_head": encoding[:16].hex(),
        "encoding_sha256": hashlib.sha256(encoding).hexdigest(),
    }


def _values():
    """Yield (name, value)."""
    lengths = (0, 1, 31, 32, 255, 256, 8137, 8138, 65535, 65536)
    for length in lengths:
        yield f"str of {length}", "a" * length
    for length in lengths:
        yield f"bytes of {length}", b"\xab" * length
    for number in _boundaries():
        yield f"int {number}", number
    for name, number in _FLOATS.items():
        yield f"float {name}", number
    yield from _OTHERS.items()


def _boundaries():
    """Return the integers on both sides of each change of width."""
    positive = [0, 1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1]
    positive += [2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64]
    negative = [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1]
    negative += [-(2**63), -(2**63) - 1]
    return positive + negative


_FLOATS = {
    "0.0": 0.0,
    "-0.0": -0.0,
    "1.0": 1.0,
    "1.5": 1.5,
    "-1.5": -1.5,
    "pi": math.pi,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
    "smallest": 5e-324,
    "largest": 1.7976931348623157e308,
}

_OTHERS = {
    "true": True,
    "false": False,
    "nil": None,
    "str, two-byte character": "caf\u00e9",
    "str, combining character": "cafe\u0301",
    "str, three-byte characters": "\u65e5\u672c\u8a9e",
    "str, astral character": "\U0001f600",
    "str with NUL": "a\x00b",
    "str, the last code point": "\U0010ffff",
    "str, byte order mark": "\ufeffa",
    "str of 31 bytes in 11 characters": "\u65e5" * 10 + "a",
    "str of 32 bytes in 16 characters": "\u00e9" * 16,
    "empty list": [],
    "list of 15": list(range(15)),
    "list of 16": list(range(16)),
    "empty map": {},
    "map of 15": dict.fromkeys(range(15)),
    "map of 16": dict.fromkeys(range(16)),
    "map with keys of every kind": {
        "str": 1,
        b"bytes": 2,
        3: 4,
        1.5: 5,
        True: 6,
        None: 7,
        (1, ("a",)): 8,
    },
    "nested": {"list": [1, [2, [3, {"deep": [b"\x00", None, True, 1.5]}]]]},
    "ext of 0": umsgpack.Ext(5, b""),
    "ext of 1": umsgpack.Ext(5, b"\x01"),
    "ext of 2": umsgpack.Ext(5, b"\x01" * 2),
    "ext of 3": umsgpack.Ext(5, b"\x01" * 3),
    "ext of 4": umsgpack.Ext(127, b"\x01" * 4),
    "ext of 8": umsgpack.Ext(-128, b"\x01" * 8),
    "ext of 16": umsgpack.Ext(0, b"\x01" * 16),
    "ext of 255": umsgpack.Ext(5, b"\x01" * 255),
    "ext of 256": umsgpack.Ext(5, b"\x01" * 256),
    "timestamp, 32 bits": datetime.datetime(2001, 9, 9, 1, 46, 40),
    "timestamp, 64 bits": datetime.datetime(2001, 9, 9, 1, 46, 40, 250000),
    "timestamp, 96 bits": datetime.datetime(1969, 12, 31, 23, 59, 59),
}


def decode_section():
    """Return what umsgpack reads from encodings that it does not itself write."""
    entries = []
    for name, encoding in _ENCODINGS.items():
        entry = {"name": name, "encoding": encoding}
        try:
            value = umsgpack.unpackb(bytes.fromhex(encoding))
        except Exception as exc:
            entry["error"] = type(exc).__name__
        else:
            entry["value"] = to_json(value)
            entry["encoded_again"] = umsgpack.packb(value).hex()
        entries.append(entry)
    return entries


def _timestamp96(seconds, nanoseconds=0):
    """Return ext -1 of 12 bytes."""
    return f"c70cff{nanoseconds:08x}" + seconds.to_bytes(8, "big", signed=True).hex()


# Encodings by name. "encoded_again" is what a find_value for such a stored value
# answers with, since the reference keeps objects and not bytes.
_ENCODINGS = {
    "5 as uint8": "cc05",
    "5 as uint16": "cd0005",
    "5 as uint32": "ce00000005",
    "5 as uint64": "cf0000000000000005",
    "5 as int8": "d005",
    "5 as int16": "d10005",
    "5 as int32": "d200000005",
    "5 as int64": "d30000000000000005",
    "-1 as int8": "d0ff",
    "-1 as int64": "d3ffffffffffffffff",
    "str8 of 1": "d90161",
    "str16 of 1": "da000161",
    "str32 of 1": "db0000000161",
    "str32 of 0": "db00000000",
    "bin16 of 1": "c5000161",
    "bin32 of 1": "c60000000161",
    "array16 of 1": "dc000101",
    "array32 of 1": "dd0000000101",
    "array32 of 0": "dd00000000",
    "map16 of 1": "de0001a16101",
    "map32 of 1": "df00000001a16101",
    "ext8 of 1": "c7010500",
    "ext16 of 1": "c800010500",
    "ext32 of 1": "c9000000010500",
    "ext of a type the standard reserves": "d4fe00",
    "float32 1.5": "ca3fc00000",
    "float32 0.1": "ca3dcccccd",
    "float32 inf": "ca7f800000",
    "float32 nan": "ca7fc00000",
    "float64 nan with other bits": "cbfff8000000000001",
    "bytes after the value": "05c1c1",
    "empty": "",
    "reserved c1": "c1",
    "reserved c1 in a list": "9201c1",
    "str with a stray byte": "a1ff",
    "str with an overlong NUL": "a2c080",
    "str with a surrogate": "a3eda080",
    "str beyond the last code point": "a4f4908080",
    "str cut in a character": "a2e282",
    "map, same str twice": "82a16101a16102",
    "map, 1 and 1.0": "820101cb3ff000000000000002",
    "map, 1 and true": "820101c302",
    "map, 0.0 and -0.0": "82cb000000000000000001cb800000000000000002",
    "map, nan twice": "82cb7ff800000000000001cb7ff800000000000002",
    "map, str a and bytes a": "82a16101c4016102",
    "map, nil as key": "81c001",
    "map, list as key": "8192010201",
    "map, list in list as key": "8191910101",
    "map, same list twice": "82910101910102",
    "map, list with a map as key": "81918001",
    "map, map as key": "818001",
    "map, ext as key": "81d4050001",
    "map, same ext twice": "82d4050001d4050002",
    "map, timestamp as key": "81d6ff0000000101",
    **{
        f"timestamp of length {size}": f"c7{size:02x}ff" + "00" * size
        for size in (0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16)
    },
    "timestamp of length 1, fixext": "d4ff00",
    "timestamp of length 16, fixext": "d8ff" + "00" * 16,
    "timestamp 64, 123 ns": f"d7ff{123 << 34 | 5:016x}",
    "timestamp 64, 1999 ns": f"d7ff{1999 << 34 | 5:016x}",
    "timestamp 64, all bits": "d7ff" + "ff" * 8,
    "timestamp 96, 4294967295 ns": _timestamp96(0, 2**32 - 1),
    "timestamp 96, last second of year 9999": _timestamp96(253402300799),
    "timestamp 96, year 10000": _timestamp96(253402300800),
    "timestamp 96, first second of year 1": _timestamp96(-62135596800),
    "timestamp 96, year 0": _timestamp96(-62135596801),
    "timestamp 96, largest": _timestamp96(2**63 - 1),
    "uint16 cut": "cd00",
    "float64 cut": "cb3ff8",
    "str cut": "a26a",
    "bin cut": "c40261",
    "array cut": "9201",
    "map cut after a key": "81a161",
    "ext cut": "d60500",
    "str8 without a length": "d9",
    "str32 of 2^32-1": "dbffffffff61",
    "bin32 of 2^32-1": "c6ffffffff61",
    "array32 of 2^32-1": "ddffffffff01",
    "map32 of 2^32-1": "dfffffffff0101",
    "ext32 of 2^32-1": "c9ffffffff0501",
    "list 20 deep": "91" * 20 + "c0",
    "list 5000 deep": "91" * 5000 + "c0",
}
