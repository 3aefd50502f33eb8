import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import qrcode from "qrcode-generator";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { registerCommands, type Terminal } from "../src/cli.ts";
import type { Command } from "../src/host.ts";
import { terminalQr } from "../src/qr.ts";

const URL_TEXT = "http://192.168.1.23:8765/b#1.AQIDBAUGBwg.EBESExQVFhcYGRobHB0eHw.JPbtasv-EAnAMNfKVnwzyg";
const KEY = "kzdvvj2umnduyauf35o36k6kw4";
const DEVICE = { deviceKey: KEY, name: "Küche 厨房", kind: "phone", state: "online", lastSeenMs: 1_763_640_000_000, waiting: 3, boundAtMs: 1 };

/** Remembers the commands the way the host's library does. */
class FakeCommand implements Command {
  readonly path: string;
  readonly all: Map<string, (...args: unknown[]) => Promise<void>>;
  constructor(path = "", all = new Map<string, (...args: unknown[]) => Promise<void>>()) {
    this.path = path;
    this.all = all;
  }
  command(name: string): Command {
    return new FakeCommand(`${this.path} ${name}`.trim(), this.all);
  }
  description(): Command {
    return this;
  }
  option(): Command {
    return this;
  }
  argument(): Command {
    return this;
  }
  action(run: (...args: never[]) => Promise<void>): Command {
    this.all.set(this.path, run as (...args: unknown[]) => Promise<void>);
    return this;
  }
}

let folder: string;
let server: Server;
let requests: Record<string, unknown>[];
let answers: (request: Record<string, unknown>, socket: Socket) => object[];

async function cli(command: string, options: object = {}, argument?: string, terminal: Partial<Terminal> = {}): Promise<{ out: string; err: string; code: unknown; questions: string[] }> {
  const result = { out: "", err: "", code: undefined as unknown, questions: [] as string[] };
  const program = new FakeCommand();
  registerCommands(program, { channels: { "openclaw-smartpi": { linkKeyFile: join(folder, "link.key") } } }, {
    out: (text) => (result.out += `${text}\n`),
    err: (text) => (result.err += `${text}\n`),
    isInteractive: false,
    inColour: false,
    confirm: (question) => {
      result.questions.push(question);
      return Promise.resolve(true);
    },
    ...terminal,
  });
  process.exitCode = undefined;
  const run = program.all.get(`smartpi accounts ${command}`);
  if (!run) throw new Error(`no command ${command}: ${[...program.all.keys()].join(", ")}`);
  await (argument === undefined ? run(options) : run(argument, options));
  result.code = process.exitCode;
  process.exitCode = undefined;
  return result;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "smartpi-cli-"));
  requests = [];
  answers = () => [];
  server = createServer((socket) => {
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      text += String(chunk);
      if (!text.endsWith("\n")) return;
      const request = JSON.parse(text) as Record<string, unknown>;
      text = "";
      requests.push(request);
      socket.write(answers(request, socket).map((answer) => `${JSON.stringify(answer)}\n`).join(""));
    });
  });
  const address = process.platform === "win32" ? `\\\\.\\pipe\\smartpi-${process.pid}-${Date.now()}` : join(folder, "control.sock");
  await new Promise<void>((resolve) => server.listen(address, resolve));
  writeFileSync(join(folder, "service.json"), JSON.stringify({ port: 8765, pid: 1, control: address }));
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

