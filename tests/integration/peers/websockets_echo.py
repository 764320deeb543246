"""Echoes with Python's `websockets`, as servers or as clients; messages of 2000 and more go back in compressed fragments.

websockets_echo.py server '[{"server_no_context_takeover": true}, ...]'   prints a list of ports, and runs until it is ended
websockets_echo.py client '[["ws://...", {}], ...]'                       prints nothing, and ends with its last connection

The objects are the options of the library's own permessage-deflate.
"""
import asyncio
import json
import sys

import websockets
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)


async def echo(socket):
    async for message in socket:
        size = len(message) // 3
        if len(message) < 2000:
            await socket.send(message)
        else:
            await socket.send([message[:size], message[size : 2 * size], message[2 * size :]])


async def serve(all_options):
    servers = [
        await websockets.serve(
            echo, "127.0.0.1", 0, compression=None, extensions=[ServerPerMessageDeflateFactory(**options)]
        )
        for options in all_options
    ]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.Future()


async def connect(urls):
    for url, options in urls:
        extensions = [ClientPerMessageDeflateFactory(**options)]
        async with websockets.connect(url, compression=None, extensions=extensions) as socket:
            await echo(socket)


role, argument = sys.argv[1:]
asyncio.run({"server": serve, "client": connect}[role](json.loads(argument)))
