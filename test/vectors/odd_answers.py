"""The section "odd_answers": what a reference server makes of odd answers.

On real loopback sockets, because some faults are asyncio's: a datagram sent to an
impossible address closes the socket for good.
"""

import asyncio

import umsgpack
from kademlia.network import Server
from kademlia.node import Node
from kademlia.utils import digest

from rpcs import KEY
from values import described
from world import CLIENT_ID, LOOPBACK, SERVER_ID

# How long the asker waits for an answer; five seconds outside tests.
PATIENCE = 0.5

# How many cases run at once: few enough that an answer is never late.
ABREAST = 8

# A port that nobody answers on (discard).
SILENT = 9


class Liar(asyncio.DatagramProtocol):
    """A peer that answers one RPC with what it is told and the others properly."""

    def __init__(self, rpc, answer):
        """Answer rpc with answer(message_id), a list of datagrams."""
        self.rpc = rpc
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, datagram, sender):
        message_id = datagram[1:21]
        rpc, _ = umsgpack.unpackb(datagram[21:])
        if rpc == self.rpc:
            answers = self.answer(message_id)
        else:
            proper = {"ping": SERVER_ID, "store": True, "find_node": []}
            answers = [b"\x01" + message_id + umsgpack.packb(proper[rpc])]
        for answer in answers:
            self.transport.sendto(answer, sender)


async def section():
    """Return the entries of "odd_answers"."""
    # The reference leaves failed tasks to the loop, which would print them.
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    turn = asyncio.Semaphore(ABREAST)
    return await asyncio.gather(*(_entry(turn, *case) for case in _cases()))


async def _entry(turn, name, operation, rpc, answers, note):
    """Run one operation of a reference server that knows only the liar.

    answers are (type byte, body) of the datagrams that the liar answers rpc with.
    """
    async with turn:
        asker, liar, address = await _asker_and_liar(rpc, answers)
        try:
            outcome = await _outcome(asker, operation, address)
        finally:
            asker.stop()
            liar.close()
    return {
        "name": name,
        "operation": operation,
        "rpc": rpc,
        "answers": [{"type": kind, "body": body.hex()} for kind, body in answers],
        "note": note,
        **outcome,
    }


async def _asker_and_liar(rpc, answers):
    """Return a reference server, the liar's transport, and the liar's address."""

    def answer(message_id):
        return [bytes([kind]) + message_id + body for kind, body in answers]

    liar, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Liar(rpc, answer), local_addr=(LOOPBACK, 0)
    )
    asker = Server(node_id=CLIENT_ID)
    await asker.listen(0, LOOPBACK)
    asker.protocol._wait_timeout = PATIENCE
    return asker, liar, liar.get_extra_info("sockname")


async def _outcome(asker, operation, liar):
    """Run the operation and return what became of it, as fields of the entry."""
    if operation != "bootstrap":
        asker.protocol.router.add_contact(Node(SERVER_ID, *liar))
    begin = {
        "bootstrap": lambda: asker.bootstrap([liar]),
        "get": lambda: asker.get("key"),
        "set": lambda: asker.set("key", "value"),
    }
    try:
        result = await begin[operation]()
    except Exception as exc:
        outcome = {"raised": type(exc).__name__}
    else:
        if operation == "bootstrap":
            outcome = {"found": len(result)}
        else:
            outcome = {"returned": described(result)}
    outcome["socket_closed"] = asker.transport.is_closing()
    outcome["liar_kept"] = any(
        (node.ip, node.port) == liar
        for bucket in asker.protocol.router.buckets
        for node in bucket.get_nodes()
    )
    return outcome


