#!/usr/bin/env python3
"""Writes the first corpus: the golden frames, one session of each kind, heads and frames as they should and should not be.

Usage: seed.py FOLDER. What fuzzing found is added by `.ci/fuzz --keep`.
"""

import json
import pathlib
import struct
import sys

here = pathlib.Path(__file__).resolve().parent
folder = pathlib.Path(sys.argv[1])


def write(target, name, data):
    path = folder / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def frames(kind):
    for path in sorted((here.parent / "golden" / kind).glob("*.json")):
        yield path.stem, json.dumps(json.loads(path.read_text())["frame"], ensure_ascii=False, separators=(",", ":"))


for target in ("device", "upstream"):
    lines = dict(frames(target))
    for name, line in lines.items():
        write(target, name, line.encode())
    write(target, "session", "\n".join([lines["auth"], *lines.values()]).encode())

UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
HERE = "Host: 127.0.0.1:8765\r\n"
heads = {
    "page": ("GET /", HERE),
    "page_link": ("GET /b", HERE + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"),
    "health": ("GET /healthz", "Host: localhost:8765\r\n"),
    "metrics": ("GET /metrics", "Host: [::1]:8765\r\n"),
    "nothing": ("GET /nothing", HERE),
    "post": ("POST /", HERE + "Content-Length: 2\r\n"),
    "device": ("GET /device", HERE + UPGRADE),
    "device_page": ("GET /device", HERE + "Origin: http://127.0.0.1:8765\r\nSec-Fetch-Site: same-origin\r\n" + UPGRADE),
    "device_no_upgrade": ("GET /device", HERE),
    "device_no_key": ("GET /device", HERE + UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short")),
    "device_body": ("GET /device", HERE + "Transfer-Encoding: chunked\r\n" + UPGRADE),
    "link": ("GET /openclaw", HERE + "Sec-Fetch-Mode: websocket\r\n" + UPGRADE),
    "link_browser": ("GET /openclaw", HERE + "Referer: http://127.0.0.1:8765/\r\n" + UPGRADE),
    "rebinding": ("GET /device", "Host: evil.example:8765\r\n" + UPGRADE),
    "two_hosts": ("GET /device", HERE + "Host: evil.example\r\n" + UPGRADE),
    "other_origin": ("GET /device", HERE + "Origin: http://evil.example\r\n" + UPGRADE),
    "null_origin": ("GET /device", HERE + "Origin: null\r\n" + UPGRADE),
    "absolute": ("GET http://127.0.0.1:8765/", HERE),
    "http_1_0": None,
}
for name, request in heads.items():
    target, fields = request or ("GET /device", HERE + UPGRADE)
    version = "HTTP/1.1" if request else "HTTP/1.0"
    for place, mark in (("loopback", b"0"), ("network", b"1"), ("tls", b"3")):
        data = f"{target} {version}\r\n{fields}\r\n"
        if place != "loopback":
            data = data.replace("127.0.0.1", "192.168.77.1")
        write("head", f"{name}_{place}", mark + data.encode())


def frame(opcode, last, payload, mask=b"\x5a\xc3\x17\x88", claim=None):
    length = len(payload) if claim is None else claim
    head = bytes([opcode | (0x80 if last else 0)])
    bit = 0x80 if mask else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)) if mask else payload
    return head + (mask or b"") + body


streams = {
    "text": frame(1, True, b'{"t":"ping","c":1}'),
    "two": frame(1, True, b"one") + frame(1, True, "\u706f".encode()),
    "pieces": frame(1, False, b"{") + frame(0, False, b"") + frame(0, True, b"}"),
    "many_pieces": frame(1, False, b"") + frame(0, False, b"") * 70,
    "ping_between": frame(1, False, b"a") + frame(9, True, b"hi") + frame(0, True, b"b"),
    "binary": frame(2, True, b"\x00\x01"),
    "close": frame(8, True, struct.pack(">H", 1000)),
    "close_bad": frame(8, True, b"\x00"),
    "unmasked": frame(1, True, b"bare", mask=b""),
    "reserved": frame(0x70 | 1, True, b"x"),
    "opcode": frame(3, True, b"x"),
    "not_utf8": frame(1, True, b"\xff\xfe"),
    "split_utf8": frame(1, False, b"\xe7\x81") + frame(0, True, b"\xaf"),
    "giant": frame(1, True, b"", claim=1 << 63),
    "sixteen_mib": frame(1, True, b"", claim=16 << 20),
    "limit": frame(1, True, b"x" * 4096),
    "past_limit": frame(1, True, b"x" * 4097),
    "long_ping": frame(9, True, b"x" * 126),
    "lone_continuation": frame(0, True, b"x"),
    "text_in_text": frame(1, False, b"a") + frame(1, True, b"b"),
    "half_header": frame(1, True, b"abc")[:3],
    "half_payload": frame(1, True, b"abcdef")[:9],
}
for name, stream in streams.items():
    write("frames", name, b"\xff" + stream)
    write("frames", name + "_dribbled", b"\x00" + stream)
