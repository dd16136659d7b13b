#!/usr/bin/env python3
"""One or more nodes of the Python reference, driven by lines of JSON.

Requests come on stdin, answers go to stdout; README.md has the protocol. The
nodes are unmodified kademlia.network.Server objects. The process ends when its
stdin, which must be a pipe, does.
"""

import argparse
import asyncio
import gc
import json
import logging
import pathlib
import sys

from kademlia.network import Server
from kademlia.node import Node

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))

from tagged import from_json, to_json  # noqa: E402

# The longest request line in bytes; a value may be a whole datagram in hex.
MAX_LINE = 1 << 24

# How many of the errors that stats counts it also quotes.
QUOTED_ERRORS = 20

# The longest quote in characters; some of the reference's errors hold a datagram.
MAX_QUOTE = 500


class Errors:
    """Counts what reaches the event loop's exception handler: nobody handled it."""

    def __init__(self):
        self.count = 0
        self.quotes = []

    def handle(self, loop, context):
        self.count += 1
        if len(self.quotes) < QUOTED_ERRORS:
            quote = f"{context['message']}: {context.get('exception')!r}"
            self.quotes.append(quote[:MAX_QUOTE])


def address_of(server):
    """Return [host, port] of the socket that a server listens on."""
    return list(server.transport.get_extra_info("sockname")[:2])


def describe(server):
    """Return what others need to know of a node."""
    return {"listening": address_of(server), "id": server.node.id.hex()}


def key_of(request):
    """Return the user's key: a JSON string, or a tagged value of any type."""
    key = request["key"]
    return key if isinstance(key, str) else from_json(key)


async def rpc(server, request, name, *args):
    """Call an RPC at request["addr"]; say whether it was answered, and with what."""
    call = getattr(server.protocol, name)
    answered, value = await call(tuple(request["addr"]), *args)
    return {"answered": answered, "value": to_json(value)}


async def op_bootstrap(server, request):
    """Join through addrs; return the nodes that the lookup of the own id found."""
    nodes = await server.bootstrap([tuple(addr) for addr in request["addrs"]])
    return {"nodes": [contact(node) for node in nodes]}


async def op_get(server, request):
    """Get a value; nil means not found."""
    return {"value": to_json(await server.get(key_of(request)))}


async def op_set(server, request):
    """Set a value; return what Server.set returns."""
    result = await server.set(key_of(request), from_json(request["value"]))
    return {"result": result}


async def op_ping(server, request):
    """Ping addr: with "peer", the id of the node there, as a contact of the routing
    table is pinged; without, as bootstrap does it, and the table stays as it is."""
    if "peer" not in request:
        return await rpc(server, request, "ping", server.node.id)
    node = Node(bytes.fromhex(request["peer"]), *request["addr"])
    answered, value = await server.protocol.call_ping(node)
    return {"answered": answered, "value": to_json(value)}


async def op_stun(server, request):
    """Ask addr what address it sees."""
    return await rpc(server, request, "stun")


async def op_find_node(server, request):
    """Ask addr for the contacts nearest to target."""
    target = bytes.fromhex(request["target"])
    return await rpc(server, request, "find_node", server.node.id, target)


async def op_raw_store(server, request):
    """Store any value at addr under the key, which is given in hex."""
    key, value = bytes.fromhex(request["key"]), from_json(request["value"])
    return await rpc(server, request, "store", server.node.id, key, value)


async def op_raw_call(server, request):
    """Call any RPC at addr; args are tagged values, and the whole of them."""
    args = [from_json(arg) for arg in request["args"]]
    return await rpc(server, request, request["name"], *args)


async def op_neighbors(server, request):
    """Return the addresses to bootstrap from, and the whole routing table."""
    buckets = server.protocol.router.buckets
    return {
        "bootstrappable": [list(addr) for addr in server.bootstrappable_neighbors()],
        "table": [contact(node) for bucket in buckets for node in bucket.get_nodes()],
        "buckets": len(buckets),
    }


async def op_stored(server, request):
    """Return what this node holds, the oldest first."""
    pairs = [{"key": key.hex(), "value": to_json(v)} for key, v in server.storage]
    return {"stored": pairs}


async def op_refresh(server, request):
    """Refresh buckets and republish keys as the hourly task does; with "age", as if
    every bucket and key were that many seconds older."""
    age = request.get("age", 0)
    for bucket in server.protocol.router.buckets:
        bucket.last_updated -= age
    data = server.storage.data
    for key, (birth, value) in data.items():
        data[key] = (birth - age, value)
    await server._refresh_table()
    return {}


