#!/usr/bin/env python3
"""A whole SmartPi device in one file, written from docs/PROTOCOL.md alone (numbers like 3.1 are its sections).

    device.py 'http://192.168.1.5:8765/b#1....' [MESSAGE]             bind with what the QR code says, then talk
    device.py --code C1GP-4RV4-CNK6-ET39 --address IP:PORT [MESSAGE]  the same with a code that a person typed
    device.py --announce IP:PORT [MESSAGE]                            ask to be bound; the person types the six digits
    device.py --token spd_... --address IP:PORT [MESSAGE]             a script with a token; needs no binding
    device.py [MESSAGE]                                               talk again; without MESSAGE show what comes until Ctrl-C

Python 3.11, python3-cryptography, python3-websockets. A port needs a WebSocket client, TLS with a callback that sees the certificate, JSON,
SHA-256, HMAC, Ed25519, a random source and one small record that is written atomically; no clock and no threads: it is one loop with a tick
each second. In C: `Device.kept` is that record, `Trust` the callback, each `async def` a step of the loop."""
import argparse, asyncio, base64, hashlib, hmac, ipaddress, json, os, random, re, secrets, ssl, sys, time, websockets
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FINAL = {9001, 9004, 9007, 9010, 9014, 9016, 9021}  # 5: trying again does not help
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ME = ("Python example", "script", "code")  # name, kind, confirm: a terminal shows a code


class Refused(Exception):
    """Only the person can help. The key stays: no frame ever deletes it."""


def enc(raw): return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
def dec(text): return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
def sha256(raw): return hashlib.sha256(raw).digest()
def mac(key, data): return hmac.digest(key, data, "sha256")
def base32(raw, length): return base64.b32encode(raw).decode().lower()[:length]
def verify(key, sig, data): Ed25519PublicKey.from_public_bytes(key).verify(dec(sig), data)
def pack(value): return json.dumps(value, ensure_ascii=False)  # raw UTF-8: \u escapes could pass the 65,536 bytes of a frame
def ulid(): return "0" + "".join(secrets.choice(CROCKFORD) for _ in range(25))  # its time is never read
def digits(digest, many): return str(int.from_bytes(digest[:8], "big") % 10**many).zfill(many)  # a code for people
def say(*words): print(*words, flush=True)
def words(f): return f"{f['code']} {f.get('en', 'The service ended the connection.')} {f.get('zh', '服务已断开连接。')}"


def transcript(*parts):  # T of 1: each part behind its length; strings as UTF-8, binary values raw
    raws = (part.encode() if isinstance(part, str) else part for part in parts)
    return b"".join(len(raw).to_bytes(4, "big") + raw for raw in raws)


def typed_code(text):  # 2.1: case and dashes do not matter, O reads as 0, I and L as 1
    letters = text.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))
    if len(letters) != 16 or set(letters) - set(CROCKFORD):
        raise Refused("This is not a code of 16 letters and digits. 这不是 16 位绑定码。")
    number = 0
    for letter in letters:
        number = number * 32 + CROCKFORD.index(letter)
    c = number.to_bytes(10, "big")
    return mac(c, transcript("smartpi1-typed-handle"))[:8], mac(c, transcript("smartpi1-typed-secret"))[:16]


def token_seed(token):  # 2.3
    head, check = token[:-6], token[-6:]
    if not head.startswith("spd_") or len(head) != 47 or base32(sha256(head.encode()), 6) != check:
        raise Refused("This is not a token, or a letter of it is wrong. 令牌无效或有误。")
    return dec(head[4:])


class Trust(ssl.SSLObject):
    """Sees the certificate when the handshake ends, before a byte of ours goes out. Neither name nor date counts (1.1), only the hash."""

    def do_handshake(self):
        super().do_handshake()
        self.context.device.look_at(sha256(self.getpeercert(binary_form=True)))


