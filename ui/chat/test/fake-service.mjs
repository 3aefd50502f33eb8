#!/usr/bin/env node
/**
 * A service for looking at the page: serves dist/ and speaks docs/PROTOCOL.md with node's own crypto, which shares no code with the page.
 *
 *   node test/fake-service.mjs [--host 192.168.1.23] [--port 8765] [--auto-confirm MS] [--name NAME]
 *
 * Prints one JSON line with the binding URL. Lines on stdin: `code` (a new one), `confirm DIGITS`, `refuse`, `remove`, `push TEXT`, `link offline|online`,
 * `drop` (all connections), `away` and `back` (accepts nobody), `next KIND ANSWER` (how the next message is answered: `plain`, `slow` for 9002 and a late answer,
 * `error`, `tool`, `hold` for none). A message that is one of these words is answered that way too.
 */
import { createHash, createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { WebSocketServer } from "ws";

const option = (name, fallback) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : fallback);
const host = option("--host", "127.0.0.1");
const port = Number(option("--port", "8765"));
const name = option("--name", "Study");
const autoConfirm = option("--auto-confirm", null);

const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
const raw = (text) => Buffer.from(text, "base64url");
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const spk = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
const keyFrom = (bytes) => createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: b64(bytes) }, format: "jwk" });
const transcript = (...parts) =>
  Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
const mac = (key, bytes) => createHmac("sha256", key).update(bytes).digest();
const deviceKey = (pk) => {
  const bits = [...createHash("sha256").update(pk).digest()].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return Array.from({ length: 26 }, (_, at) => "abcdefghijklmnopqrstuvwxyz234567"[parseInt(bits.slice(at * 5, at * 5 + 5), 2)]).join("");
};

const epoch = b64(randomBytes(3));
const devices = new Map();
let link = "online";
let away = false;
let code = null;
let claim = null;
let rids = 0;
let next = null;

function newCode() {
  code = { b: randomBytes(8), s: randomBytes(16), used: false };
  const k = createHash("sha256").update(spk).digest().subarray(0, 16);
  console.log(JSON.stringify({ url: `http://${host}:${server.address().port}/b#1.${b64(code.b)}.${b64(code.s)}.${b64(k)}` }));
}

const csp = (authority) =>
  `default-src 'self'; connect-src 'self' ws://${authority}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'`;
