"""The section "limits": the longest values that Server.set sends."""

from kademlia.network import Server
from rpcudp.exceptions import MalformedMessage

from rpcs import KEY
from world import CLIENT_ID, LOOPBACK, SERVER_ID, store_request

# Type byte and message id, which the reference does not count.
_HEADER = 21


async def section():
    """Return the limits of str and of bytes, found with two servers on loopback."""
    setter, peer = Server(node_id=CLIENT_ID), Server(node_id=SERVER_ID)
    for server in (setter, peer):
        await server.listen(0, LOOPBACK)
    try:
        await setter.bootstrap([peer.transport.get_extra_info("sockname")])
        return {
            kind: await _limit(setter, unit)
            for kind, unit in {"str": "a", "bytes": b"a"}.items()
        }
    finally:
        setter.stop()
        peer.stop()


async def _limit(setter, unit):
    """Find by halving the longest value of this unit that set() sends."""
    fits, refused = 0, 65536
    while refused - fits > 1:
        length = (fits + refused) // 2
        try:
            await setter.set("key", unit * length)
            fits = length
        except MalformedMessage:
            refused = length
    datagram = await store_request(KEY, unit * fits)
    return {
        "largest": fits,
        "first_refused": refused,
        "error": MalformedMessage.__name__,
        "request_body": len(datagram) - _HEADER,
        "request_datagram": len(datagram),
    }