async def op_stop(server, request):
    """Stop the node at once, as if its process had died."""
    server.stop()
    return {}


def contact(node):
    """Return the JSON form of a contact."""
    return {"id": node.id.hex(), "ip": node.ip, "port": node.port}


OPS = {
    "bootstrap": op_bootstrap,
    "get": op_get,
    "set": op_set,
    "ping": op_ping,
    "stun": op_stun,
    "find_node": op_find_node,
    "raw_store": op_raw_store,
    "raw_call": op_raw_call,
    "neighbors": op_neighbors,
    "stored": op_stored,
    "refresh": op_refresh,
    "stop": op_stop,
}


class Driver:
    """Runs requests, each as a task of its own, on the nodes of this process."""

    def __init__(self, servers, errors):
        self.servers = servers
        self.errors = errors
        self.running = set()

    def start(self, line):
        """Begin to answer a request."""
        task = asyncio.ensure_future(self._answer(line))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _answer(self, line):
        number = None
        try:
            request = json.loads(line)
            number = request.get("id")
            answer = {"ok": True, **await self._run(request)}
        except Exception as exc:
            answer = {"ok": False, "error": f"{type(exc).__name__}: {exc}"}
        say({"id": number, **answer})

    async def _run(self, request):
        server = self.servers[request.get("node", 0)]
        if request["op"] == "stats":
            return self._stats(server)
        if request["op"] not in OPS:
            raise ValueError(f"unknown op {request['op']!r}")
        task = asyncio.ensure_future(OPS[request["op"]](server, request))
        # The reference does not survive cancellation (its timer then raises), so
        # after the timeout the operation runs on, with nobody to hear of it.
        done, _ = await asyncio.wait({task}, timeout=request.get("timeout"))
        if not done:
            task.add_done_callback(lambda task: task.cancelled() or task.exception())
            raise TimeoutError(f"no result after {request['timeout']} s")
        return task.result()

    def _stats(self, server):
        """Return the health of a node; errors are those of the whole process."""
        # A failed task reports its exception only when it is collected.
        gc.collect()
        return {
            "errors": self.errors.count,
            "quotes": self.errors.quotes,
            "closed": server.transport.is_closing(),
            "contacts": sum(len(bucket) for bucket in server.protocol.router.buckets),
            "keys": sum(1 for _ in server.storage),
        }


def say(answer):
    """Write one line of JSON."""
    print(json.dumps(answer), flush=True)


async def lines_of(pipe):
    """Yield the lines that arrive on a pipe until it ends."""
    reader = asyncio.StreamReader(limit=MAX_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    while line := await reader.readline():
        yield line


async def run(args):
    """Start the nodes and serve requests until stdin ends."""
    errors = Errors()
    asyncio.get_running_loop().set_exception_handler(errors.handle)
    ids = args.id + [None] * (args.count - len(args.id))
    servers = [Server(args.ksize, args.alpha, own) for own in ids]
    for server in servers:
        await server.listen(args.port, args.host)
    say({**describe(servers[0]), "nodes": [describe(server) for server in servers]})

    driver = Driver(servers, errors)
    async for line in lines_of(sys.stdin):
        driver.start(line)
    for server in servers:
        server.stop()


def node_id(text):
    """Read a node id in hex."""
    raw = bytes.fromhex(text)
    if len(raw) != 20:
        raise ValueError("not 20 bytes")
    return raw


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1", help="listen on this address")
    parser.add_argument("--port", type=int, default=0, help="0 means any free port")
    parser.add_argument(
        "--id",
        type=node_id,
        action="append",
        default=[],
        help="node id in hex; random if left out; again for each of --count nodes",
    )
    parser.add_argument("--ksize", type=int, default=20, help="k of the paper")
    parser.add_argument("--alpha", type=int, default=3, help="alpha of the paper")
    parser.add_argument("--count", type=int, default=1, help="nodes in this process")
    parser.add_argument(
        "--log",
        nargs="?",
        const="DEBUG",
        metavar="LEVEL",
        help="log the reference to stderr (DEBUG if no level is given)",
    )
    args = parser.parse_args()
    if args.count < 1 or len(args.id) > args.count:
        parser.error("--count must be at least 1, and the number of --id at most that")
    if args.count > 1 and args.port:
        parser.error("--port needs --count 1")
    if args.log:
        logging.basicConfig(stream=sys.stderr, level=args.log.upper())
    else:
        logging.disable(logging.CRITICAL)
    try:
        asyncio.run(run(args))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
