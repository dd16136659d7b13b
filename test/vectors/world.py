"""The reference's own protocol objects, on a transport that only records.

Nothing here knows the wire: datagrams are made and answered by KademliaProtocol.
What is fixed is what the reference leaves to chance, ids and addresses.
"""

import asyncio
import contextlib
import hashlib
import types
from unittest import mock

import rpcudp.protocol
from kademlia.node import Node
from kademlia.protocol import KademliaProtocol
from kademlia.storage import ForgetfulStorage
from kademlia.utils import digest

from tagged import to_json

SERVER_ID = digest("server")
CLIENT_ID = digest("client")
# For the sections that need real sockets.
LOOPBACK = "127.0.0.1"

SERVER = ("192.0.2.1", 8468)
CLIENT = ("192.0.2.2", 8469)

# Ports on both sides of every width that msgpack gives an integer.
_PORTS = (1, 127, 128, 255, 256, 65535)


def contacts(count):
    """Return count contacts as (id, ip, port), the same ones in every run."""
    return [
        (digest(f"contact {i}"), f"198.51.100.{i}", _PORTS[i % len(_PORTS)])
        for i in range(count)
    ]


class Wire:
    """Stands in for the asyncio transport: keeps what is sent."""

    def __init__(self):
        self.sent = []

    def sendto(self, datagram, address):
        self.sent.append((datagram, address))

    def take(self):
        """Return what was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent


def make_node(node_id, known=(), stored=()):
    """Return a protocol with these contacts and these (key, value) pairs."""
    storage = ForgetfulStorage()
    for key, value in stored:
        storage[key] = value
    protocol = KademliaProtocol(Node(node_id), storage, ksize=20)
    protocol.connection_made(Wire())
    for contact in known:
        protocol.router.add_contact(Node(*contact))
    return protocol


def describe_node(node_id, known=(), stored=()):
    """Return the JSON form of what make_node was given."""
    return {
        "id": node_id.hex(),
        "contacts": [
            {"id": contact.hex(), "ip": ip, "port": port} for contact, ip, port in known
        ],
        "stored": [
            {"key": key.hex(), "value": to_json(value)} for key, value in stored
        ],
    }


def describe_address(address):
    """Return the JSON form of a socket address of two (IPv4) or four parts."""
    return dict(zip(("ip", "port", "flowinfo", "scope_id"), address))


@contextlib.contextmanager
def message_id_from(seed):
    """Make the reference draw its message ids from seed while this lasts."""
    entropy = types.SimpleNamespace(
        urandom=lambda size: hashlib.sha256(seed.encode()).digest()[:size]
    )
    with mock.patch.object(rpcudp.protocol, "os", entropy):
        yield


@contextlib.contextmanager
def new_tasks():
    """Yield a list that grows by every task started while this lasts."""
    tasks = []

    def start(loop, coroutine, **options):
        tasks.append(asyncio.Task(coroutine, loop=loop, **options))
        return tasks[-1]

    loop = asyncio.get_running_loop()
    loop.set_task_factory(start)
    try:
        yield tasks
    finally:
        loop.set_task_factory(None)


async def feed(protocol, datagram, sender):
    """Give a datagram to a node and wait until it is done with it.

    Return the one datagram it answers with, or None, and the class names of the
    exceptions that ended its tasks.
    """
    results = []
    with new_tasks() as tasks:
        protocol.datagram_received(datagram, sender)
        while unfinished := tasks[len(results) :]:
            results += await asyncio.gather(*unfinished, return_exceptions=True)
    errors = [type(r).__name__ for r in results if isinstance(r, BaseException)]
    sent = protocol.transport.take()
    if len(sent) > 1 or any(address != sender for _, address in sent):
        raise AssertionError(f"more than an answer to {sender}: {sent}")
    return (sent[0][0] if sent else None), errors


async def store_request(key, value):
    """Return the datagram with which the reference asks to store value."""
    client = make_node(CLIENT_ID)
    with message_id_from("store"):
        call = asyncio.ensure_future(
            client.call_store(Node(SERVER_ID, *SERVER), key, value)
        )
        await asyncio.sleep(0)
    if call.done():
        raise call.exception()
    call.cancel()
    ((request, _),) = client.transport.take()
    return request


async def call(client, name, server, sender, begin):
    """Run one RPC between two nodes: begin(client) starts it.

    Return the request, the answer, and what the client makes of it.
    """
    with message_id_from(name):
        result = asyncio.ensure_future(begin(client))
        await asyncio.sleep(0)
    ((request, _),) = client.transport.take()
    answer, errors = await feed(server, request, sender)
    if answer is None:
        raise AssertionError(f"{name}: no answer, {errors}")
    client.datagram_received(answer, SERVER)
    answered, value = await result
    if not answered:
        raise AssertionError(f"{name}: the client did not take the answer")
    return request, answer, value
