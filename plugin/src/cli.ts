/** `openclaw smartpi accounts ...`: a thin client of the running service. Nothing here approves a device: an agent has a shell too. */

import { createInterface } from "node:readline/promises";
import { readAccount } from "./config.ts";
import { ask, controlAddress, ControlError } from "./control.ts";
import type { Command, HostConfig } from "./host.ts";
import { terminalQr } from "./qr.ts";
import { BIND_FAILED, both, CONTROL_FAILED, DEVICE_STATE, SAY, type Words } from "./words.ts";

/** The terminal, so that tests need none. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a person can read and answer. */
  isInteractive: boolean;
  /** Whether the output takes colours. */
  inColour: boolean;
  confirm(question: string): Promise<boolean>;
}

/** The device as `devices.list` and `devices.status` tell it. */
interface Device { deviceKey: string; name: string; kind: string; state: string; lastSeenMs: number; waiting: number; boundAtMs: number }

interface Options { json?: boolean; yes?: boolean }

/** Adds the commands to the host's program. */
export function registerCommands(program: Command, config: HostConfig, terminal: Terminal = processTerminal()): void {
  const { linkKeyFile } = readAccount(config);
  const run = (work: (cli: Accounts) => Promise<void>, options: Options): Promise<void> => finish(work, new Accounts(linkKeyFile, terminal, options.json === true), terminal, options);
  const smartpi = program.command("smartpi").description("Bind and manage SmartPi devices (绑定和管理 SmartPi 设备)");
  const accounts = smartpi.command("accounts").description("Devices bound to this computer (已绑定的设备)");
  accounts
    .command("bind")
    .description("Show a QR code that binds one device (显示用于绑定设备的二维码)")
    .option("--json", "Print {url, bind, expiresMs} and leave (输出 JSON 后退出)")
    .action((options: Options) => run((cli) => cli.bind(), options));
  accounts
    .command("list")
    .description("List the devices (列出设备)")
    .option("--json", "Print JSON (输出 JSON)")
    .action((options: Options) => run((cli) => cli.list(), options));
  accounts
    .command("status")
    .description("Tell how a device is and how its last messages went (查看设备状态)")
    .argument("<deviceKey>", "The device (设备)")
    .option("--json", "Print JSON (输出 JSON)")
    .action((deviceKey: string, options: Options) => run((cli) => cli.status(deviceKey), options));
  accounts
    .command("remove")
    .description("Remove a device; it is disconnected at once (移除设备并立即断开)")
    .argument("<deviceKey>", "The device (设备)")
    .option("--json", "Print JSON (输出 JSON)")
    .option("--yes", "Do not ask (不再询问)")
    .action((deviceKey: string, options: Options) => run((cli) => cli.remove(deviceKey, options.yes === true), options));
}

async function finish(work: (cli: Accounts) => Promise<void>, cli: Accounts, terminal: Terminal, options: Options): Promise<void> {
  try {
    await work(cli);
  } catch (error) {
    process.exitCode = 1;
    const [code, words, detail] = explain(error);
    if (options.json) terminal.out(JSON.stringify({ failure: { code, detail, zh: words.zh, en: words.en } }));
    else terminal.err(both(words) + (detail ? `\n(${code}: ${detail})` : ""));
  }
}

/** An end that is no success and was told already by its words. */
class Refusal extends Error {
  readonly words: Words;
  readonly code: string;

  constructor(code: string, words: Words) {
    super(words.en);
    this.code = code;
    this.words = words;
  }
}

function explain(error: unknown): [string, Words, string] {
  if (error instanceof Refusal) return [error.code, error.words, ""];
  if (!(error instanceof ControlError)) throw error;
  if (error.code === "not_running") return [error.code, SAY.notRunning, error.message];
  if (error.code === "no_control") return [error.code, SAY.noControl, error.message];
  return [error.code, CONTROL_FAILED[error.code] ?? SAY.badAnswer, error.message];
}

class Accounts {
  readonly #linkKeyFile: string;
  readonly #terminal: Terminal;
  readonly #json: boolean;

  constructor(linkKeyFile: string, terminal: Terminal, json: boolean) {
    this.#linkKeyFile = linkKeyFile;
    this.#terminal = terminal;
    this.#json = json;
  }

