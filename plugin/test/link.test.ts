import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocket as WsSocket } from "ws";
import { Link, type DownReason, type LinkOptions, type Socket } from "../src/link.ts";
import { linkReadyMac, type FromService } from "../src/wire.ts";
import { FakeService } from "./fake-service.ts";

const GATEWAY = "00112233445566778899aabbccddeeff";
const openSocket = (url: string): Socket => new WsSocket(url, { perMessageDeflate: false }) as unknown as Socket;

interface Seen { ready: number[]; frames: FromService[]; downs: { reason: DownReason; detail: string; retryMs: number | undefined }[] }

let folder: string;
let service: FakeService;
const links: Link[] = [];

function dial(options: Partial<LinkOptions> = {}): { link: Link; seen: Seen } {
  const seen: Seen = { ready: [], frames: [], downs: [] };
  const link = new Link({
    linkKeyFile: service.linkKeyFile,
    gateway: GATEWAY,
    pluginVersion: "0.1.0",
    hostVersion: "2026.9.6",
    openSocket,
    random: () => 0,
    events: {
      onReady: (gen) => seen.ready.push(gen),
      onFrame: (frame) => seen.frames.push(frame),
      onDown: (reason, detail, retryMs) => seen.downs.push({ reason, detail, retryMs }),
    },
    ...options,
  });
  links.push(link);
  link.start();
  return { link, seen };
}

const down = (seen: Seen): Promise<Seen["downs"][number]> => service.until("the link to be down", () => seen.downs[0]);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "smartpi-link-"));
  service = new FakeService({ folder });
});