class Device:
    def __init__(self, path):
        # kept: what survives a power cut. cert: hash of the one certificate it trusts, "" where it was bound on ws; outbox: messages
        # without ack, by id; rids: of replies already shown.
        self.path = path
        self.kept = dict(seed=enc(os.urandom(32)), place="", spk="", cert="", token="", epoch="", last_n=0, rids=[], outbox={})
        if os.path.exists(path):
            self.kept.update(json.load(open(path, encoding="utf-8")))
        self.be(self.kept["seed"])
        self.mine, self.acked, self.answered, self.refused = ulid(), False, False, 0
        self.keep()  # the key is on disk before anybody sees it

    def be(self, seed):
        self.key = Ed25519PrivateKey.from_private_bytes(dec(seed))
        self.pk = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.name = base32(sha256(self.pk), 26)  # device_key

    def keep(self, **changes):  # the old file or the new one, never half of one
        self.kept |= changes
        with open(os.open(self.path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(pack(self.kept)), file.flush(), os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)

    # 1.1: the connection

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # `look_at` decides, and nothing else
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.device, context.sslobject_class = self, Trust
        return context

    def look_at(self, leaf):
        if self.pin is not None and (len(self.pin) < 16 or leaf[: len(self.pin)] != self.pin):
            raise ssl.SSLCertVerificationError("the certificate is another one")
        self.leaf, self.chan = leaf, "tls:" + enc(leaf)  # without a pin nothing is trusted yet: the binding proves it or fails

    async def send(self, **frame):
        await self.ws.send(pack(frame))

    async def next(self):  # the next frame, or a "tick" after a second without one; does the heartbeat (1.4)
        try:
            f = json.loads(await asyncio.wait_for(self.ws.recv(), 1))
        except asyncio.TimeoutError:
            silence = time.monotonic() - self.heard
            if silence >= 45:
                raise ConnectionError("45 s of silence")
            if silence >= 30:
                await self.send(t="ping", c=1)
            return {"t": "tick"}
        self.heard = time.monotonic()
        if f["t"] == "ping":
            await self.send(t="pong", c=f["c"])
        if f["t"] in ("err", "bye") and "re" not in f:  # about the connection, not about one message
            self.least = max(self.least, f.get("retry_ms", 0) / 1000)
            self.refused += f["t"] == "err" and f["code"] == 9003  # 5: try once more, then say so
            if f["code"] in FINAL or self.refused > 1:
                raise Refused(words(f))
            if f["t"] == "bye":
                raise ConnectionError(f"the service said goodbye, {f['code']}")
            say("err", words(f))
        return f

    async def expect(self, kind):  # what is not expected is not for us
        while (f := await self.next())["t"] != kind:
            pass
        return f

    # 2: becoming a device of this computer

    async def bind(self, hello, b, s, k):  # with the QR code, or with a typed one: then k is None, and sig and mac prove the key
        sn, spk, cn = dec(hello["sn"]), dec(hello["spk"]), os.urandom(32)
        if k is not None and sha256(spk)[:16] != k:
            raise Refused("This is not the computer of the QR code. 这不是二维码所指的电脑。")
        proof = mac(s, transcript("smartpi1-bind-device", b, sn, spk, self.pk, cn, self.chan, *ME))
        await self.send(t="bind", v=1, b=enc(b), pk=enc(self.pk), cn=enc(cn), name=ME[0], kind=ME[1], confirm=ME[2], mac=enc(proof))
        answer = await self.expect("bind_wait")
        theirs = transcript("smartpi1-bind-service", b, sn, spk, self.pk, cn, self.chan)
        verify(spk, answer["sig"], theirs)
        if not hmac.compare_digest(dec(answer["mac"]), mac(s, theirs)):
            raise Refused("The computer does not know the code. 电脑不认识此码。")
        await self.shown(hello, digits(mac(s, transcript("smartpi1-bind-code", b, sn, spk, self.pk, cn)), 2))

    async def announce(self, hello):  # 2.2: neither side can choose its nonce after it saw the other's
        sn, spk, cn = dec(hello["sn"]), dec(hello["spk"]), os.urandom(32)
        commit = sha256(transcript("smartpi1-announce-commit", self.pk, cn))
        await self.send(t="announce", v=1, pk=enc(self.pk), name=ME[0], kind=ME[1], commit=enc(commit))
        answer = await self.expect("announce_wait")
        an = dec(answer["an"])
        verify(spk, answer["sig"], transcript("smartpi1-announce-service", spk, sn, an, self.pk, commit, self.chan, ME[0], ME[1]))
        await self.send(t="announce_reveal", cn=enc(cn))
        await self.shown(hello, digits(sha256(transcript("smartpi1-announce-code", spk, sn, an, self.pk, cn, self.chan)), 6))

    async def shown(self, hello, code):  # the person types it at the computer
        say("code", code)
        await self.send(t="bind_shown")
        ok = await self.expect("bind_ok")
        if self.leaf and sha256(dec(ok["cert"])) != self.leaf:
            raise Refused("The computer named another certificate. 电脑给出的证书不一致。")
        self.keep(place=self.place, spk=hello["spk"], cert=enc(self.leaf), token="", epoch="", last_n=0)

    # 3: the session

    async def auth(self, hello):  # after bind_ok too: sn of the same hello, a new cn
        if not self.kept["spk"]:  # a script's first time: the pin of the certificate, or the loopback, speaks for the computer
            self.keep(spk=hello["spk"], cert=enc(self.leaf))
        if hello["spk"] != self.kept["spk"]:
            raise Refused("Not the computer this device is bound to. 这不是已绑定的电脑。")
        spk, sn, cn, last_n = dec(hello["spk"]), dec(hello["sn"]), os.urandom(32), self.kept["last_n"]
        remembered = dict(v=1, cn=enc(cn), epoch=self.kept["epoch"], last_n=last_n)
        if self.kept["token"]:
            await self.send(t="token", token=self.kept["token"], **remembered)
        else:
            sig = self.key.sign(transcript("smartpi1-auth-device", spk, sn, cn, self.name, self.chan))
            await self.send(t="auth", device_key=self.name, sig=enc(sig), **remembered)
        ready = await self.expect("ready")
        verify(spk, ready["sig"], transcript("smartpi1-auth-service", spk, sn, cn, self.name, self.chan))
        self.refused, self.live, reset = 0, time.monotonic(), ready["resume"] == "reset"
        self.keep(epoch=ready["epoch"], last_n=0 if reset else last_n)
        if reset and self.acked and not self.answered:
            raise Refused("The computer lost the message; ask again. 消息已丢失，请重新发送。")

    async def talk(self):  # 3.1; returns when the message of this run is answered
        done, missed, again = False, self.acked, 0  # missed: "turn" is not stored, its "done" may have passed in the outage
        while not (self.answered and (done or missed)):
            if time.monotonic() >= again:
                for id, text in self.kept["outbox"].items():
                    await self.send(t="msg", id=id, text=text)
                again = float("inf")
            f = await self.next()
            mine = f.get("re") == self.mine
            match f["t"]:
                case "ack":
                    self.kept["outbox"].pop(f["id"], None)
                    self.keep()
                    self.acked |= f["id"] == self.mine
                    say("ack", f["st"])
                case "partial":
                    say("partial", f["text"])
                case "turn" if mine:
                    done, missed = f["s"] in ("done", "failed"), False
                case "tick" if done:
                    return say("The assistant had nothing to say. 助手没有回答。")
                case "reply":
                    if f["n"] > self.kept["last_n"]:  # remember, then show: a power cut in between never shows it twice
                        rids = self.kept["rids"]
                        self.keep(last_n=f["n"], rids=[*rids[-999:], f["rid"]])
                        if f["rid"] not in rids:
                            say("reply", f["text"])
                    self.answered |= mine
                    await self.send(t="got", n=f["n"])
                case "err" if "re" in f:  # about one message
                    say("err", words(f))
                    if f["code"] in (9005, 9008, 9009, 9015):
                        again = time.monotonic() + f.get("retry_ms", 5000) / 1000
                    elif f["code"] not in (9002, 9017):  # these two only tell that the answer takes longer
                        again, self.mine, text = 0, ulid(), self.kept["outbox"].pop(f["re"], "")
                        self.keep(outbox=self.kept["outbox"] | ({self.mine: text} if f["code"] == 9011 else {}))  # under a new id
                        if f["code"] != 9011:
                            raise Refused("The message was not taken. 消息未被接受。")

    async def run(self, place, pin, join, message):
        """place: where to connect. pin: what its certificate's hash begins with, None to prove it later. join: how to be bound, or None."""
        failures, self.place = 0, place or self.kept["place"]
        if not self.place:
            raise Refused("Not bound yet: give the URL of a QR code. 尚未绑定，请提供二维码网址。")
        if self.kept["cert"] and not self.place.startswith("wss:"):  # 1.1: there is no way down
            raise Refused("This device was bound with encryption and does not go back. 此设备已加密绑定，不会改用未加密连接。")
        if message:
            self.kept["outbox"][self.mine] = message  # stays there until its ack
        if not join:
            self.keep()  # else the binding does it: what was meant for a computer that was never bound is not kept
        while True:
            self.least, self.live, self.heard, self.leaf, self.chan = 0, None, time.monotonic(), b"", "plain"
            self.pin = pin if join else dec(self.kept["cert"])
            secure = dict(ssl=self.tls()) if self.place.startswith("wss:") else {}
            limits = dict(compression=None, ping_interval=None, max_size=65536, close_timeout=2)
            try:
                async with websockets.connect(self.place, **secure, **limits) as self.ws:
                    hello = await self.expect("hello")
                    if join:
                        await join(hello)
                        join = None  # a code works once
                    await self.auth(hello)
                    return await self.talk()
            except ssl.SSLCertVerificationError:
                raise Refused("Another computer answers there: its certificate is not the one. 由另一台电脑响应：证书不符。")
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:  # a redirect too: it is never followed
                if join:
                    raise Refused(f"Binding broke off ({error}); ask for a new code. 绑定中断，请重新获取绑定码。")
                failures = 1 if self.live and time.monotonic() - self.live > 60 else failures + 1
                say("offline", error)
                await asyncio.sleep(max(self.least, random.uniform(0, min(30, 0.5 * 2 ** min(failures, 6)))))  # 1.5: full jitter


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="BINDING_URL | MESSAGE")
    parser.add_argument("--identity", default=os.environ.get("SMARTPI_DEVICE", "device.json"), help="or $SMARTPI_DEVICE")
    parser.add_argument("--plain", action="store_true", help="bind without TLS, as a device that has none")
    parser.add_argument("--code", help="the code that a person typed"), parser.add_argument("--token")
    parser.add_argument("--announce", metavar="IP:PORT"), parser.add_argument("--address", metavar="IP:PORT")
    parser.add_argument("--certificate", metavar="HASH", help="with --token, from another computer: `f` of the service's certificate")
    given = sys.argv[1:]
    if "--certificate" in given[:-1]:  # base64url: one hash in 64 begins with a hyphen, which would be taken for an option
        at = given.index("--certificate")
        given[at : at + 2] = [f"--certificate={given[at + 1]}"]
    args = parser.parse_args(given)
    url = args.words.pop(0) if args.words and "/b#" in args.words[0] else ""
    message = " ".join(args.words)
    if len(message.encode()) > 32768 or len(pack(message).encode()) > 65000:
        raise Refused("The message is too long. 消息太长。")
    if sum(map(bool, (url, args.code, args.announce, args.token))) > 1:
        raise Refused("Name one way in. 请只指定一种接入方式。")
    if args.address and not (args.code or args.token) or args.certificate and not args.token or args.plain and not url:
        raise Refused("--address goes with --code or --token, --certificate with --token, --plain with a QR code. 选项组合无效。")
    device = Device(args.identity)
    place = pin = join = None
    if url:
        qr = re.fullmatch(r"http://([^/]+)/b#1\.([\w-]{11})\.([\w-]{22})\.([\w-]{22})(?:\.([\w-]{22})(\..*)?)?", url)
        if not qr:
            raise Refused("Unknown kind of QR code: update this program. 无法识别此二维码，请更新程序。")
        b, s, k = map(dec, qr.groups()[1:4])
        pin = dec(qr[5]) if qr[5] and not args.plain else None
        place, join = f"{'wss' if pin else 'ws'}://{qr[1]}/device", lambda hello: device.bind(hello, b, s, k)
    elif args.announce:
        place, join = f"wss://{args.announce}/device", device.announce
    elif args.code or args.token:
        if not args.address:
            raise Refused("Say where: --address IP:PORT. 请用 --address IP:PORT 指定地址。")
        place = f"wss://{args.address}/device"
        if args.code:
            b, s = typed_code(args.code)
            join = lambda hello: device.bind(hello, b, s, None)
        else:  # whoever reads a token can be this device: it goes to a known certificate, or does not leave this computer
            seed, cert = enc(token_seed(args.token)), args.certificate or ""
            if not cert and ipaddress.ip_address(args.address.rpartition(":")[0].strip("[]")).is_loopback:
                place = f"ws://{args.address}/device"
            elif len(dec(cert)) < 16:
                raise Refused("A token needs --certificate, except on this computer. 除本机外，令牌需配合 --certificate 使用。")
            if seed != device.kept["seed"]:
                if device.kept["spk"]:
                    raise Refused("This file holds another device: name a new one with --identity. 此文件属于另一设备，请用 --identity 另选。")
                device.keep(seed=seed, token=args.token, place=place, cert=cert)
                device.be(seed)
    asyncio.run(device.run(place, pin, join, message))


if __name__ == "__main__":
    try:
        main()
    except (Refused, InvalidSignature, KeyError, ValueError, KeyboardInterrupt) as error:
        sys.exit(f"stopped: {type(error).__name__} {error}")
