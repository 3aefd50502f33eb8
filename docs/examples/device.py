#!/usr/bin/env python3
"""A whole SmartPi device in one file, written from docs/PROTOCOL.md alone (numbers like 3.1 are its sections).
    device.py 'http://192.168.1.5:8765/b#1....' [MESSAGE]   bind with what the QR code says, then talk
    device.py [MESSAGE]                                     talk again; without MESSAGE show what comes until Ctrl-C
Python 3.11, python3-cryptography, python3-websockets. A port needs a WebSocket client, JSON, SHA-256, HMAC, Ed25519, a random
source and one small record that is written atomically; no clock and no threads: it is one loop with a tick each second."""
import argparse, asyncio, base64, hashlib, hmac, json, os, random, re, secrets, sys, time, websockets
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FINAL = {9001, 9004, 9007, 9010, 9014, 9016, 9021}  # 5: trying again does not help
class Refused(Exception): """Only the person can help. The key stays: no frame ever deletes it."""
def enc(raw): return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
def dec(text): return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
def mac(key, data): return hmac.digest(key, data, "sha256")
def verify(key, sig, data): Ed25519PublicKey.from_public_bytes(key).verify(dec(sig), data)
def pack(value): return json.dumps(value, ensure_ascii=False)  # raw UTF-8: \u escapes could pass the 65,536 bytes of a frame
def ulid(): return "0" + "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(25))  # its time is never read
def say(*words): print(*words, flush=True)
def words(f): return f"{f['code']} {f.get('en', 'The service ended the connection.')} {f.get('zh', '服务已断开连接。')}"
def transcript(*parts):  # T of 1: each part behind its length; strings as UTF-8, binary values raw
    return b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() if isinstance(part, str) else part for part in parts))

