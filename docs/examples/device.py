#!/usr/bin/env python3
"""A whole device in one file, written from docs/PROTOCOL.md.  一个完整的设备示例，只依据 docs/PROTOCOL.md 编写。
    python3 device.py 'http://ADDRESS:PORT/b#1....' "hello"    bind with what a QR code says, then talk
    python3 device.py "hello"                                  talk again as the same device
Needs Python 3.11, python3-cryptography and python3-websockets. Keeps its key, its counter and what it still has to send in
device.json ($SMARTPI_DEVICE names another file); prints ack, partials and replies; exits 0 when the answer is there."""
import asyncio, base64, hashlib, hmac, json, os, pathlib, random, re, struct, sys, time
import websockets
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FILE = pathlib.Path(os.environ.get("SMARTPI_DEVICE", "device.json"))
FINAL = {9001, 9003, 9004, 9010, 9016, 9021}  # section 5: trying again does not help, the person must do something

class Refused(Exception): """The person must do something."""
def enc(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
def dec(text): return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
def mac(key, message): return hmac.new(key, message, hashlib.sha256).digest()
def say(*words): print(*words, flush=True)

def transcript(*parts):  # section 1: each part behind its length
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in raw)

def ulid():  # 48 bits of time, 80 random ones, 5 bits a letter
    number = (time.time_ns() // 1_000_000) << 80 | random.SystemRandom().getrandbits(80)
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> shift & 31] for shift in range(125, -5, -5))