def _cases():
    """Yield (name, operation, rpc, [(type byte, body)], note)."""
    for name, contacts, note in _contact_lists():
        body = umsgpack.packb(contacts)
        yield f"bootstrap, {name}", "bootstrap", "find_node", [(1, body)], note
        yield f"get, {name}", "get", "find_value", [(1, body)], note
    for name, answer, note in _wrong_shapes():
        body = umsgpack.packb(answer)
        yield f"bootstrap, {name}", "bootstrap", "find_node", [(1, body)], note
        yield f"get, {name}", "get", "find_value", [(1, body)], note
    for name, body, note in _value_answers():
        yield f"get, {name}", "get", "find_value", [(1, body)], note
    for name, answers, note in _datagrams():
        yield f"get, {name}", "get", "find_value", answers, note
    for name, answer, note in _pings():
        answers = [(1, umsgpack.packb(answer))]
        yield (
            f"bootstrap, ping answered with {name}",
            "bootstrap",
            "ping",
            answers,
            note,
        )
    note = "any answer to a store counts as stored"
    for name, answer in _store_answers().items():
        answers = [(1, umsgpack.packb(answer))]
        yield f"set, store answered with {name}", "set", "store", answers, note
    note = "no answer to a store counts as stored too"
    yield "set, store not answered", "set", "store", [], note
    note = "max() of no nodes"
    yield "set, find_node not answered", "set", "find_node", [], note


def _contact_lists():
    """Yield (name, contacts, note)."""
    other = digest("other")
    yield "no contacts", [], "fine"
    yield "a silent contact", [[other, LOOPBACK, SILENT]], "asked, then dropped"
    silent = [[digest(f"silent {i}"), LOOPBACK, SILENT] for i in range(9)]
    yield "9 silent contacts", silent, "three at a time, then dropped"
    yield "a contact twice", [silent[0], silent[0]], "the first counts"
    yield "the asker's own id", [[CLIENT_ID, LOOPBACK, SILENT]], "asked like any other"
    yield "the liar's id elsewhere", [[SERVER_ID, LOOPBACK, SILENT]], "ignored"
    yield "port 0", [[other, LOOPBACK, 0]], "a send error, harmless"
    yield "IPv6 address", [[other, "::1", SILENT]], "a send error, harmless"
    yield "mapped address", [[other, "::ffff:127.0.0.1", SILENT]], "harmless"

    note = "what sendto refuses with anything but OSError closes the socket"
    for label, ip, port in (
        ("port 65536", LOOPBACK, 65536),
        ("port 2^32", LOOPBACK, 2**32),
        ("port 2^64-1", LOOPBACK, 2**64 - 1),
        ("port -1", LOOPBACK, -1),
        ("port is a float", LOOPBACK, 9.0),
        ("port is a str", LOOPBACK, "9"),
        ("port is nil", LOOPBACK, None),
        ("port is a list", LOOPBACK, [9]),
        ("ip is nil", None, SILENT),
        ("ip is an int", 2130706433, SILENT),
        ("ip is a list", [LOOPBACK], SILENT),
        ("ip with NUL", LOOPBACK + "\x00", SILENT),
    ):
        yield label, [[other, ip, port]], note
    yield "contact of id only", [[other]], note
    yield "contact of id and ip", [[other, LOOPBACK]], note
    yield "port is true", [[other, LOOPBACK, True]], "True is 1"
    yield "ip is bytes", [[other, LOOPBACK.encode(), SILENT]], "taken like a str"

    yield "contact of four", [[other, LOOPBACK, SILENT, 0]], "Node takes three"
    yield "empty contact", [[]], "Node needs an id"
    yield "contact is nil", [None], "cannot be iterated"
    yield "contact is an int", [1], "cannot be iterated"
    yield "contact is a str", ["abc"], "a str is no id"
    yield "contact is a map", [{"id": other}], "a str is no id"

    yield "id is a str", [["a" * 20, LOOPBACK, SILENT]], "a str is no id"
    yield "id is nil", [[None, LOOPBACK, SILENT]], "nil is no id"
    yield "id is an int", [[1, LOOPBACK, SILENT]], "an int is no id"
    yield "id is empty", [[b"", LOOPBACK, SILENT]], "not a number"
    yield "id of 19 bytes", [[other[:19], LOOPBACK, SILENT]], "a number like any other"
    yield "id of 21 bytes", [[b"\x01" + other, LOOPBACK, SILENT]], "in no bucket"
    padded = [[b"\x00" + other, LOOPBACK, SILENT]]
    yield "id of 21 bytes, first is 0", padded, "a number like any other"
    both = [[other, LOOPBACK, SILENT], *padded]
    yield "one id in two lengths", both, "equal distances: the heap compares nodes"
    yield "id is the key", [[KEY, LOOPBACK, SILENT]], "a contact like any other"


