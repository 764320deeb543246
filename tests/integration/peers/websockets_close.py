"""A server of Python's `websockets` that does what the path says, and prints its port.

/echo                echoes every message, until the client closes
/close?4001&reason   sends "bye" and closes with this code and reason
/abort               drops the connection, with no close frame, when a message comes
"""
import asyncio
from urllib.parse import unquote

import websockets


async def serve(socket):
    action, _, arguments = socket.path.removeprefix("/").partition("?")
    if action == "close":
        code, _, reason = arguments.partition("&")
        await socket.send("bye")
        await socket.close(int(code), unquote(reason))
    elif action == "abort":
        await socket.recv()
        socket.transport.abort()
    else:
        try:
            async for message in socket:
                await socket.send(message)
        except websockets.ConnectionClosedError:
            pass  # what it calls any code but 1000 and 1001


async def main():
    server = await websockets.serve(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()


asyncio.run(main())
