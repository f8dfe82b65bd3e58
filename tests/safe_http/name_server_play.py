"""A world of its own for one process: a name server whose answers change, and two web servers, one of them forbidden.

It runs in a network of its own, where the machine's resolver asks this server at port 53. Prints what happened as JSON.
"""

import asyncio
import json
import socket
import struct
import threading
from collections import Counter
from ipaddress import IPv4Address, ip_network
from typing import Any

from agent_runtime.config_values import PrivateTarget
from agent_runtime.domain.errors import OutboundFailed
from agent_runtime.safe_http import SafeClient, Targets
from tests.support.model_server_http import Request
from tests.support.raw_server import plain, raw_server

PUBLIC, INTERNAL = "127.0.0.1", "127.0.0.2"
# Stands for the public internet, as in the other tests of rebinding.
ONLY_PUBLIC = Targets((PrivateTarget(ip_network(f"{PUBLIC}/32")),))
A, CNAME = 1, 5
# Answers by the number of the question; the last one stays.
ANSWERS: dict[str, list[list[str]]] = {
    "stable.example": [[PUBLIC]],
    "rebinding.example": [[PUBLIC], [INTERNAL]],
    "registered.example": [[PUBLIC], [INTERNAL]],
    "pair.example": [[PUBLIC, INTERNAL]],
    "pair-turned.example": [[INTERNAL, PUBLIC]],
    "alias.example": [["internal.example", INTERNAL]],
}
asked: Counter[str] = Counter()


def answer_names(server: socket.socket) -> None:
    """Answer each question with a time to live of nothing."""
    while True:
        query, client = server.recvfrom(4096)
        name, end = name_in(query)
        kind = struct.unpack("!H", query[end : end + 2])[0]
        records = records_of(name) if kind == A and name in ANSWERS else []
        flags = 0x8180 if name in ANSWERS else 0x8183
        head = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        server.sendto(head + query[12 : end + 4] + b"".join(records), client)


def records_of(name: str) -> list[bytes]:
    """The next answer for a name; a name in it is an alias for what follows."""
    found = ANSWERS[name][min(asked[name], len(ANSWERS[name]) - 1)]
    asked[name] += 1
    records, owner = [], written(name)
    for each in found:
        if each[0].isalpha():
            records.append(record(owner, CNAME, written(each)))
            owner = written(each)
        else:
            records.append(record(owner, A, IPv4Address(each).packed))
    return records


def name_in(query: bytes) -> tuple[str, int]:
    """The name of a question, and where it ends."""
    labels, place = [], 12
    while size := query[place]:
        labels.append(query[place + 1 : place + 1 + size].decode())
        place += size + 1
    return ".".join(labels).lower(), place + 1


def written(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 0, len(data)) + data


async def ok(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(plain(200, b"ok"))


async def main() -> dict[str, Any]:
    """Fetch every name twice from the public server and then from the internal one."""
    happened: dict[str, Any] = {name: [] for name in ANSWERS}
    async with (
        raw_server(ok, host=PUBLIC) as public,
        raw_server(ok, host=INTERNAL) as internal,
        SafeClient(ONLY_PUBLIC) as client,
    ):
        await client.check(f"http://registered.example:{public.port}/")
        for port in (public.port, internal.port):
            for name in ANSWERS:
                happened[name] += [await fetched(client, f"http://{name}:{port}/") for _ in range(2)]
        return happened | {"internal connections": internal.connections, "asked": dict(asked)}


async def fetched(client: SafeClient, url: str) -> str:
    try:
        return (await client.fetch("GET", url)).body.decode()
    except OutboundFailed as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.53", 53))
    threading.Thread(target=answer_names, args=(listening,), daemon=True).start()
    print(json.dumps(asyncio.run(main())))
