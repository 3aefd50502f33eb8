"""A device relay the way OpenClaw channel tutorials write one: aiohttp, a dict of sockets, one plugin.

A device sends {"type":"message","content":...}; the relay wraps it for the plugin; the plugin answers {"type":"reply","to":id,...};
the relay routes that to the device. No authentication, no resending, no order, no limits.

With --db each message is inserted and committed (WAL, synchronous=FULL) before it is acknowledged and passed on; replies are not stored.
"""

import argparse
import json
import sqlite3
import time

from aiohttp import WSMsgType, web


class Relay:
    def __init__(self, path):
        self.devices = {}
        self.plugin = None
        self.db = None
        if path:
            self.db = sqlite3.connect(path)
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=FULL")
            self.db.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, device TEXT, content TEXT, at REAL)")
            self.db.commit()

    async def device(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        name = request.query["id"]
        self.devices[name] = socket
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self.up(name, socket, json.loads(message.data))
        finally:
            self.devices.pop(name, None)
        return socket

    async def up(self, name, socket, frame):
        if self.db is not None:
            row = (name, frame["content"], time.time())
            self.db.execute("INSERT INTO message (device, content, at) VALUES (?, ?, ?)", row)
            self.db.commit()
            await socket.send_str(json.dumps({"type": "ack"}))
        data = {"source": name, "content": frame["content"], "timestamp": int(time.time() * 1000)}
        if self.plugin is not None:  # an aiohttp socket is an empty mapping, and so false
            await self.plugin.send_str(json.dumps({"source": "web", "data": data}))

    async def connect_plugin(self, request):
        self.plugin = web.WebSocketResponse()
        await self.plugin.prepare(request)
        async for message in self.plugin:
            if message.type == WSMsgType.TEXT:
                frame = json.loads(message.data)
                device = self.devices.get(frame["to"])
                if device is not None:
                    await device.send_str(json.dumps({"type": "reply", "content": frame["content"]}))
        return self.plugin


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("--db")
    arguments = arguments.parse_args()
    relay = Relay(arguments.db)
    app = web.Application()
    app.router.add_get("/device", relay.device)
    app.router.add_get("/plugin", relay.connect_plugin)
    web.run_app(app, host="127.0.0.1", port=arguments.port, print=None, access_log=None, backlog=1024)


main()