class Device:
    def __init__(self, text):
        new = {"seed": enc(os.urandom(32)), "place": None, "spk": None, "epoch": "", "last_n": 0, "rids": [], "outbox": {}}
        self.kept = json.loads(FILE.read_text()) if FILE.exists() else new
        self.key = Ed25519PrivateKey.from_private_bytes(dec(self.kept["seed"]))
        self.pk = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.name = base64.b32encode(hashlib.sha256(self.pk).digest()).decode().lower()[:26]
        self.asked = ulid()  # a message is kept under its id until it is acknowledged
        self.kept["outbox"][self.asked] = text
        self.save()

    def save(self):  # the old file or the new one, never half of one; on disk before anybody is told
        with open(os.open(f"{FILE}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.kept, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{FILE}.new", FILE)

    async def send(self, **frame):
        await self.ws.send(json.dumps(frame, ensure_ascii=False))

    async def next(self, *wanted):  # answers pings, pings in a silence, ignores what it does not know
        asked = False
        while True:
            try:
                frame, asked = json.loads(await asyncio.wait_for(self.ws.recv(), 15 if asked else 30)), False
            except asyncio.TimeoutError:
                if asked: raise ConnectionError("45 s of silence")
                asked = True
                await self.send(t="ping", c=1)
                continue
            match frame:
                case {"t": "ping", "c": c}:
                    await self.send(t="pong", c=c)
                case {"t": "err", "code": code, "en": en, "zh": zh} if "re" not in frame and code in FINAL:
                    raise Refused(f"{code} {en} {zh}")
                case {"t": "bye", "code": code}:
                    self.wait = frame.get("retry_ms", 0) / 1000
                    raise Refused(code) if code in FINAL else ConnectionError(f"the service said goodbye, {code}")
                case {"t": kind} if kind in wanted:
                    return frame

    async def bind(self, hello, b, secret, pin):  # section 2
        sn, spk, cn, me = dec(hello["sn"]), dec(hello["spk"]), os.urandom(32), ("Python example", "script", "code")
        ours = mac(secret, transcript("smartpi1-bind-device", b, sn, spk, self.pk, cn, "plain", *me))
        await self.send(t="bind", v=1, b=enc(b), pk=enc(self.pk), cn=enc(cn), name=me[0], kind=me[1], confirm=me[2], mac=enc(ours))
        answer, theirs = await self.next("bind_wait"), transcript("smartpi1-bind-service", b, sn, spk, self.pk, cn, "plain")
        if hashlib.sha256(spk).digest()[:16] != pin: raise Refused("this is not the computer of the QR code")
        Ed25519PublicKey.from_public_bytes(spk).verify(dec(answer["sig"]), theirs)
        if not hmac.compare_digest(mac(secret, theirs), dec(answer["mac"])): raise Refused("this computer does not know the QR code")
        number = int.from_bytes(mac(secret, transcript("smartpi1-bind-code", b, sn, spk, self.pk, cn))[:8], "big")
        say(f"code {number % 100:02d}")
        await self.send(t="bind_shown")
        await self.next("bind_ok")
        self.kept |= {"spk": hello["spk"], "place": self.place, "epoch": "", "last_n": 0}
        self.save()
        say("bound", self.name)

    async def auth(self, hello):  # section 3: both prove their keys before any message
        if hello["spk"] != self.kept["spk"]: raise Refused("this is not the computer that the device was bound to")
        spk, sn, cn = dec(hello["spk"]), dec(hello["sn"]), os.urandom(32)
        sig = self.key.sign(transcript("smartpi1-auth-device", spk, sn, cn, self.name, "plain"))
        await self.send(t="auth", v=1, device_key=self.name, cn=enc(cn), epoch=self.kept["epoch"], last_n=self.kept["last_n"], sig=enc(sig))
        ready = await self.next("ready")
        Ed25519PublicKey.from_public_bytes(spk).verify(dec(ready["sig"]), transcript("smartpi1-auth-service", spk, sn, cn, self.name, "plain"))
        self.kept |= {"epoch": ready["epoch"]} | ({"last_n": 0} if ready["resume"] == "reset" else {})

    async def talk(self):  # section 3.1
        for message, text in list(self.kept["outbox"].items()):
            await self.send(t="msg", id=message, text=text)
        while True:
            match await self.next("ack", "partial", "reply", "err"):
                case {"t": "ack", "id": message, "st": st}:
                    self.kept["outbox"].pop(message, None)
                    self.save()
                    say("ack", st)
                case {"t": "partial", "text": text}:
                    say("partial", text)
                case {"t": "err", "code": code, "en": en, "zh": zh, **more}:  # 9002 and 9017: keep waiting
                    say("err", code, en, zh)
                    if code in (9006, 9007, 9011) and self.kept["outbox"].pop(more.get("re"), None):
                        self.save()
                        raise Refused("the message was not taken")
                    if code in (9005, 9008, 9009):  # kept, and sent again later
                        self.wait = more.get("retry_ms", 5000) / 1000
                        raise ConnectionError("the service takes nothing now")
                case {"t": "reply", "n": n, "rid": rid, "text": text, **more} if n > self.kept["last_n"]:
                    new = rid not in self.kept["rids"]
                    self.kept |= {"last_n": n, "rids": [*self.kept["rids"][-1999:], rid]}
                    self.save()
                    if new: say("reply", text)
                    await asyncio.sleep(0.05)  # at most 20 such frames a second
                    await self.send(t="got", n=n)
                    if new and more.get("re") == self.asked: return

    async def run(self, url):
        code = re.fullmatch(r"http(://[^/]+)/b#1\.([^.]+)\.([^.]+)\.([^.]+).*", url) if url else None
        self.place = f"ws{code[1]}/device" if code else self.kept["place"]
        if not self.place or url and not code: raise Refused("give it what a QR code says; where it does so, update this program")
        failures, self.wait = 0, 0
        while True:
            try:
                async with websockets.connect(self.place, compression=None, max_size=2**18, ping_interval=None) as self.ws:
                    hello = await self.next("hello")
                    if code:
                        await self.bind(hello, *map(dec, code.groups()[1:]))
                        code = None
                    await self.auth(hello)
                    return await self.talk()
            except (OSError, websockets.WebSocketException) as error:  # section 1.4: full jitter
                wait = max(self.wait, random.uniform(0, min(30, 0.5 * 2**failures)))
                failures, self.wait = failures + 1, 0
                say(f"offline {error}; again in {wait:.1f} s")
                await asyncio.sleep(wait)

if __name__ == "__main__":
    url, *words = sys.argv[1:] if "/b#" in "".join(sys.argv[1:2]) else [None, *sys.argv[1:]]
    try:
        asyncio.run(Device(" ".join(words) or "hello 你好").run(url))
    except (Refused, InvalidSignature) as error:
        sys.exit(f"stopped: {error or 'the computer could not prove its key'}")
