"""The section "odd": what the reference answers to datagrams it never sends."""

import umsgpack
from kademlia.utils import digest

from rpcs import KEY
from world import (
    CLIENT,
    CLIENT_ID,
    SERVER_ID,
    contacts,
    describe_address,
    describe_node,
    feed,
    make_node,
)

KNOWN = contacts(3)
STORED = [(KEY, "value")]
MESSAGE_ID = digest("message")

# Encoded parts that the cases below are put together from.
_ID = umsgpack.packb(CLIENT_ID)
_KEY = umsgpack.packb(KEY)
_VALUE = umsgpack.packb("value")
_PING = umsgpack.packb(["ping", [CLIENT_ID]])
_STUN = umsgpack.packb(["stun", []])


async def section():
    """Return the section: one server, and what it makes of each datagram."""
    return {
        "server": describe_node(SERVER_ID, KNOWN, STORED),
        "sender": describe_address(CLIENT),
        "cases": [await _entry(*case) for case in _cases()],
    }


async def _entry(name, datagram, note):
    """Give one datagram to a fresh server, and see that it lives on."""
    server = make_node(SERVER_ID, KNOWN, STORED)
    answer, errors = await feed(server, datagram, CLIENT)
    entry = {
        "name": name,
        "datagram": datagram.hex(),
        "answer": answer.hex() if answer else None,
        "learned": _knows(server, CLIENT),
        "note": note,
    }
    if errors:
        (entry["error"],) = errors
    if (await feed(server, _request(_PING), CLIENT))[0] is None:
        raise AssertionError(f"{name}: the server answers no more")
    return entry


def _knows(protocol, address):
    """Say whether some contact of the node has this address."""
    nodes = [node for bucket in protocol.router.buckets for node in bucket.get_nodes()]
    return any((node.ip, node.port) == address for node in nodes)


def _request(body, kind=0):
    return bytes([kind]) + MESSAGE_ID + body


def _rpc(name, *args):
    """Return a request, well formed but with any name and arguments."""
    return _request(umsgpack.packb([name, list(args)]))


def _store(key=_KEY, value=_VALUE):
    """Return a store with already encoded parts."""
    return _request(b"\x92\xa5store\x93" + _ID + key + value)


def _cases():
    """Yield (name, datagram, note)."""
    yield from _short_and_types()
    yield from _loose_encodings()
    yield from _envelopes()
    yield from _arguments()
    yield from _ids()
    yield from _keys()
    yield from _stored_values()
    yield from _broken_bodies()


def _short_and_types():
    ping = _request(_PING)
    for size in range(23):
        note = "under 22 bytes: dropped" if size < 22 else "a body of one byte, cut"
        yield f"first {size} bytes of a ping", ping[:size], note
    note = "an answer that nobody waits for"
    yield "type 1", _request(_PING, 1), note
    for kind in (2, 0x7F, 0x80, 0xFF):
        yield f"type {kind}", _request(_PING, kind), "unknown type: ignored"
    yield "type 2, body c1", _request(b"\xc1", 2), "the body is decoded first"


def _loose_encodings():
    note = "lengths need not be in their shortest form"
    yield "body as array16", _request(b"\xdc\x00\x02\xa4stun\x90"), note
    yield "body as array32", _request(b"\xdd\x00\x00\x00\x02\xa4stun\x90"), note
    yield "name as str8", _request(b"\x92\xd9\x04stun\x90"), note
    yield "name as str16", _request(b"\x92\xda\x00\x04stun\x90"), note
    yield "name as str32", _request(b"\x92\xdb\x00\x00\x00\x04stun\x90"), note
    yield "args as array16", _request(b"\x92\xa4stun\xdc\x00\x00"), note
    yield "args as array32", _request(b"\x92\xa4stun\xdd\x00\x00\x00\x00"), note
    ping = b"\x92\xa4ping\x91"
    yield "id as bin16", _request(ping + b"\xc5\x00\x14" + CLIENT_ID), note
    yield "id as bin32", _request(ping + b"\xc6\x00\x00\x00\x14" + CLIENT_ID), note
    note = "bytes after the body are not looked at"
    yield "one byte after the body", _request(_PING + b"\x00"), note
    yield "c1 after the body", _request(_PING + b"\xc1"), note
    yield "a map after the body", _request(_PING + b"\x81\xa1a\x01"), note
    yield "1000 bytes after the body", _request(_PING + b"\xff" * 1000), note


