import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket as WsSocket } from "ws";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { handleSend } from "../src/actions.ts";
import { Bridge } from "../src/bridge.ts";
import { chooseDevice, findDevice } from "../src/devices.ts";
import type { ActionContext } from "../src/host.ts";
import type { Link, Socket } from "../src/link.ts";
import { Code, type Push } from "../src/wire.ts";
import { FakeService } from "./fake-service.ts";

const [A, B, C] = ["kzdvvj2umnduyauf35o36k6kw4", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbb"] as const;
const DEVICES = [{ deviceKey: A, name: "Kitchen" }, { deviceKey: B, name: "Study" }, { deviceKey: C, name: "Study" }];
const SESSION = `agent:main:openclaw-smartpi:default:direct:${B}`;

describe("a target", () => {
  test.each([
    [A, A], [A.toUpperCase(), A], [`openclaw-smartpi:${A}`, A], ["Kitchen", A], [" kitchen ", A], ["user:Kitchen", A], [C, C],
  ])("%s", (target, key) => expect(chooseDevice(DEVICES, target).deviceKey).toBe(key));

  test("a wrong one is told with the names that there are, never a key", () => {
    const told = (target: string, devices = DEVICES): string => {
      try {
        return chooseDevice(devices, target).deviceKey;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(told("Bath")).toBe('There is no SmartPi device "Bath". Known devices: "Kitchen", "Study", "Study"');
    expect(told("Study")).toBe('2 SmartPi devices are called "Study". Use the key of one of them, or ask the owner to rename one');
    expect(told("x", [])).toBe('There is no SmartPi device "x". No device is bound yet');
    expect(told("c".repeat(26))).toContain("Known devices");
    const many = Array.from({ length: 30 }, (_, index) => ({ deviceKey: A, name: `d${index}` }));
    expect(told("x", many)).toContain('"d19" and 10 more');
  });
});

describe("a message of the tool", () => {
  let home: string;
  let service: FakeService;
  let bridge: Bridge;
  let control: Server;
  let link: Link;
  const lines: string[] = [];
  const log = { info: (line: string) => void lines.push(line), warn: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) };
  const cfg = (): Record<string, unknown> => ({ channels: { "openclaw-smartpi": { linkKeyFile: service.linkKeyFile } } });
  const open = async (): Promise<void> => {
    bridge = await Bridge.open(home, log);
    const agent = { run: () => new Promise<never>(() => undefined) };
    link = bridge.start(agent, log, { linkKeyFile: service.linkKeyFile, pluginVersion: "0", hostVersion: "0", random: () => 0, openSocket: (url) => new WsSocket(url) as unknown as Socket }, { onReady: () => undefined, onDown: () => undefined });
  };
  const close = async (): Promise<void> => {
    bridge.stop(link);
    await bridge.outbox.close();
    await bridge.answered.close();
  };
  const send = (params: Record<string, unknown>, more: Partial<ActionContext> = {}, answerMs = 2_000) => handleSend(bridge, { action: "send", cfg: cfg(), params, ...more }, answerMs);
  const pushes = (): Push[] => service.frames("push");

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "smartpi-actions-"));
    const address = join(home, "control.sock");
    control = createServer((socket) => socket.on("data", () => socket.write(`${JSON.stringify({ id: 1, ok: { devices: DEVICES } })}\n`)));
    await new Promise<void>((resolve) => control.listen(address, resolve));
    service = new FakeService({ folder: join(home, "service"), control: address });
    await service.start();
    await open();
    await service.linked();
  });
  afterEach(async () => {
    await close();
    await service.stop();
    control.close();
    rmSync(home, { recursive: true, force: true });
  });

  test("names the agent of the session, or the command line", async () => {
    await send({ target: "Kitchen", message: "one" }, { sessionKey: SESSION, agentId: "main" });
    await send({ to: A, message: "two" }, { agentId: "main" });
    await send({ to: A, message: "three", media: "/x/cat.png" }, { sessionKey: "agent:ops:cron:7", agentId: "ops" });
    expect(pushes().map(({ to, text, by, re_turn }) => ({ to, text, by, re_turn }))).toMatchObject([
      { to: A, text: "one", by: "agent:main" }, { to: A, text: "two", by: "terminal" }, { to: A, text: expect.stringContaining("cat.png"), by: "agent:ops" },
    ]);
  });

  test("tells the agent what the service says", async () => {
    const taken = await send({ target: "Kitchen", message: "hello" });
    expect(taken.details).toMatchObject({ ok: true, device: "Kitchen", to: A });
    expect(taken.details).not.toHaveProperty("note");
    service.stores = false;
    const refused = send({ target: "Kitchen", message: "again" });
    const frame = await service.until("the push", () => pushes()[1]);
    service.send({ t: "refused", rid: frame.rid, code: Code.NotAllowed });
    await expect(refused).rejects.toThrow("The owner has not allowed messages to this device");
    expect(bridge.outbox.size).toBe(0);
    await expect(send({ target: "Bath", message: "x" })).rejects.toThrow('Known devices: "Kitchen"');
    await expect(send({ target: "Kitchen", message: " " })).rejects.toThrow("empty");
    await expect(send({ message: "x" })).rejects.toThrow("Name the SmartPi device");
    expect((await send({ target: "Kitchen", message: "slow" }, {}, 20)).details).toHaveProperty("note");
  });

  /** What came of three messages that were sent while the service was away, over a restart of this side too. */
  async function overARestart(between: () => void): Promise<string[]> {
    await service.stop();
    for (const text of ["1", "2", "3"]) expect((await send({ target: A, message: text })).details).toHaveProperty("note");
    await close();
    between();
    await service.start();
    await open();
    await service.linked();
    await send({ target: A, message: "last" });
    return [...service.kept.values()].map((frame) => (frame as Push).text);
  }

  test("kept while the service is away, and delivered once, in order, after a restart of both", async () => {
    expect(await overARestart(() => undefined)).toEqual(["1", "2", "3", "last"]);
  });

  test("a plugin that loses its outbox at a restart is caught", async () => {
    expect(await overARestart(() => writeFileSync(join(home, "smartpi", "outbox.jsonl"), ""))).not.toEqual(["1", "2", "3", "last"]);
  });

  test("while the service is away a name cannot be looked up, a key can", async () => {
    await service.stop();
    await expect(findDevice(cfg(), "Kitchen")).rejects.toThrow("SmartPi is not running");
    expect((await findDevice(cfg(), A)).deviceKey).toBe(A);
  });
});
