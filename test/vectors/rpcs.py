"""The section "rpc": each RPC as the reference sends and answers it."""

from kademlia.node import Node
from kademlia.utils import digest

from tagged import to_json
from world import (
    CLIENT,
    CLIENT_ID,
    SERVER,
    SERVER_ID,
    call,
    contacts,
    describe_address,
    describe_node,
    make_node,
)

KEY = digest("key")

# Values as a peer may store them; Server.set allows only the first five types.
VALUES = {
    "str": "value",
    "empty str": "",
    "bytes": b"\x00\xff",
    "int": 42,
    "zero": 0,
    "negative int": -129,
    "float": 1.5,
    "bool": False,
    "largest str": "a" * 200,
    "list": [1, "two", b"three", None],
    "map": {"a": 1, "b": [2.5]},
}

# 39 characters: longer than a fixstr holds.
LONG_V6 = (digest("v6"), "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", 8468)


async def section():
    """Return the entries of the section."""
    entries = []
    for case in [*_stun(), _ping(), *_store(), *_find_node(), *_find_value()]:
        entries.append(await _entry(**case))
    return entries


async def _entry(name, rpc, args, begin, known=(), stored=(), sender=CLIENT):
    """Run one case and return its entry."""
    client = make_node(CLIENT_ID)
    server = make_node(SERVER_ID, known, stored)
    request, response, result = await call(client, name, server, sender, begin)
    return {
        "name": name,
        "rpc": rpc,
        "args": [to_json(arg) for arg in args],
        "server": describe_node(SERVER_ID, known, stored),
        "sender": describe_address(sender),
        "request": request.hex(),
        "response": response.hex(),
        "result": to_json(result),
    }


def _stun():
    senders = {
        "stun over IPv4": CLIENT,
        "stun over IPv6": ("2001:db8::2", 8469, 0, 0),
        "stun over IPv6, link-local": ("fe80::2", 8469, 0, 3),
        "stun over IPv4 on a dual-stack socket": ("::ffff:192.0.2.2", 8469, 0, 0),
    }
    for name, sender in senders.items():
        yield {
            "name": name,
            "rpc": "stun",
            "args": [],
            "begin": lambda client: client.stun(SERVER),
            "sender": sender,
        }


def _ping():
    return {
        "name": "ping",
        "rpc": "ping",
        "args": [CLIENT_ID],
        "begin": lambda client: client.call_ping(_server_node()),
    }


def _store():
    for name, value in {**VALUES, "nil": None}.items():
        yield {
            "name": f"store {name}",
            "rpc": "store",
            "args": [CLIENT_ID, KEY, value],
            "begin": lambda client, value=value: client.call_store(
                _server_node(), KEY, value
            ),
        }


def _find_node():
    three = contacts(3)
    at_sender = (digest("another id at the sender's address"), *CLIENT)
    cases = {
        "find_node, no contacts": ([], KEY),
        "find_node, 1 contact": (contacts(1), KEY),
        "find_node, 20 contacts": (contacts(20), KEY),
        "find_node leaves the target out": (three, three[1][0]),
        "find_node of the server's own id": (three, SERVER_ID),
        "find_node leaves the sender's address out": ([*three, at_sender], KEY),
        "find_node with an IPv6 contact": ([*three, LONG_V6], KEY),
    }
    for name, (known, target) in cases.items():
        yield {
            "name": name,
            "rpc": "find_node",
            "args": [CLIENT_ID, target],
            "known": known,
            "begin": lambda client, target=target: client.call_find_node(
                _server_node(), Node(target)
            ),
        }


def _find_value():
    # A server without contacts would offer what it holds to a new sender; with
    # the sender among its contacts it only answers.
    known = [(CLIENT_ID, *CLIENT)]
    cases = {
        f"find_value, {name}": (known, [(KEY, value)]) for name, value in VALUES.items()
    }
    cases["find_value, a stored nil is no value"] = (known, [(KEY, None)])
    for count in (0, 1, 20):
        cases[f"find_value, miss, {count} contacts"] = (contacts(count), [])
    for name, (known, stored) in cases.items():
        yield {
            "name": name,
            "rpc": "find_value",
            "args": [CLIENT_ID, KEY],
            "known": known,
            "stored": stored,
            "begin": lambda client: client.call_find_value(_server_node(), Node(KEY)),
        }


def _server_node():
    return Node(SERVER_ID, *SERVER)