def _envelopes():
    note = "not a list of two"
    for label, body in {
        "nil": None,
        "int": 1,
        "str": "ping",
        "bytes": b"ping",
        "map": {"ping": [CLIENT_ID]},
        "map of two": {0: "ping", 1: [CLIENT_ID]},
        "empty list": [],
        "list of one": ["ping"],
        "list of three": ["ping", [CLIENT_ID], None],
        "list of name and id": ["ping", CLIENT_ID, CLIENT_ID],
    }.items():
        yield f"body is {label}", _request(umsgpack.packb(body)), note
    note = "no such RPC: ignored"
    for label, name in {
        "unknown": "find_peer",
        "empty": "",
        "capitalised": "Ping",
        "rpc_ping": "rpc_ping",
        "ping and NUL": "ping\x00",
        "bytes": b"ping",
        "nil": None,
        "int": 1,
        "list": ["ping"],
    }.items():
        yield f"name is {label}", _rpc(name, CLIENT_ID), note


def _arguments():
    yield "ping without arguments", _rpc("ping"), "an argument is missing"
    yield "ping with an extra argument", _rpc("ping", CLIENT_ID, 1), "one too many"
    yield "stun with an argument", _rpc("stun", CLIENT_ID), "one too many"
    yield "find_node without a target", _rpc("find_node", CLIENT_ID), "one is missing"
    extra = _rpc("find_node", CLIENT_ID, KEY, 20)
    yield "find_node with an extra argument", extra, "one too many"
    yield "find_value without a key", _rpc("find_value", CLIENT_ID), "one is missing"
    extra = _rpc("find_value", CLIENT_ID, KEY, {})
    yield "find_value with an extra argument", extra, "one too many"
    yield "store without a value", _rpc("store", CLIENT_ID, KEY), "one is missing"
    extra = _rpc("store", CLIENT_ID, KEY, "value", 60)
    yield "store with an extra argument", extra, "one too many"

    note = "whatever can be iterated is taken for the arguments"
    for label, name, args in (
        ("stun, args is an empty str", "stun", ""),
        ("stun, args is empty bytes", "stun", b""),
        ("stun, args is an empty map", "stun", {}),
        ("ping, args is a map with the id as key", "ping", {CLIENT_ID: 1}),
    ):
        yield label, _request(umsgpack.packb([name, args])), note
    for label, name, args, note in (
        ("stun, args is nil", "stun", None, "cannot be iterated"),
        ("stun, args is an int", "stun", 0, "cannot be iterated"),
        ("ping, args is a str of one", "ping", "x", "a str is no id"),
        ("ping, args is bytes of one", "ping", b"x", "an int is no id"),
        ("ping, args is the id", "ping", CLIENT_ID, "20 arguments"),
        ("ping, args is a map by name", "ping", {"nodeid": 1}, "a str is no id"),
    ):
        yield label, _request(umsgpack.packb([name, args])), note


def _ids():
    note = "an id needs only to be bytes below 2^160"
    for label, node_id in {
        "19 bytes": CLIENT_ID[:19],
        "1 byte": b"\x01",
        "3 bytes": b"\x01\x02\x03",
        "21 bytes, first is 0": b"\x00" + CLIENT_ID,
        "all zero": bytes(20),
        "2^160-1": b"\xff" * 20,
        "the server's own": SERVER_ID,
    }.items():
        yield f"ping, id is {label}", _rpc("ping", node_id), note
    note = "a known id keeps its address"
    yield "ping, id is a known contact's", _rpc("ping", KNOWN[0][0]), note
    note = "2^160 or more is in no bucket"
    yield "ping, id is 21 bytes", _rpc("ping", b"\x01" + CLIENT_ID), note
    yield "ping, id is 32 bytes", _rpc("ping", b"\x01" * 32), note
    yield "ping, id is empty", _rpc("ping", b""), "not a number"
    note = "not bytes"
    for label, node_id in {
        "a str": "a" * 20,
        "an empty str": "",
        "nil": None,
        "an int": 1,
        "a float": 1.5,
        "a list": [CLIENT_ID],
        "a map": {},
    }.items():
        yield f"ping, id is {label}", _rpc("ping", node_id), note
        yield f"find_value hit, id is {label}", _rpc("find_value", node_id, KEY), note
    yield "store, id is a str", _rpc("store", "a" * 20, KEY, "value"), note
    yield "find_node, id is a str", _rpc("find_node", "a" * 20, KEY), note