class Device:
    def __init__(self, path):  # kept: what survives a power cut. outbox: messages without ack, by id; rids: of replies already shown
        self.path, self.kept = path, dict(seed=enc(os.urandom(32)), place="", spk="", epoch="", last_n=0, rids=[], outbox={})
        if os.path.exists(path): self.kept.update(json.load(open(path, encoding="utf-8")))
        self.key = Ed25519PrivateKey.from_private_bytes(dec(self.kept["seed"]))
        self.pk = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.name = base64.b32encode(hashlib.sha256(self.pk).digest()).decode().lower()[:26]  # device_key
        self.mine, self.acked, self.answered, self.refused = ulid(), False, False, 0
        self.keep()  # the key is on disk before anybody sees it

    def keep(self, **changes):  # the old file or the new one, never half of one
        self.kept |= changes
        with open(os.open(self.path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(pack(self.kept)), file.flush(), os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)
    async def send(self, **frame): await self.ws.send(pack(frame))
    async def next(self):  # the next frame, or a "tick" after a second without one; does the heartbeat (1.3)
        try: f = json.loads(await asyncio.wait_for(self.ws.recv(), 1))
        except asyncio.TimeoutError:
            silence = time.monotonic() - self.heard
            if silence >= 45: raise ConnectionError("45 s of silence")
            if silence >= 30: await self.send(t="ping", c=1)
            return {"t": "tick"}
        self.heard = time.monotonic()
        if f["t"] == "ping": await self.send(t="pong", c=f["c"])
        if f["t"] in ("err", "bye") and "re" not in f:  # about the connection, not about one message
            self.least = max(self.least, f.get("retry_ms", 0) / 1000)
            self.refused += f["t"] == "err" and f["code"] == 9003  # 5: try once more, then say so
            if f["code"] in FINAL or self.refused > 1: raise Refused(words(f))
            if f["t"] == "bye": raise ConnectionError(f"the service said goodbye, {f['code']}")
            say("err", words(f))
        return f
    async def expect(self, kind):  # what is not expected is not for us
        while (f := await self.next())["t"] != kind: pass
        return f

    async def bind(self, hello, place, b, s, k):  # 2
        sn, spk, cn, me = dec(hello["sn"]), dec(hello["spk"]), os.urandom(32), ("Python example", "script", "code")
        if hashlib.sha256(spk).digest()[:16] != k: raise Refused("This is not the computer of the QR code. 这不是二维码所指的电脑。")
        proof = mac(s, transcript("smartpi1-bind-device", b, sn, spk, self.pk, cn, "plain", *me))
        await self.send(t="bind", v=1, b=enc(b), pk=enc(self.pk), cn=enc(cn), name=me[0], kind=me[1], confirm=me[2], mac=enc(proof))
        answer, theirs = await self.expect("bind_wait"), transcript("smartpi1-bind-service", b, sn, spk, self.pk, cn, "plain")
        verify(spk, answer["sig"], theirs)
        if not hmac.compare_digest(dec(answer["mac"]), mac(s, theirs)): raise Refused("The computer does not know the code. 电脑不认识此码。")
        say(f'code {int.from_bytes(mac(s, transcript("smartpi1-bind-code", b, sn, spk, self.pk, cn))[:8], "big") % 100:02d}')
        await self.send(t="bind_shown")
        await self.expect("bind_ok")
        self.keep(place=place, spk=hello["spk"], epoch="", last_n=0)

    async def auth(self, hello):  # 3. After bind_ok too: sn of the same hello, a new cn
        if hello["spk"] != self.kept["spk"]: raise Refused("Not the computer this device is bound to. 这不是已绑定的电脑。")
        spk, sn, cn, last_n = dec(hello["spk"]), dec(hello["sn"]), os.urandom(32), self.kept["last_n"]
        sig = enc(self.key.sign(transcript("smartpi1-auth-device", spk, sn, cn, self.name, "plain")))
        await self.send(t="auth", v=1, device_key=self.name, cn=enc(cn), epoch=self.kept["epoch"], last_n=last_n, sig=sig)
        ready = await self.expect("ready")
        verify(spk, ready["sig"], transcript("smartpi1-auth-service", spk, sn, cn, self.name, "plain"))
        self.refused, self.live, reset = 0, time.monotonic(), ready["resume"] == "reset"
        self.keep(epoch=ready["epoch"], last_n=0 if reset else last_n)
        if reset and self.acked and not self.answered: raise Refused("The computer lost the message; ask again. 消息已丢失，请重新发送。")

    async def talk(self):  # 3.1; returns when the message of this run is answered
        done, missed, again = False, self.acked, 0  # missed: "turn" is not stored, its "done" may have passed in the outage
        while not (self.answered and (done or missed)):
            if time.monotonic() >= again:
                for id, text in self.kept["outbox"].items(): await self.send(t="msg", id=id, text=text)
                again = float("inf")
            f = await self.next()
            mine = f.get("re") == self.mine
            match f["t"]:
                case "ack":
                    self.kept["outbox"].pop(f["id"], None)
                    self.keep()
                    self.acked |= f["id"] == self.mine
                    say("ack", f["st"])
                case "partial": say("partial", f["text"])
                case "turn" if mine: done, missed = f["s"] in ("done", "failed"), False
                case "tick" if done: return say("The assistant had nothing to say. 助手没有回答。")
                case "reply":
                    if f["n"] > self.kept["last_n"]:  # remember, then show: a power cut in between never shows it twice
                        rids = self.kept["rids"]
                        self.keep(last_n=f["n"], rids=[*rids[-999:], f["rid"]])
                        if f["rid"] not in rids: say("reply", f["text"])
                    self.answered |= mine
                    await self.send(t="got", n=f["n"])
                case "err" if "re" in f:  # about one message
                    say("err", words(f))
                    if f["code"] in (9005, 9008, 9009, 9015): again = time.monotonic() + f.get("retry_ms", 5000) / 1000
                    elif f["code"] not in (9002, 9017):  # these two only tell that the answer takes longer
                        again, self.mine, text = 0, ulid(), self.kept["outbox"].pop(f["re"], "")
                        self.keep(outbox=self.kept["outbox"] | ({self.mine: text} if f["code"] == 9011 else {}))  # under a new id
                        if f["code"] != 9011: raise Refused("The message was not taken. 消息未被接受。")

    async def run(self, qr, message):
        failures, place = 0, f"ws{qr[1]}/device" if qr else self.kept["place"]
        if not place: raise Refused("Not bound yet: give the URL of a QR code. 尚未绑定，请提供二维码网址。")
        if message: self.kept["outbox"][self.mine] = message  # stays there until its ack
        if not qr: self.keep()  # else bind does it: what was meant for a computer that was never bound is not kept
        while True:
            self.least, self.live, self.heard = 0, None, time.monotonic()
            try:
                async with websockets.connect(place, compression=None, ping_interval=None, max_size=65536, close_timeout=2) as self.ws:
                    hello = await self.expect("hello")
                    if qr: qr = await self.bind(hello, place, *map(dec, qr.groups()[1:4]))  # None: a code works once
                    await self.auth(hello)
                    return await self.talk()
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
                if qr: raise Refused(f"Binding broke off ({error}); ask for a new QR code. 绑定中断，请重新获取二维码。")
                failures = 1 if self.live and time.monotonic() - self.live > 60 else failures + 1
                say("offline", error)
                await asyncio.sleep(max(self.least, random.uniform(0, min(30, 0.5 * 2 ** min(failures, 6)))))  # 1.4: full jitter

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="BINDING_URL | MESSAGE")
    parser.add_argument("--identity", default=os.environ.get("SMARTPI_DEVICE", "device.json"), help="or $SMARTPI_DEVICE")
    args = parser.parse_args()
    url = args.words.pop(0) if args.words and "/b#" in args.words[0] else ""
    qr, message = re.fullmatch(r"http(://[^/]+)/b#1\.([\w-]{11})\.([\w-]{22})\.([\w-]{22})(\..*)?", url), " ".join(args.words)
    if url and not qr: raise Refused("Unknown kind of QR code: update this program. 无法识别此二维码，请更新程序。")
    if len(message.encode()) > 32768 or len(pack(message).encode()) > 65000: raise Refused("The message is too long. 消息太长。")
    asyncio.run(Device(args.identity).run(qr, message))

if __name__ == "__main__":
    try: main()
    except (Refused, InvalidSignature, KeyError, ValueError, KeyboardInterrupt) as error:
        sys.exit(f"stopped: {type(error).__name__} {error}")