  async bind(): Promise<void> {
    const { out, isInteractive, inColour } = this.#terminal;
    const address = await controlAddress(this.#linkKeyFile);
    const ticket = (await ask(address, { do: "bind.start" })) as { bind?: unknown; url?: unknown; expiresMs?: unknown; reach?: unknown };
    const { bind, url, expiresMs, reach } = ticket;
    if (typeof bind !== "string" || typeof url !== "string" || typeof expiresMs !== "number") throw new ControlError("bad_answer", "bind.start");
    if (this.#json) {
      out(JSON.stringify({ url, bind, expiresMs }));
      return;
    }
    const seconds = Math.max(0, Math.round((expiresMs - Date.now()) / 1000));
    out(`绑定ID: ${url}`);
    out("");
    out(terminalQr(url, inColour));
    out("");
    out(both(SAY.scan));
    if (reach === "computer") out(both(SAY.onlyHere));
    out(both(SAY.confirm));
    out(`${seconds} 秒内有效，只能使用一次。\nValid for ${seconds} s, once.`);
    if (isInteractive) await this.#follow(address, bind);
  }

  async #follow(address: string, bind: string): Promise<void> {
    const { out } = this.#terminal;
    let end: Record<string, unknown> = {};
    await ask(address, { do: "bind.watch", bind }, (event) => {
      const name = typeof event.name === "string" ? event.name : "";
      if (event.state === "scanned") out(`已扫描：${name}\nScanned by ${name}.`);
      else if (event.state === "confirming") out(both(event.how === "allow" ? SAY.confirmAllow : SAY.confirm));
      else if (event.state === "bound" || event.state === "failed") end = event;
    });
    if (end.state === "bound") out(`已绑定：${String(end.name)}（${String(end.deviceKey)}）\nBound: ${String(end.name)} (${String(end.deviceKey)}).`);
    else throw new Refusal("bind_failed", BIND_FAILED[String(end.reason)] ?? (BIND_FAILED.expired as Words));
  }

  async list(): Promise<void> {
    const answer = await ask(await controlAddress(this.#linkKeyFile), { do: "devices.list" });
    if (this.#json) {
      this.#terminal.out(JSON.stringify(answer));
      return;
    }
    const devices = Array.isArray(answer.devices) ? (answer.devices as Device[]) : [];
    if (devices.length === 0) this.#terminal.out(both(SAY.noDevices));
    for (const device of devices) this.#terminal.out(deviceLine(device));
  }

  async status(deviceKey: string): Promise<void> {
    const answer = await ask(await controlAddress(this.#linkKeyFile), { do: "devices.status", deviceKey });
    if (this.#json) {
      this.#terminal.out(JSON.stringify(answer));
      return;
    }
    this.#terminal.out(deviceLine(answer as unknown as Device));
    for (const turn of Array.isArray(answer.turns) ? (answer.turns as Record<string, unknown>[]) : []) {
      const received = typeof turn.receivedMs === "number" ? turn.receivedMs : undefined;
      const final = typeof turn.finalMs === "number" ? turn.finalMs : undefined;
      const took = received !== undefined && final !== undefined ? `  ${((final - received) / 1000).toFixed(1)} s` : "";
      this.#terminal.out(`  ${clock(received)}  ${String(turn.state)}${turn.outcome ? ` ${String(turn.outcome)}` : ""}${took}${turn.late ? "  9002" : ""}`);
    }
  }

  async remove(deviceKey: string, isSure: boolean): Promise<void> {
    const { confirm, isInteractive, out } = this.#terminal;
    const address = await controlAddress(this.#linkKeyFile);
    if (!isSure) {
      if (!isInteractive) throw new Refusal("not_confirmed", SAY.removeNeedsYes);
      const device = (await ask(address, { do: "devices.status", deviceKey })) as unknown as Device;
      const question = `移除 ${device.name}（${device.deviceKey}）？它的消息也会被删除。\nRemove ${device.name} (${device.deviceKey})? Its messages go too. [y/N] `;
      if (!(await confirm(question))) throw new Refusal("not_confirmed", SAY.kept);
    }
    const lost = await ask(address, { do: "devices.remove", deviceKey });
    if (this.#json) {
      out(JSON.stringify(lost));
      return;
    }
    const [messages, replies] = [Number(lost.lostMessages ?? 0), Number(lost.lostReplies ?? 0)];
    out(`已移除 ${deviceKey}（丢弃 ${messages} 条消息、${replies} 条回复）。\nRemoved ${deviceKey} (${messages} messages and ${replies} replies dropped).`);
  }
}

function deviceLine(device: Device): string {
  const state = DEVICE_STATE[device.state] ?? { zh: device.state, en: device.state };
  const parts = [device.deviceKey, device.name, `${state.zh} ${state.en}`, clock(device.lastSeenMs)];
  if (device.waiting > 0) parts.push(`${device.waiting} 条待发 waiting`);
  return parts.join("  ");
}

function clock(ms: number | undefined): string {
  return ms === undefined || !(ms > 0) ? "-" : new Date(ms).toISOString().replace("T", " ").slice(0, 19) + "Z";
}

function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    isInteractive: Boolean(process.stdin.isTTY && process.stdout.isTTY),
    inColour: Boolean(process.stdout.isTTY) && !process.env.NO_COLOR,
    confirm: async (question) => {
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      try {
        return /^(y|yes|是)$/i.test((await lines.question(question)).trim());
      } finally {
        lines.close();
      }
    },
  };
}
