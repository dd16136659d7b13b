#!/usr/bin/env python3
"""Record what the Python reference does, for core to be tested against.

    generate.py [file]           write the vectors (core/testdata/vectors.json)
    generate.py --check [file]   compare; exit 1 and say what differs

Everything is made by the installed reference itself (requirements.txt in
test/python pins it). Ids, addresses and message ids are fixed, so the same bytes
come out in every run, on every machine and with every Python from 3.9.

Bytes are hex. A "value" is tagged as test/python/tagged.py describes, {"t": type,
"v": value}; a long str or bytes is {"t": type, "repeat": byte, "count": n} instead.
An "error" is the class of the exception that the reference raised. A field that
has nothing to say is left out, except "answer". Names are unique in a section.

reference      versions of the packages that this was made with
digest         [{input: value, key}]; key = the 20 bytes a user's key becomes
distance.pairs   [{a, b, distance}]
distance.orders  [{target, ids, nearest_first}]
values         [{name, value, set_accepts, sendable,
                 encoding | encoding_length, encoding_head, encoding_sha256 | error}]
               The encoding that umsgpack gives each value. set_accepts: the type
               is one that Server.set takes; sendable: a STORE of it can be sent.
               A long encoding is its length, first 16 bytes and SHA-256.
decode         [{name, encoding, value, encoded_again | error}]
               What umsgpack reads from each encoding, and how it writes it again:
               what a find_value for a value stored like that answers with.
rpc            [{name, rpc, args: [value], server: node, sender: address,
                 request, response, result: value}]
               node: {id, contacts: [{id, ip, port}], stored: [{key, value}]}
               address: {ip, port}, and flowinfo and scope_id on an IPv6 socket
               The client's whole request, and the whole answer of a server with
               these contacts and values to this sender; result is what the client
               reads from it. args are those on the wire.
odd            {server: node, sender: address,
                cases: [{name, datagram, answer or null, learned, error, note}]}
               Each datagram goes to a fresh server as described. learned: the
               sender's address is among its contacts afterwards. error: what
               ended the task that handled it. The server lives on in every case.
odd_answers    [{name, operation, rpc, answers: [{type, body}],
                 returned: value | found | raised, socket_closed, liar_kept, note}]
               A server with the single contact "liar" runs an operation (get,
               set, bootstrap); the liar answers one RPC with the given datagrams:
               a type byte, the right message id, a body. found: how many nodes
               bootstrap returned. raised: the exception that reached the user.
               socket_closed: the server is deaf for good. liar_kept: the liar is
               among its contacts afterwards.
limits         {str, bytes: {largest, first_refused, error,
                             request_body, request_datagram}}
               The longest values that Server.set sends; then the size in bytes of
               the request's msgpack and of the whole datagram.
"""

import argparse
import asyncio
import importlib.metadata
import json
import logging
import pathlib
import sys

TEST = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEST / "python"))

import limits  # noqa: E402
import odd  # noqa: E402
import odd_answers  # noqa: E402
import rpcs  # noqa: E402
import values  # noqa: E402

DEFAULT = TEST.parent / "core" / "testdata" / "vectors.json"
PACKAGES = ("kademlia", "rpcudp", "u-msgpack-python")


async def make():
    """Return the vectors."""
    return {
        "reference": {name: importlib.metadata.version(name) for name in PACKAGES},
        "digest": values.digest_section(),
        "distance": values.distance_section(),
        "values": await values.values_section(),
        "decode": values.decode_section(),
        "rpc": await rpcs.section(),
        "odd": await odd.section(),
        "odd_answers": await odd_answers.section(),
        "limits": await limits.section(),
    }


def lists_in(vectors):
    """Return the lists of the vectors by their name, such as "odd.cases"."""
    lists = {}
    for name, section in vectors.items():
        if isinstance(section, list):
            lists[name] = section
        elif isinstance(section, dict):
            parts = {k: v if isinstance(v, list) else [v] for k, v in section.items()}
            lists.update({f"{name}.{part}": item for part, item in parts.items()})
    return lists


def check_names(vectors):
    """Raise ValueError if two entries of a list have the same name."""
    for name, entries in lists_in(vectors).items():
        names = [e["name"] for e in entries if isinstance(e, dict) and "name" in e]
        if len(names) != len(set(names)):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise ValueError(f"{name}: names used twice: {twice}")


def differences(old, new):
    """Yield a line for every list that differs, naming the entries that do."""
    old, new = lists_in(old), lists_in(new)
    for name in sorted(old.keys() | new.keys()):
        before, after = _by_key(old.get(name, [])), _by_key(new.get(name, []))
        for key in before.keys() - after.keys():
            yield f"{name}: {key}: gone"
        for key in after.keys() - before.keys():
            yield f"{name}: {key}: new"
        for key in before.keys() & after.keys():
            if before[key] != after[key]:
                yield f"{name}: {key}: changed"


def _by_key(entries):
    """Return entries by name, or by position if they have none."""
    return {
        entry["name"] if isinstance(entry, dict) and "name" in entry else f"#{i}": entry
        for i, entry in enumerate(entries)
    }


def main():
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=DEFAULT)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    args = parser.parse_args()

    logging.disable(logging.CRITICAL)
    vectors = asyncio.run(make())
    check_names(vectors)
    text = json.dumps(vectors, indent=1, sort_keys=True) + "\n"
    if not args.check:
        args.file.parent.mkdir(parents=True, exist_ok=True)
        args.file.write_bytes(text.encode("ascii"))
        return 0
    committed = args.file.read_bytes().decode("ascii")
    if committed == text:
        return 0
    print(f"{args.file} is not what the reference does:", file=sys.stderr)
    for line in sorted(differences(json.loads(committed), vectors)):
        print(f"  {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