const files = { "/": "index.html", "/b": "index.html", "/chat.js": "chat.js", "/chat.css": "chat.css", "/icon.svg": "icon.svg" };
const kinds = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
const server = createServer((request, response) => {
  const file = files[new URL(request.url, "http://x").pathname];
  if (!file || away) return response.writeHead(away ? 503 : 404).end();
  response.writeHead(200, {
    "content-type": kinds[file.split(".").pop()],
    "content-security-policy": csp(request.headers.host),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(readFileSync(new URL(`../dist/${file}`, import.meta.url)));
});

const sockets = new Set();
const wss = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
server.on("upgrade", (request, socket, head) => {
  if (away || request.url !== "/device" || request.headers.origin !== `http://${request.headers.host}`) return socket.destroy();
  wss.handleUpgrade(request, socket, head, (ws) => session(ws));
});

function session(ws) {
  sockets.add(ws);
  const sn = randomBytes(32);
  const put = (frame) => ws.readyState === ws.OPEN && ws.send(JSON.stringify(frame));
  ws.put = put;
  ws.end = (errorCode, close) => {
    put({ t: "err", code: errorCode, en: "", zh: "" });
    put({ t: "bye", code: errorCode });
    ws.close(close);
  };
  put({
    t: "hello",
    v: { min: 1, max: 1 },
    sn: b64(sn),
    spk: b64(spk),
    name,
    epoch,
    hb: 30,
    limits: { frame: 65_536, text: 32_768, messages_per_s: 20, burst: 40, waiting: 1000 },
  });
  ws.on("close", () => sockets.delete(ws));
  ws.on("message", (data) => {
    const frame = JSON.parse(data.toString());
    if (frame.t === "ping") return put({ t: "pong", c: frame.c });
    if (frame.t === "bind") return onBind(ws, sn, frame);
    if (frame.t === "bind_shown" && claim?.ws === ws) {
      console.log(JSON.stringify({ confirming: claim.digits, name: claim.name }));
      if (autoConfirm !== null) setTimeout(() => confirm(claim?.digits), Number(autoConfirm));
      return;
    }
    if (frame.t === "auth") return onAuth(ws, sn, frame);
    if (ws.device === undefined) return ws.end(9007, 4007);
    if (frame.t === "got") ws.device.replies = ws.device.replies.filter((reply) => reply.n > frame.n);
    if (frame.t === "msg") onMessage(ws.device, frame);
  });
}

function onBind(ws, sn, frame) {
  const [pk, cn] = [raw(frame.pk), raw(frame.cn)];
  if (code === null || code.used || frame.b !== b64(code.b)) return ws.end(9001, 4003);
  const claimed = transcript("smartpi1-bind-device", code.b, sn, spk, pk, cn, "plain", frame.name, frame.kind, frame.confirm);
  if (b64(mac(code.s, claimed)) !== frame.mac) return ws.end(9001, 4003);
  code.used = true;
  const answer = transcript("smartpi1-bind-service", code.b, sn, spk, pk, cn, "plain");
  const digits = (mac(code.s, transcript("smartpi1-bind-code", code.b, sn, spk, pk, cn)).readBigUInt64BE() % 100n).toString().padStart(2, "0");
  claim = { ws, pk, digits, name: frame.name };
  ws.put({ t: "bind_wait", mac: b64(mac(code.s, answer)), sig: b64(sign(null, answer, privateKey)), expires_s: 120 });
}

function confirm(digits) {
  if (claim === null || digits !== claim.digits) return console.log(JSON.stringify({ wrong: digits ?? "" }));
  const key = deviceKey(claim.pk);
  devices.set(key, devices.get(key) ?? { key, pk: claim.pk, name: claim.name, messages: new Map(), replies: [], n: 0, ws: null, queue: Promise.resolve() });
  claim.ws.put({ t: "bind_ok", device_key: key });
  claim = null;
  console.log(JSON.stringify({ bound: key }));
}

function onAuth(ws, sn, frame) {
  const device = devices.get(frame.device_key);
  if (device === undefined) return ws.end(9004, 4004);
  const parts = [spk, sn, raw(frame.cn), frame.device_key, "plain"];
  if (!verify(null, transcript("smartpi1-auth-device", ...parts), keyFrom(device.pk), raw(frame.sig))) return ws.end(9003, 4003);
  if (device.ws !== null && device.ws !== ws && device.ws.readyState === ws.OPEN) {
    device.ws.put({ t: "bye", code: 9021 });
    device.ws.close(4010);
  }
  device.ws = ws;
  ws.device = device;
  const resume = frame.epoch === epoch ? "ok" : "reset";
  const sig = b64(sign(null, transcript("smartpi1-auth-service", ...parts), privateKey));
  ws.put({ t: "ready", device_key: device.key, name: device.name, epoch, n: device.n, resume, link, answer_s: 30, sig });
  for (const reply of device.replies) if (resume === "reset" || reply.n > frame.last_n) ws.put(reply);
}

function reply(device, fields) {
  const frame = { t: "reply", n: ++device.n, rid: `r-${++rids}`, ...fields };
  device.replies.push(frame);
  device.ws?.put(frame);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function onMessage(device, { id, text }) {
  const known = device.messages.has(id);
  device.ws.put({ t: "ack", id, st: known ? "dup" : "stored" });
  if (known) return;
  device.messages.set(id, text);
  console.log(JSON.stringify({ message: text, id }));
  if (link === "offline") device.ws.put({ t: "err", code: 9017, re: id, en: "", zh: "" });
  else device.ws.put({ t: "turn", re: id, s: "queued" });
  device.queue = device.queue.then(() => answer(device, id, text));
}

async function answer(device, id, text) {
  const put = (frame) => device.ws?.put(frame);
  while (link === "offline") await pause(100);
  const { kind, words } = next ?? { kind: text, words: text === "error" ? "The model is overloaded." : `You said: ${text}` };
  next = null;
  put({ t: "turn", re: id, s: "running", stage: kind === "tool" ? "tool" : "thinking" });
  if (kind === "hold") return;
  await pause(kind === "tool" ? 1500 : 150);
  const late = kind === "slow";
  if (late) {
    put({ t: "err", code: 9002, re: id, en: "", zh: "" });
    await pause(1500);
  }
  if (kind === "error") {
    put({ t: "turn", re: id, s: "failed" });
    return reply(device, { re: id, text: words, code: 9019 });
  }
  for (let end = 4; end < words.length; end += 4) {
    put({ t: "partial", re: id, text: words.slice(0, end) });
    await pause(30);
  }
  reply(device, { re: id, text: words, ...(late ? { late: true } : {}) });
  put({ t: "turn", re: id, s: "done" });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const [order, ...rest] = line.trim().split(" ");
  const [device] = [...devices.values()].slice(-1);
  const orders = {
    code: newCode,
    confirm: () => confirm(rest[0]),
    refuse: () => claim?.ws.end(9016, 4003),
    remove: () => {
      devices.delete(device?.key);
      device?.ws?.end(9004, 4004);
    },
    push: () => device && reply(device, { text: rest.join(" ") }),
    link: () => {
      link = rest[0];
      for (const ws of sockets) if (ws.device) ws.put({ t: "link", s: link });
    },
    drop: () => sockets.forEach((ws) => ws.terminate()),
    away: () => {
      away = true;
      sockets.forEach((ws) => ws.terminate());
    },
    back: () => (away = false),
    next: () => (next = { kind: rest[0], words: rest.slice(1).join(" ") }),
  };
  orders[order]?.();
});

server.listen(port, host, newCode);
