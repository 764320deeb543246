"""Sends messages in fragments with Python's `websockets`, and takes them whole, as a server or as a client.

websockets_stream.py server        prints a port, echoes each message in fragments, and runs until it is ended
websockets_stream.py client URL N  sends a text and a binary message of about N bytes in fragments and prints `ok` for each echo

Compression is the library's own default: it is asked for, and taken.
"""
import asyncio
import random
import sys

import websockets

CHUNK = 100_000


async def chunks(message):
    for at in range(0, len(message), CHUNK):
        yield message[at : at + CHUNK]


async def echo(socket):
    async for message in socket:
        await socket.send(chunks(message))


async def serve():
    server = await websockets.serve(echo, "127.0.0.1", 0, max_size=None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()


async def connect(url, size):
    async with websockets.connect(url, max_size=None) as socket:
        text = "".join(f"{i}€" for i in range(size // 10))
        for message in [text, random.Random(1).randbytes(size)]:
            await socket.send(chunks(message))
            print("ok" if await socket.recv() == message else "not the same", flush=True)


if sys.argv[1] == "server":
    asyncio.run(serve())
else:
    asyncio.run(connect(sys.argv[2], int(sys.argv[3])))
