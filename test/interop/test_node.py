#!/usr/bin/env python3
"""Tests of node.py, with nothing but the reference on both sides.

Run: python test/interop/test_node.py
"""

import asyncio
import datetime
import hashlib
import itertools
import json
import math
import pathlib
import sys
import unittest

import umsgpack

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))

from tagged import from_json, to_json  # noqa: E402

# How long a test waits for anything that must not take long, in seconds.
PATIENCE = 20

# What Server.set takes, up to the limits of each type.
SETTABLE = [
    *("", "value", "caf\u00e9 \U0001f600 \x00", "a" * 8137),
    *(b"", b"\x00\xff", bytes(8137)),
    *(0, 1, -1, 2**32, -(2**63), 2**64 - 1),
    *(0.0, -0.0, 1.5, math.pi, 5e-324, math.inf, -math.inf, math.nan),
    *(True, False),
]

# What a peer may store besides.
STORABLE = [
    *(None, [], [1, "two", b"three", None, [4.0]], {}),
    {"a": 1, b"a": {"b": [True]}, 3: None, 1.5: "x", (1, ("b",)): 2},
    *(umsgpack.Ext(5, b"\x01\x02\x03"), umsgpack.Ext(-2, b"")),
    datetime.datetime(2001, 9, 9, 1, 46, 40, 250000, tzinfo=datetime.timezone.utc),
]


def node_ids(count):
    """Return node ids in hex, the same ones in every run."""
    return [hashlib.sha1(b"node %d" % i).hexdigest() for i in range(count)]


class Process:
    """A running node.py; call sends a request and waits for its answer."""

    @classmethod
    async def start(cls, *args):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "node.py"),
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        self.first_line = json.loads(line)
        self.nodes = self.first_line["nodes"]
        self.numbers = itertools.count()
        self.waiting = {}
        self.answered = []
        self.reader = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        while line := await self.process.stdout.readline():
            answer = json.loads(line)
            self.answered.append(answer["id"])
            self.waiting.pop(answer["id"]).set_result(answer)

    def send(self, op, **fields):
        """Send a request, numbered from 0; return a task that gets its answer."""
        number = next(self.numbers)
        return self.send_line(json.dumps({"id": number, "op": op, **fields}), number)

    def send_line(self, line, number):
        """Send any line; return a task that gets the answer with this number."""
        self.waiting[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(line.encode() + b"\n")
        return asyncio.ensure_future(asyncio.wait_for(self.waiting[number], PATIENCE))

    async def call(self, op, **fields):
        """Run an op that must succeed; return its answer."""
        answer = await self.send(op, **fields)
        if not answer["ok"]:
            raise AssertionError(f"{op}: {answer['error']}")
        return answer

    async def end(self):
        """Close stdin; return the exit status."""
        self.process.stdin.close()
        status = await asyncio.wait_for(self.process.wait(), PATIENCE)
        await self.reader
        return status


class Peer(asyncio.DatagramProtocol):
    """A UDP peer that answers every request with body(rpc), or not if it is None."""

    def __init__(self, body):
        self.body = body

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, datagram, sender):
        body = self.body(umsgpack.unpackb(datagram[21:])[0])
        if body is not None:
            self.transport.sendto(b"\x01" + datagram[1:21] + body, sender)


