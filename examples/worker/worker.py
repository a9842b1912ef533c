"""A worker for Trunkline: makes a gateway's requests from here, at one target.

Speaks the workers' protocol, version 1 (docs/reference/workers.md). Needs the package `websockets`.

    TRUNKLINE_WORKER_TOKEN=tlw-… python3 worker.py ws://127.0.0.1:8317/v1/workers http://127.0.0.1:11434
"""

import asyncio
import http.client
import json
import os
import socket
import struct
import sys
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import connect

PIECE = 64 * 1024


class Work:
    """One request that is being made."""

    def __init__(self, session, request):
        self.session, self.request, self.id = session, request, request["id"]
        self.body = bytearray()
        self.sendable, self.granted = session.window, asyncio.Event()
        self.is_cancelled, self.connection = False, None

    async def run(self):
        """Makes the request in a thread, which waits for credit before every piece it sends on."""
        try:
            await asyncio.to_thread(self.fetch, asyncio.get_running_loop())
            await self.session.say(type="end", id=self.id)
        except Exception as error:  # whatever went wrong is the gateway's to know
            code = "cancelled" if self.is_cancelled else "unreachable"
            await self.session.say(type="error", id=self.id, code=code, message=str(error)[:2000])
        finally:
            self.session.works.pop(self.id, None)

    def fetch(self, loop):
        def wait_for(coroutine):
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

        target = self.session.target
        make = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        self.connection = make(target.netloc, timeout=600)
        skip = {"host", "connection", "accept-encoding"}
        headers = {name: value for name, value in self.request["headers"].items() if name not in skip}
        self.connection.request(self.request["method"], target.path.rstrip("/") + self.request["path"], bytes(self.body), headers)
        answer = self.connection.getresponse()
        own = {"connection", "transfer-encoding", "content-length", "content-encoding", "keep-alive"}
        headers = {name.lower(): value for name, value in answer.getheaders() if name.lower() not in own}
        wait_for(self.session.say(type="response", id=self.id, status=answer.status, headers=headers))
        while piece := answer.read1(PIECE):
            wait_for(self.send(piece))

    async def send(self, piece):
        while piece:
            while self.sendable <= 0 and not self.is_cancelled:
                self.granted.clear()
                await self.granted.wait()
            if self.is_cancelled:
                raise ConnectionAbortedError("cancelled")
            now, piece = piece[: self.sendable], piece[self.sendable :]
            self.sendable -= len(now)
            await self.session.socket.send(struct.pack(">I", self.id) + now)

    def cancel(self):
        self.is_cancelled = True
        self.granted.set()
        if self.connection is not None and self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it


class Session:
    """One connection to the gateway."""

    def __init__(self, socket, target):
        self.socket, self.target = socket, target
        self.works, self.tasks = {}, set()
        self.window = self.received = 0

    def say(self, **frame):
        return self.socket.send(json.dumps(frame))

    async def serve(self):
        await self.say(type="hello", agent="worker.py", capacity=16)
        async for message in self.socket:
            frame = {"type": "body"} if isinstance(message, bytes) else json.loads(message)
            if frame["type"] not in ("welcome", "ack", "ping", "pong", "bye"):
                self.received += 1
            await self.take(frame, message)
            if frame["type"] not in ("welcome", "ack", "ping", "pong", "bye"):
                await self.say(type="ack", received=self.received)

    async def take(self, frame, message):
        kind, work = frame["type"], self.works.get(frame.get("id"))
        if kind == "welcome":
            self.window = frame["window"]
        elif kind == "ping":
            await self.say(type="pong", t=frame["t"])
        elif kind == "request":
            work = self.works[frame["id"]] = Work(self, frame)
            if not frame["body"]:
                self.begin(work)
        elif kind == "body":
            (number,) = struct.unpack(">I", message[:4])
            if number in self.works:
                self.works[number].body += message[4:]
                await self.say(type="credit", id=number, bytes=len(message) - 4)
        elif kind == "body_end" and work:
            self.begin(work)
        elif kind == "cancel" and work:
            work.cancel()
        elif kind == "credit" and work:
            work.sendable += frame["bytes"]
            work.granted.set()

    def begin(self, work):
        task = asyncio.create_task(work.run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def main(gateway, target):
    headers = {"Authorization": f"Bearer {os.environ['TRUNKLINE_WORKER_TOKEN']}"}
    while True:
        try:
            options = {"subprotocols": ["trunkline.worker.v1"], "additional_headers": headers}
            async with connect(gateway, compression=None, max_size=PIECE * 16, **options) as opened:
                await Session(opened, urlsplit(target)).serve()
        except (OSError, websockets.ConnectionClosed) as error:
            print(f"lost the gateway ({error}); trying again", file=sys.stderr)
        await asyncio.sleep(2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