def _wrong_shapes():
    """Yield (name, answer, note) of answers that are no list of contacts."""
    yield "nil", None, "no contacts"
    yield "false", False, "no contacts"
    yield "0", 0, "no contacts"
    yield "empty str", "", "no contacts"
    yield "empty bytes", b"", "no contacts"
    yield "true", True, "cannot be iterated"
    yield "int", 7, "cannot be iterated"
    yield "float", 1.5, "cannot be iterated"
    yield "str", "abc", "each character is taken for a contact"
    yield "bytes", b"abc", "each byte is taken for a contact"
    yield "ext", umsgpack.Ext(5, b"\x00"), "cannot be iterated"
    yield "empty map", {}, "a map is an answer with a value"
    yield "map without value", {"v": 1}, "a map is an answer with a value"
    yield "map with value as bytes", {b"value": 1}, "bytes are not the str"
    yield "map with value", {"value": "v"}, "right for find_value only"


def _value_answers():
    """Yield (name, body, note) of answers to find_value that hold a value."""

    def with_value(encoded):
        return b"\x81\xa5value" + encoded

    for label, value in {
        "str": "v",
        "bytes": b"v",
        "int": 1,
        "float": 1.5,
        "true": True,
        "false": False,
        "empty str": "",
        "nil": None,
        "ext": umsgpack.Ext(5, b"\x00"),
    }.items():
        yield f"value is {label}", with_value(umsgpack.packb(value)), "any hashable one"
    note = "counted with Counter, so it must be hashable"
    yield "value is list", with_value(b"\x91\x01"), note
    yield "value is map", with_value(b"\x80"), note
    yield "value is list 100 deep", with_value(b"\x91" * 100 + b"\xc0"), note
    yield "value is list 5000 deep", with_value(b"\x91" * 5000 + b"\xc0"), "not decoded"
    note = "other keys are not looked at"
    extra = b"\x82\xa5value\xa1v\xa3ext\x81\xa1a\x01"
    yield "value and another key", extra, note
    swapped = b"\x82\xa3ext\x81\xa1a\x01\xa5value\xa1v"
    yield "another key, then value", swapped, note
    yield "value twice", b"\x82\xa5value\xa1v\xa5value\xa1w", "not decoded"
    note = "bytes after the body are not looked at"
    yield "value, then a map", with_value(b"\xa1v") + b"\x81\xa1a\x01", note
    yield "value, then c1", with_value(b"\xa1v\xc1"), note
    yield "value of 9000 bytes", with_value(umsgpack.packb(bytes(9000))), "no limit"


def _datagrams():
    """Yield (name, answers, note) where the datagrams themselves are odd."""
    good = b"\x81\xa5value\xa1v"
    yield "no answer", [], "waits, then drops the peer"
    yield "header only", [(1, b"")], "under 22 bytes: dropped"
    yield "body is c1", [(1, b"\xc1")], "not decoded, so not answered"
    yield "body cut", [(1, good[:-1])], "not decoded, so not answered"
    yield "bad UTF-8", [(1, b"\x81\xa5value\xa1\xff")], "not decoded, so not answered"
    yield "type 2", [(2, good)], "unknown type: ignored"
    yield "type 0", [(0, good)], "taken for a request"
    yield "answered twice", [(1, good), (1, b"\x81\xa5value\xa1w")], "the first counts"
    yield "bad, then good", [(1, b"\xc1"), (1, good)], "the good one counts"
    huge = b"\xff\xff\xff\xff"
    yield "array32 of 2^32-1", [(1, b"\xdd" + huge)], "not decoded, so not answered"
    yield "bin32 of 2^32-1", [(1, b"\xc6" + huge)], "not decoded, so not answered"


def _pings():
    """Yield (name, answer, note)."""
    yield "an id", SERVER_ID, "fine"
    yield "the asker's id", CLIENT_ID, "a contact like any other"
    yield "19 bytes", SERVER_ID[:19], "a number like any other"
    yield "21 bytes", b"\x01" + SERVER_ID, "in no bucket"
    yield "no bytes", b"", "not a number"
    for label, answer in {
        "a str": "a" * 20,
        "nil": None,
        "an int": 1,
        "a list": [SERVER_ID],
        "a map": {},
    }.items():
        yield label, answer, "no id"


def _store_answers():
    """Return answers by name."""
    return {"true": True, "false": False, "nil": None, "0": 0, "a list": []}