afterEach(async () => {
  for (const link of links.splice(0)) link.stop();
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("handshake", () => {
  test("both sides prove the key, and only auth goes before", async () => {
    await service.start();
    const { link, seen } = dial();
    expect(link.send({ t: "accepted", turn: "x" })).toBe(false);
    await service.until("ready", () => seen.ready.length === 1);
    expect(seen.ready).toEqual([1]);
    expect(service.beforeReady).toHaveLength(1);
    expect(service.hellos[0]).toMatchObject({ v: 1, gateway: GATEWAY, plugin: "0.1.0", host: "2026.9.6" });
    expect(link.send({ t: "accepted", turn: "x" })).toBe(true);
    await service.until("the frame", () => service.frames("accepted", "x")[0]);
  });

  test("a service that does not know the key gets nothing, whatever it sends", async () => {
    const heard: string[] = [];
    service.greet = (socket) => {
      socket.on("message", (data) => {
        heard.push(String(data));
        socket.send(JSON.stringify({ t: "ping", c: 1 }));
        socket.send(JSON.stringify({ t: "deliver", turn: "d.m", device: "d", name: "n", text: "x", ts: 1 }));
        socket.send(JSON.stringify({ t: "dance" }));
        const { cn, gateway } = JSON.parse(String(data)) as { cn: string; gateway: string };
        socket.send(JSON.stringify({ t: "ready", gen: 1, mac: linkReadyMac({ key: new Uint8Array(32), sn, cn, gateway }, 1) }));
      });
      const sn = Buffer.alloc(32, 7).toString("base64url");
      socket.send(JSON.stringify({ t: "hello", v: { min: 1, max: 1 }, sn, epoch: "e", hb: 30 }));
    };
    await service.start();
    const { seen } = dial();
    expect(await down(seen)).toMatchObject({ reason: "service_not_proven", retryMs: 30_000 });
    expect(heard.map((text) => (JSON.parse(text) as { t: string }).t)).toEqual(["auth"]);
    expect(seen.frames).toEqual([]);
    expect(seen.ready).toEqual([]);
  });

  test("a wrong key is told, and not tried ten times a minute", async () => {
    await service.start();
    writeFileSync(service.linkKeyFile, Buffer.alloc(32, 1));
    const { seen } = dial();
    expect(await down(seen)).toMatchObject({ reason: "key_refused", retryMs: 30_000 });
  });

  test.each([
    ["other versions", { t: "hello", v: { min: 2, max: 3 }, sn: Buffer.alloc(32).toString("base64url"), epoch: "e", hb: 30 }, "other_version", 60_000],
    ["another gateway linked (9022)", { t: "err", code: 9022, en: "Another.", zh: "另一个。" }, "other_gateway", 60_000],
    ["a frame that is none", [1], "protocol", 0],
  ])("%s", async (_name, frame, reason, retryMs) => {
    service.greet = (socket) => {
      socket.send(JSON.stringify(frame));
      socket.send(JSON.stringify({ t: "bye", code: 9022 }));
      socket.close(4003);
    };
    await service.start();
    const { seen } = dial();
    expect(await down(seen)).toMatchObject({ reason, retryMs });
  });

  test("9021 stays closed", async () => {
    await service.start();
    const { link, seen } = dial();
    await service.until("ready", () => seen.ready.length === 1);
    service.send({ t: "bye", code: 9021 });
    expect(await down(seen)).toMatchObject({ reason: "replaced", retryMs: undefined });
    expect(link.isReady).toBe(false);
  });

  test("retry_ms is the least wait", async () => {
    await service.start();
    const { seen } = dial();
    await service.until("ready", () => seen.ready.length === 1);
    service.send({ t: "bye", code: 9015, retry_ms: 1_234 });
    expect(await down(seen)).toMatchObject({ reason: "closed", retryMs: 1_234 });
  });
});

describe("files of the service", () => {
  test("no service: it waits for service.json and dials at once when it appears", async () => {
    const { seen } = dial({ random: () => 1 });
    expect((await down(seen)).reason).toBe("service_absent");
    await service.start();
    await service.until("ready", () => seen.ready.length === 1);
  });

  test("a stale service.json names a port where nobody listens", async () => {
    const port = await service.start();
    await service.stop();
    writeFileSync(join(folder, "service.json"), JSON.stringify({ port, pid: 1 }));
    const { seen } = dial({ random: () => 1 });
    expect((await down(seen)).reason).toBe("refused_connection");
  });

  test("a new port is found after a restart, and the same gateway comes back", async () => {
    await service.start();
    const { seen } = dial();
    await service.until("ready", () => seen.ready.length === 1);
    await service.stop();
    await service.start();
    await service.until("ready again", () => seen.ready.length === 2);
    expect(service.hellos.map((hello) => hello.gateway)).toEqual([GATEWAY, GATEWAY]);
  });

  test.each([
    ["damaged", () => writeFileSync(service.linkKeyFile, "short")],
    ["absent", () => rmSync(service.linkKeyFile)],
    ["readable by others", () => chmodSync(service.linkKeyFile, 0o640)],
  ])("a key that is %s is not used", async (_name, spoil) => {
    await service.start();
    spoil();
    const { seen } = dial({ random: () => 1 });
    expect((await down(seen)).reason).toBe("service_files");
    expect(service.headers).toHaveLength(0);
  });
});

describe("a link that stands", () => {
  test("an unknown frame is answered and the link kept; a broken one ends it", async () => {
    await service.start();
    const { link, seen } = dial();
    await service.until("ready", () => seen.ready.length === 1);
    service.send({ t: "dance" });
    const answer = await service.until("the answer", () => service.frames("err")[0]);
    expect(answer).toMatchObject({ code: 9007, of: "dance" });
    expect(link.isReady).toBe(true);
    service.send({ t: "deliver" });
    expect(await down(seen)).toMatchObject({ reason: "protocol" });
    await service.until("bye", () => service.frames("bye")[0]);
  });

  test("ping is answered with the same c", async () => {
    await service.start();
    const { seen } = dial();
    await service.until("ready", () => seen.ready.length === 1);
    service.send({ t: "ping", c: 77 });
    expect(await service.until("pong", () => service.frames("pong")[0])).toEqual({ t: "pong", c: 77 });
    expect(seen.frames).toEqual([]);
  });
});

describe("timers", () => {
  class StillSocket implements Socket {
    onopen: Socket["onopen"] = null;
    onmessage: Socket["onmessage"] = null;
    onclose: Socket["onclose"] = null;
    onerror: Socket["onerror"] = null;
    readonly sent: { t: string; [field: string]: unknown }[] = [];
    closed: number | undefined;
    send(text: string): void {
      this.sent.push(JSON.parse(text) as { t: string });
    }
    close(code?: number): void {
      this.closed = code;
    }
    hear(frame: object): void {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }
  }

  let sockets: StillSocket[];

  async function still(random = 0): Promise<Seen> {
    await service.start();
    vi.useFakeTimers();
    sockets = [];
    const { seen } = dial({
      random: () => random,
      openSocket: () => {
        const socket = new StillSocket();
        sockets.push(socket);
        return socket;
      },
    });
    await vi.waitFor(() => expect(sockets).toHaveLength(1));
    return seen;
  }

  function greet(socket: StillSocket): void {
    const sn = Buffer.alloc(32, 9).toString("base64url");
    socket.hear({ t: "hello", v: { min: 1, max: 1 }, sn, epoch: "e", hb: 30 });
    const cn = String(socket.sent[0]?.cn);
    socket.hear({ t: "ready", gen: 3, mac: linkReadyMac({ key: service.key, sn, cn, gateway: GATEWAY }, 3) });
  }

  afterEach(() => void vi.useRealTimers());

  test("silence of 30 s is asked about, of 45 s ends the link", async () => {
    const seen = await still();
    const socket = sockets[0] as StillSocket;
    greet(socket);
    expect(seen.ready).toEqual([3]);
    vi.advanceTimersByTime(29_999);
    expect(socket.sent.map(({ t }) => t)).toEqual(["auth"]);
    vi.advanceTimersByTime(1);
    expect(socket.sent.at(-1)).toEqual({ t: "ping", c: 1 });
    socket.hear({ t: "pong", c: 1 });
    vi.advanceTimersByTime(30_000);
    expect(socket.sent.at(-1)).toEqual({ t: "ping", c: 2 });
    vi.advanceTimersByTime(14_999);
    expect(seen.downs).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(seen.downs[0]?.reason).toBe("silent");
    expect(socket.closed).toBe(4012);
  });

  test("a service that does not greet is given up after 10 s", async () => {
    const seen = await still();
    vi.advanceTimersByTime(10_000);
    expect(seen.downs[0]?.reason).toBe("handshake_timeout");
  });

  test("waits grow with full jitter up to 30 s", async () => {
    const seen = await still(1);
    const waits: (number | undefined)[] = [];
    for (let count = 1; count <= 8; count += 1) {
      (sockets.at(-1) as StillSocket).onclose?.({ code: 1006 });
      waits.push(seen.downs.at(-1)?.retryMs);
      vi.advanceTimersByTime(30_000);
      await vi.waitFor(() => expect(sockets).toHaveLength(count + 1));
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    greet(sockets.at(-1) as StillSocket);
    vi.advanceTimersByTime(20_000);
    (sockets.at(-1) as StillSocket).hear({ t: "pong", c: 0 });
    vi.advanceTimersByTime(20_000);
    (sockets.at(-1) as StillSocket).hear({ t: "pong", c: 0 });
    vi.advanceTimersByTime(20_000);
    (sockets.at(-1) as StillSocket).onclose?.({ code: 1006 });
    expect(seen.downs.at(-1)?.retryMs).toBe(500);
  });
});