describe("bind", () => {
  const ticket = (): object => ({ id: 1, ok: { bind: "AQIDBAUGBwg", url: URL_TEXT, expiresMs: Date.now() + 180_000, reach: "network" } });

  test("without a terminal it prints the binding URL on a line of its own, the QR, and leaves", async () => {
    answers = () => [ticket()];
    const { out, err, code } = await cli("bind");
    expect(out.split("\n")[0]).toBe(`绑定ID: ${URL_TEXT}`);
    expect(out).toContain(terminalQr(URL_TEXT, false));
    expect(out).toContain("smartpi devices approve");
    expect([err, code]).toEqual(["", undefined]);
    expect(requests.map((request) => request.do)).toEqual(["bind.start"]);
  });

  test("--json prints exactly the three fields", async () => {
    answers = () => [{ id: 1, ok: { bind: "b", url: URL_TEXT, expiresMs: 5, reach: "computer" } }];
    const { out } = await cli("bind", { json: true }, undefined, { isInteractive: true });
    expect(JSON.parse(out)).toEqual({ url: URL_TEXT, bind: "b", expiresMs: 5 });
  });

  test("on a terminal it follows the binding to its end and never confirms it", async () => {
    answers = (request) => request.do === "bind.start" ? [ticket()] : [
      { id: 1, event: { state: "waiting", expiresMs: 1 } },
      { id: 1, event: { state: "scanned", name: "Küche", kind: "phone", address: "192.168.1.9" } },
      { id: 1, event: { state: "confirming", how: "allow", name: "Küche" } },
      { id: 1, event: { state: "bound", deviceKey: KEY, name: "Küche" } },
      { id: 1, ok: {} },
    ];
    const { out, code } = await cli("bind", {}, undefined, { isInteractive: true, inColour: true });
    expect(out).toContain("Scanned by Küche");
    expect(out).toContain("neither screen nor speaker");
    expect(out).toContain(`Bound: Küche (${KEY})`);
    expect(code).toBeUndefined();
    expect(requests).toEqual([{ id: 1, do: "bind.start" }, { id: 1, do: "bind.watch", bind: "AQIDBAUGBwg" }]);
  });

  test.each(["expired", "rejected", "second_claim", "wrong_code", "too_many_failures", "device_left", "replaced"])("failed by %s ends with 1 and says why in both languages", async (reason) => {
    answers = (request) => (request.do === "bind.start" ? [ticket()] : [{ id: 1, event: { state: "failed", reason } }, { id: 1, ok: {} }]);
    const { err, code } = await cli("bind", {}, undefined, { isInteractive: true });
    expect(code).toBe(1);
    expect(err).toMatch(/[\u4e00-\u9fff]/);
    expect(err).toMatch(/[a-z]{4}/);
  });

  test("a code for this computer only is told", async () => {
    answers = () => [{ id: 1, ok: { bind: "b", url: URL_TEXT, expiresMs: Date.now(), reach: "computer" } }];
    expect((await cli("bind")).out).toContain("on this computer only");
  });
});

describe("list and status", () => {
  test("a line for each device", async () => {
    answers = () => [{ id: 1, ok: { devices: [DEVICE, { ...DEVICE, deviceKey: "a".repeat(26), state: "offline", waiting: 0, agent: undefined }] } }];
    expect((await cli("list")).out).toBe(`${KEY}  Küche 厨房  在线 online  2025-11-20 12:00:00Z  3 条待发 waiting\n${"a".repeat(26)}  Küche 厨房  离线 offline  2025-11-20 12:00:00Z\n`);
  });
  test("none is told", async () => {
    answers = () => [{ id: 1, ok: { devices: [] } }];
    expect((await cli("list")).out).toContain("accounts bind");
  });
  test("--json is the answer of the service", async () => {
    answers = () => [{ id: 1, ok: { devices: [DEVICE] } }];
    expect(JSON.parse((await cli("list", { json: true })).out)).toEqual({ devices: [DEVICE] });
  });
  test("status tells the last turns", async () => {
    answers = () => [{ id: 1, ok: { ...DEVICE, turns: [{ id: "1", state: "done", outcome: "answered", receivedMs: 1_763_640_000_000, finalMs: 1_763_640_001_500, late: true }] } }];
    const { out } = await cli("status", {}, KEY);
    expect(out.split("\n")[1]).toBe("  2025-11-20 12:00:00Z  done answered  1.5 s  9002");
    expect(requests[0]).toEqual({ id: 1, do: "devices.status", deviceKey: KEY });
  });
  test("an unknown device is told in both languages, with its code", async () => {
    answers = () => [{ id: 1, failure: { code: "device_unknown", detail: KEY } }];
    const { err, code } = await cli("status", {}, KEY);
    expect(code).toBe(1);
    expect(err).toContain("没有这个设备");
    expect(err).toContain(`(device_unknown: ${KEY})`);
    expect(JSON.parse((await cli("status", { json: true }, KEY)).out)).toMatchObject({ failure: { code: "device_unknown" } });
  });
});