def _keys():
    for label, key, note in (
        ("1 byte", b"\x01", "any number will do"),
        ("19 bytes", KEY[:19], "any number will do"),
        ("21 bytes, first is 0", b"\x00" + KEY, "any number will do"),
        ("21 bytes", b"\x01" + KEY, "2^160 or more is in no bucket"),
        ("empty", b"", "not a number"),
        ("a str", "a" * 20, "a str is no id"),
        ("nil", None, "nil is no id"),
        ("an int", 1, "an int is no id"),
        ("a list", [1], "a list is no id, nor a key of a map"),
    ):
        yield f"find_node, target is {label}", _rpc("find_node", CLIENT_ID, key), note
        yield f"find_value, key is {label}", _rpc("find_value", CLIENT_ID, key), note
    for label, key, note in (
        ("empty", b"", "stored; ends each republication here"),
        ("1 byte", b"\x01", "stored as it is"),
        ("19 bytes", KEY[:19], "stored as it is"),
        ("21 bytes", b"\x01" + KEY, "stored; ends each republication here"),
        ("1000 bytes", b"\x01" * 1000, "stored; ends each republication here"),
        ("a float", 1.5, "stored, for a float has a hex() too"),
        ("a str", "a" * 20, "a str has no hex()"),
        ("an int", 1, "an int has no hex()"),
        ("nil", None, "nil has no hex()"),
    ):
        yield f"store, key is {label}", _rpc("store", CLIENT_ID, key, "value"), note


def _stored_values():
    note = "rpc_store does not look at the value"
    for label, value in {
        "5 as uint64": b"\xcf" + bytes(7) + b"\x05",
        "float32": b"\xca\x3f\xc0\x00\x00",
        "str32 of 1": b"\xdb\x00\x00\x00\x01a",
        "ext": b"\xd4\x05\x00",
        "timestamp of length 4": b"\xd6\xff\x00\x00\x00\x00",
        "map with a list as key": b"\x81\x91\x01\x02",
        "map with the same list twice": b"\x82\x91\x01\x01\x91\x01\x02",
        "list 100 deep": b"\x91" * 100 + b"\xc0",
        "map 100 deep": b"\x81\xa1k" * 100 + b"\xc0",
    }.items():
        yield f"store, {label}", _store(value=value), note
    note = "no value that Python can hold"
    for label, value in {
        "timestamp of length 1": b"\xd4\xff\x00",
        "timestamp of year 10000": b"\xc7\x0c\xff" + bytes(7) + b"\x3a\xff\xf4\x41\x80",
        "map with a key twice": b"\x82\xa1a\x01\xa1a\x02",
        "map with 1 and true": b"\x82\x01\x01\xc3\x02",
        "map with a map as key": b"\x81\x80\x01",
        "reserved c1": b"\xc1",
        "str with a stray byte": b"\xa1\xff",
        "str with an overlong NUL": b"\xa2\xc0\x80",
        "str with a surrogate": b"\xa3\xed\xa0\x80",
        "str beyond the last code point": b"\xa4\xf4\x90\x80\x80",
        "str cut in a character": b"\xa2\xe2\x82",
        "list 5000 deep": b"\x91" * 5000 + b"\xc0",
        "map 5000 deep": b"\x81\xa1k" * 5000 + b"\xc0",
    }.items():
        yield f"store, {label}", _store(value=value), note


def _broken_bodies():
    store = _store()
    for label, size in {
        "after the first byte": 22,
        "in the name": 25,
        "after the name": 28,
        "in the id": 40,
        "after the id": 51,
        "after the key": 73,
        "one byte short": len(store) - 1,
    }.items():
        yield f"store cut {label}", store[:size], "a part is missing"
    yield "body is c1", _request(b"\xc1"), "reserved"
    yield "name is bad UTF-8", _request(b"\x92\xa4pin\xff\x91" + _ID), "no str"
    deep = b"\x91" * 5000 + b"\xc0"
    yield "body 5000 deep", _request(deep), "too deep for Python"
    yield "args 5000 deep", _request(b"\x92\xa4ping" + deep), "too deep for Python"
    yield "args 100 deep", _request(b"\x92\xa4ping" + deep[-101:]), "a list is no id"
    note = "a length is only believed as far as bytes follow"
    huge, some = b"\xff\xff\xff\xff", bytes(range(1, 10))
    for label, head in {
        "str32": b"\xdb" + huge,
        "bin32": b"\xc6" + huge,
        "array32": b"\xdd" + huge,
        "map32": b"\xdf" + huge,
        "ext32": b"\xc9" + huge + b"\x05",
    }.items():
        yield f"body is {label} of 2^32-1", _request(head), note
        yield f"body is {label} of 2^32-1, some bytes", _request(head + some), note
        yield f"store, {label} of 2^32-1", _store(value=head + some), note
    args = b"\x92\xa4stun\xdd" + huge
    yield "args is array32 of 2^32-1", _request(args), note
    yield "name is str32 of 2^32-1", _request(b"\x92\xdb" + huge + b"stun"), note