class NodeTest(unittest.IsolatedAsyncioTestCase):
    async def start(self, *args):
        process = await Process.start(*args)
        self.addAsyncCleanup(process.end)
        return process

    async def peer(self, body):
        """Start a Peer; return its transport and its address."""
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Peer(body), local_addr=("127.0.0.1", 0)
        )
        self.addCleanup(transport.close)
        return transport, transport.get_extra_info("sockname")

    async def network(self, count, ksize=20):
        """Start nodes with fixed ids and join them all through the first."""
        args = [arg for node_id in node_ids(count) for arg in ("--id", node_id)]
        nodes = await self.start("--count", str(count), "--ksize", str(ksize), *args)
        for i in range(1, count):
            addrs = [nodes.nodes[0]["listening"]]
            await nodes.call("bootstrap", node=i, addrs=addrs)
        return nodes

    async def assert_healthy(self, nodes):
        for i in range(len(nodes.nodes)):
            stats = await nodes.call("stats", node=i)
            self.assertEqual([], stats["quotes"])
            self.assertEqual(0, stats["errors"])
            self.assertFalse(stats["closed"])

    async def test_start_line(self):
        ids = node_ids(2)
        nodes = await self.start("--count", "2", "--id", ids[0], "--id", ids[1])
        self.assertEqual(ids, [node["id"] for node in nodes.nodes])
        first = {key: nodes.first_line[key] for key in ("listening", "id")}
        self.assertEqual(nodes.nodes[0], first)
        self.assertEqual("127.0.0.1", nodes.nodes[0]["listening"][0])
        self.assertNotEqual(*(node["listening"][1] for node in nodes.nodes))

    async def test_set_and_get_every_type(self):
        # With k = 4, most nodes have to look for a value on the network.
        nodes = await self.network(10, ksize=4)
        for i, value in enumerate(SETTABLE):
            tagged, key = to_json(value), f"key {i}"
            answer = await nodes.call("set", node=i % 10, key=key, value=tagged)
            self.assertIs(True, answer["result"])
            for reader in range(10):
                answer = await nodes.call("get", node=reader, key=key)
                self.assertEqual(tagged, answer["value"])
        missing = await nodes.call("get", node=3, key="missing")
        self.assertEqual(to_json(None), missing["value"])
        await self.assert_healthy(nodes)

    async def test_keys_of_every_type(self):
        nodes = await self.network(2)
        await nodes.call("set", key=to_json(b"a"), value=to_json(1))
        answer = await nodes.call("get", node=1, key="a")
        self.assertEqual(to_json(1), answer["value"])

    async def test_raw_store_of_every_type(self):
        nodes = await self.network(2)
        addr = nodes.nodes[1]["listening"]
        for i, value in enumerate(SETTABLE + STORABLE):
            tagged, key = to_json(value), f"{i:040x}"
            answer = await nodes.call("raw_store", addr=addr, key=key, value=tagged)
            self.assertEqual(to_json(True), answer["value"])
            stored = (await nodes.call("stored", node=1))["stored"]
            self.assertEqual({"key": key, "value": tagged}, stored[-1])
        await self.assert_healthy(nodes)

    async def test_set_refuses(self):
        nodes = await self.network(2)
        answer = await nodes.send("set", key="a", value=to_json([1]))
        self.assertFalse(answer["ok"])
        self.assertIn("TypeError", answer["error"])
        answer = await nodes.send("set", key="a", value=to_json("a" * 8138))
        self.assertIn("MalformedMessage", answer["error"])
        await self.assert_healthy(nodes)

    async def test_single_rpcs(self):
        nodes = await self.network(4)
        (own, other, *_), addr = nodes.nodes, nodes.nodes[1]["listening"]
        for peer in ({}, {"peer": other["id"]}):
            answer = await nodes.call("ping", addr=addr, **peer)
            self.assertEqual({"t": "bytes", "v": other["id"]}, answer["value"])
        answer = await nodes.call("stun", addr=addr)
        self.assertEqual(own["listening"], from_json(answer["value"]))
        target = nodes.nodes[3]["id"]
        found = await nodes.call("find_node", addr=addr, target=target)
        args = [to_json(bytes.fromhex(i)) for i in (own["id"], target)]
        raw = await nodes.call("raw_call", addr=addr, name="find_node", args=args)
        self.assertEqual(found["value"], raw["value"])
        ids = {contact_id.hex() for contact_id, _, _ in from_json(raw["value"])}
        self.assertEqual({nodes.nodes[2]["id"]}, ids)

    async def test_neighbors(self):
        nodes = await self.network(4)
        answer = await nodes.call("neighbors")
        others = [
            {"id": node["id"], "ip": "127.0.0.1", "port": node["listening"][1]}
            for node in nodes.nodes[1:]
        ]
        self.assertCountEqual(others, answer["table"])
        addrs = [node["listening"] for node in nodes.nodes[1:]]
        self.assertCountEqual(addrs, answer["bootstrappable"])

    async def test_refresh_republishes_old_keys(self):
        nodes = await self.network(3)
        addr, key, value = nodes.nodes[1]["listening"], "ab" * 20, to_json("v")
        await nodes.call("raw_store", addr=addr, key=key, value=value)
        await nodes.call("refresh", node=1)
        self.assertEqual([], (await nodes.call("stored", node=2))["stored"])
        await nodes.call("refresh", node=1, age=3601)
        stored = (await nodes.call("stored", node=2))["stored"]
        self.assertEqual([{"key": key, "value": value}], stored)
        await self.assert_healthy(nodes)

    async def test_ops_run_at_the_same_time(self):
        _, silent = await self.peer(lambda rpc: None)
        nodes = await self.start()
        slow = nodes.send("ping", addr=silent, timeout=0.2)
        quick = nodes.send("neighbors")
        self.assertTrue((await quick)["ok"])
        answer = await slow
        self.assertFalse(answer["ok"])
        self.assertIn("Timeout", answer["error"])
        self.assertEqual([1, 0], nodes.answered)
        await self.assert_healthy(nodes)

    async def test_bad_requests(self):
        nodes = await self.start()
        for line in ("no JSON", "[]", "{}"):
            self.assertFalse((await nodes.send_line(line, None))["ok"])
        for request in (
            {"op": "nothing"},
            {"op": "get"},
            {"op": "get", "key": "a", "node": 1},
            {"op": "set", "key": "a", "value": {"t": "tuple", "v": []}},
        ):
            self.assertFalse((await nodes.send(**request))["ok"])
        await self.assert_healthy(nodes)

    async def test_stop(self):
        nodes = await self.network(2)
        await nodes.call("stop", node=1)
        self.assertTrue((await nodes.call("stats", node=1))["closed"])
        addr = nodes.nodes[1]["listening"]
        answer = await nodes.send("ping", addr=addr, timeout=0.2)
        self.assertIn("Timeout", answer["error"])

    async def test_stats_count_unhandled_errors(self):
        transport, _ = await self.peer(lambda rpc: None)
        nodes = await self.start()
        addr = tuple(nodes.nodes[0]["listening"])
        transport.sendto(bytes(21) + b"\xc1", addr)
        await self.until_errors(nodes)
        stats = await nodes.call("stats")
        self.assertIn("ReservedCodeException", stats["quotes"][0])
        self.assertFalse(stats["closed"])

    async def test_stats_see_a_closed_socket(self):
        poison = [[bytes(20), "127.0.0.1", 65536]]
        bodies = {"ping": b"\x01" * 20, "find_node": poison}
        _, addr = await self.peer(lambda rpc: umsgpack.packb(bodies[rpc]))
        nodes = await self.start()
        await nodes.send("bootstrap", addrs=[addr], timeout=0.2)
        await self.until_errors(nodes)
        self.assertTrue((await nodes.call("stats"))["closed"])

    async def until_errors(self, nodes):
        """Wait until a node has counted an error; a datagram is on its way."""

        async def poll():
            while not (await nodes.call("stats"))["errors"]:
                pass

        await asyncio.wait_for(poll(), PATIENCE)

    async def test_ends_with_stdin(self):
        _, silent = await self.peer(lambda rpc: None)
        nodes = await Process.start()
        pending = nodes.send("ping", addr=silent)
        await nodes.call("stats")
        self.assertEqual(0, await nodes.end())
        pending.cancel()


class TaggedTest(unittest.TestCase):
    def test_round_trip(self):
        for value in SETTABLE + STORABLE:
            line = json.dumps(to_json(value))
            again = from_json(json.loads(line))
            self.assertEqual(type(value), type(again))
            self.assertEqual(umsgpack.packb(value), umsgpack.packb(again))


if __name__ == "__main__":
    unittest.main()