describe("remove", () => {
  beforeEach(() => {
    answers = (request) => [{ id: 1, ok: request.do === "devices.remove" ? { lostMessages: 2, lostReplies: 1 } : { ...DEVICE, turns: [] } }];
  });
  test("asks on a terminal", async () => {
    const { out, questions } = await cli("remove", {}, KEY, { isInteractive: true });
    expect(questions[0]).toContain("Küche 厨房");
    expect(out).toContain("2 messages and 1 replies dropped");
    expect(requests.map((request) => request.do)).toEqual(["devices.status", "devices.remove"]);
  });
  test("a no removes nothing", async () => {
    const { code } = await cli("remove", {}, KEY, { isInteractive: true, confirm: () => Promise.resolve(false) });
    expect(code).toBe(1);
    expect(requests.map((request) => request.do)).toEqual(["devices.status"]);
  });
  test("without a terminal it needs --yes", async () => {
    expect((await cli("remove", {}, KEY)).code).toBe(1);
    expect(requests).toEqual([]);
    const { out, code } = await cli("remove", { yes: true, json: true }, KEY);
    expect(JSON.parse(out)).toEqual({ lostMessages: 2, lostReplies: 1 });
    expect(code).toBeUndefined();
  });
});

describe("a service that does not answer", () => {
  const expectNotRunning = async (): Promise<void> => {
    const { out, err, code } = await cli("list");
    expect([out, code]).toEqual(["", 1]);
    expect(err).toContain("SmartPi 服务未运行");
    expect(err).toContain("The SmartPi service is not running");
    const json = await cli("list", { json: true });
    expect(JSON.parse(json.out)).toMatchObject({ failure: { code: "not_running" } });
    expect(json.code).toBe(1);
  };
  test("no service.json", async () => {
    rmSync(join(folder, "service.json"));
    await expectNotRunning();
  });
  test("nobody at the socket", async () => {
    writeFileSync(join(folder, "service.json"), JSON.stringify({ port: 1, pid: 1, control: join(folder, "gone.sock") }));
    await expectNotRunning();
  });
  test("it closes without a word", async () => {
    answers = (_request, socket) => {
      socket.destroy();
      return [];
    };
    await expectNotRunning();
  });
  test("it answers nonsense", async () => {
    answers = () => [["what"]];
    const { err, code } = await cli("list");
    expect(code).toBe(1);
    expect(err).toContain("not understood");
  });
});

describe("the terminal's QR", () => {
  test("is the same picture in both ways of painting", () => {
    const plain = terminalQr(URL_TEXT, false).split("\n");
    const painted = terminalQr(URL_TEXT, true).split("\n").map((line) => line.replace(/\u001b\[[0-9;]*m/g, ""));
    const opposite: Record<string, string> = { "█": " ", " ": "█", "▀": "▄", "▄": "▀" };
    expect(painted.map((line) => [...line].map((sign) => opposite[sign]).join(""))).toEqual(plain);
    expect(new Set(plain.map((line) => line.length)).size).toBe(1);
    expect(plain[0]).toMatch(/^█+$/);
  });

  test("has every module of the code where it belongs", () => {
    const code = qrcode(0, "M");
    code.addData(URL_TEXT, "Byte");
    code.make();
    const size = code.getModuleCount();
    const rows = terminalQr(URL_TEXT, false).split("\n").flatMap((line) => [[..."█▀"], [..."█▄"]].map((light) => [...line].map((sign) => !light.includes(sign))));
    for (let row = 0; row < size; row += 1) for (let column = 0; column < size; column += 1) expect(rows[row + 2]?.[column + 2]).toBe(code.isDark(row, column));
    expect(rows[0]).toHaveLength(size + 4);
  });
});
