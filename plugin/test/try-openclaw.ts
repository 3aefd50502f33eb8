/**
 * Runs the built plugin in a real OpenClaw gateway against the fake service and the scripted model, in a throw-away home:
 *
 *   node test/try-openclaw.ts <folder of the openclaw package> [node for it]
 *
 * Needs a Node that runs TypeScript (22.18 or later) and `npm run pack` before it. Ends with 1 and the gateway's log when something is not as it must be.
 */

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { FakeService } from "./fake-service.ts";
import { ScriptedModel } from "./scripted-model.ts";

const [openclaw, node = process.execPath] = process.argv.slice(2);
if (!openclaw) throw new Error("usage: try-openclaw.ts <openclaw package> [node]");

const [A, B] = ["kzdvvj2umnduyauf35o36k6kw4", "aaaaaaaaaaaaaaaaaaaaaaaaaa"] as const;
const home = mkdtempSync(join(tmpdir(), "smartpi-openclaw-"));
const state = join(home, ".openclaw");
const archive = join(dirname(fileURLToPath(import.meta.url)), "..", "openclaw-smartpi.tgz");
const environment = {
  PATH: process.env.PATH,
  HOME: home,
  XDG_RUNTIME_DIR: home,
  OPENCLAW_SKIP_ONBOARDING: "1",
  NO_COLOR: "1",
};
const control = join(home, "control.sock");
const service = new FakeService({ folder: join(home, "smartpi"), control });
const url = "http://127.0.0.1:8765/b#1.AQIDBAUGBwg.EBESExQVFhcYGRobHB0eHw.JPbtasv-EAnAMNfKVnwzyg";
let devices: object[] = [];
const controlServer = createServer((socket: Socket) => {
  socket.on("data", (chunk) => {
    const { do: verb } = JSON.parse(String(chunk)) as { do: string };
    const ok = verb === "bind.start" ? { bind: "AQIDBAUGBwg", url, expiresMs: Date.now() + 180_000, reach: "computer" } : { devices };
    socket.write(`${JSON.stringify({ id: 1, ok })}\n`);
  });
});
const model = new ScriptedModel();
let gateway: ChildProcess | undefined;
let log = "";
let checks = 0;

function claim(holds: boolean, what: string): void {
  checks += 1;
  if (!holds) throw new Error(`NOT SO: ${what}`);
  console.log(`ok ${((Date.now() - began) / 1000).toFixed(1)} s  ${what}`);
}

function cli(...args: string[]): { code: number | null; out: string } {
  const run = spawnSync(node, [join(openclaw as string, "openclaw.mjs"), ...args], { env: environment, encoding: "utf8", timeout: 180_000 });
  return { code: run.status, out: `${run.stdout}\n${run.stderr}` };
}

async function cliAsync(...args: string[]): Promise<{ code: number | null; out: string }> {
  const run = spawn(node, [join(openclaw as string, "openclaw.mjs"), ...args], { env: environment });
  let out = "";
  run.stdout.on("data", (chunk) => (out += String(chunk)));
  run.stderr.on("data", (chunk) => (out += String(chunk)));
  const code = await new Promise<number | null>((done) => run.on("close", done));
  return { code, out };
}

function writeConfig(change: (config: Record<string, any>) => void): void {
  const path = join(state, "openclaw.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  change(config);
  writeFileSync(path, JSON.stringify(config, null, 2));
}

function startGateway(): ChildProcess {
  const child = spawn(node, [join(openclaw as string, "openclaw.mjs"), "gateway", "run"], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (chunk) => (log += String(chunk)));
  child.stderr.on("data", (chunk) => (log += String(chunk)));
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

const replies = (turn: string): string => service.frames("reply", turn).map((reply) => reply.text).join("|");

async function scenario(): Promise<void> {
  const modelPort = await model.start();
  const port = await service.start();
  await new Promise<void>((listening) => controlServer.listen(control, listening));
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, "openclaw.json"), JSON.stringify({
    gateway: { mode: "local", port: await freePort(), bind: "loopback", auth: { mode: "token", token: "labtoken" } },
    models: { providers: { scripted: { baseUrl: `http://127.0.0.1:${modelPort}/v1`, apiKey: "sk-local", api: "openai-completions", models: [{ id: "m1", name: "Scripted", contextWindow: 128_000, maxTokens: 4096 }] } } },
    agents: { defaults: { model: { primary: "scripted/m1" } } },
  }));
  const help = cli("plugins", "install", "--help").out;
  const flags = ["--force", "--accept-capabilities"].filter((flag) => help.includes(flag));
  const install = cli("plugins", "install", resolve(archive), ...flags);
  claim(install.code === 0, `plugins install ${flags.join(" ")}${install.code === 0 ? "" : `\n${install.out}`}`);
  writeConfig((config) => (config.channels = { ...config.channels, "openclaw-smartpi": { linkKeyFile: service.linkKeyFile } }));

  const bind = await cliAsync("smartpi", "accounts", "bind");
  claim(bind.code === 0 && bind.out.split("\n").includes(`绑定ID: ${url}`), `smartpi accounts bind (${bind.code})${bind.code === 0 ? "" : bind.out}`);
  const list = await cliAsync("smartpi", "accounts", "list", "--json");
  claim(list.code === 0 && list.out.includes('{"devices":[]}'), "smartpi accounts list --json");
  await new Promise((closed) => controlServer.close(closed));
  const down = await cliAsync("smartpi", "accounts", "list");
  claim(down.code === 1 && down.out.includes("SmartPi 服务未运行") && down.out.includes("is not running"), "smartpi accounts list without a service");

  rmSync(control, { force: true });
  devices = [{ deviceKey: A, name: "Kitchen" }, { deviceKey: B, name: "Office" }];
  await new Promise<void>((listening) => controlServer.listen(control, listening));
  gateway = startGateway();
  await service.linked(180_000);
  claim(service.beforeReady.length === 1, "nothing but auth before ready");
  console.log(`   host ${service.hellos[0]?.host}, plugin ${service.hellos[0]?.plugin}, headers ${JSON.stringify(service.headers[0])}`);

  service.send({ t: "presence", device: A, name: "Kitchen", online: true });
  service.send({ t: "presence", device: A, name: "Kitchen", online: false });
  await service.until("the log lines", () => log.includes(`WebSocket connected: ${A}`) && log.includes(`WebSocket disconnected: ${A}`));
  claim(true, "log lines of presence");

  const t1 = service.deliver(A, "01JD0000000000000000000001", "slow 120 one two three four five six seven eight nine ten");
  const d1 = await service.done(t1, 180_000);
  claim(service.frames("accepted", t1).length === 1, "accepted");
  claim(service.frames("partial", t1).length >= 2, `partials: ${service.frames("partial", t1).length}, the model heard ${JSON.stringify(model.asked)}`);
  claim(service.frames("progress", t1).some((frame) => frame.stage === "writing"), `stages: ${service.frames("progress", t1).map((frame) => frame.stage).join(",")}`);
  claim(replies(t1) === "one two three four five six seven eight nine ten", `reply: ${replies(t1)}`);
  claim(d1.outcome === "answered", `done ${d1.outcome}`);

  const [ta, tb] = [service.deliver(A, "01JD0000000000000000000002", "say alpha-secret"), service.deliver(B, "01JD0000000000000000000003", "say beta", "Office")];
  await Promise.all([service.done(ta, 120_000), service.done(tb, 120_000)]);
  claim(replies(ta) === "alpha-secret" && replies(tb) === "beta", "two devices at once");
  const t4 = service.deliver(B, "01JD0000000000000000000004", "say gamma", "Office");
  await service.done(t4, 120_000);
  const bodyB = model.bodies.findLast((body) => body.includes("say gamma")) ?? "";
  claim(bodyB.includes("say beta") && !bodyB.includes("alpha-secret"), "each device has its own session");

  const before = service.frames("reply").length;
  service.deliver(A, "01JD0000000000000000000002", "say alpha-secret");
  await service.until("the duplicate's done", () => service.frames("done", ta).length === 2);
  claim(service.frames("done", ta)[1]?.outcome === "duplicate" && service.frames("reply").length === before, "a turn that is over is not run again");

  const tc = service.deliver(A, "01JD0000000000000000000006", "slow 500 a b c d e f g h i j k l m n o p q r s t u v w x y z");
  await service.until("the run", () => service.frames("partial", tc)[0], 60_000);
  service.send({ t: "abort", turn: tc });
  claim((await service.done(tc, 30_000)).outcome === "aborted" && replies(tc) === "", "abort");

  service.send({ t: "slow", turn: ta, device: A, after_s: 30 });
  await service.until("the timeout line", () => log.includes("AI response timeout"));
  claim(log.includes(`AI response timeout: ${A}`), "AI response timeout");

  const sent = await cliAsync("message", "send", "--channel", "openclaw-smartpi", "--target", A, "--message", "the washing is done");
  const push = await service.until("the push", () => service.frames("push").find((frame) => frame.text === "the washing is done"), 60_000);
  claim(sent.code === 0 && push.to === A && push.by === "terminal" && push.re_turn === undefined, `openclaw message send (${sent.code}) ${JSON.stringify(push)} ${sent.out}`);
  const named = await cliAsync("message", "send", "--channel", "openclaw-smartpi", "--target", "office", "--message", "by name");
  claim(named.code === 0 && service.frames("push").some((frame) => frame.text === "by name" && frame.to === B), `by its name (${named.code}) ${named.out}`);
  const wrong = await cliAsync("message", "send", "--channel", "openclaw-smartpi", "--target", "Bath", "--message", "x");
  claim(wrong.code !== 0 && wrong.out.includes('Known devices: "Kitchen", "Office"'), `a wrong name (${wrong.code}) ${wrong.out}`);
  service.refuses = 9014;
  const refused = await cliAsync("message", "send", "--channel", "openclaw-smartpi", "--target", A, "--message", "refused");
  claim(refused.code !== 0 && refused.out.includes("The owner has not allowed messages to this device"), `a refusal (${refused.code}) ${refused.out}`);
  const tn = service.deliver(A, "01JD0000000000000000000020", `push ${B} may I`);
  await service.done(tn, 120_000);
  claim(model.bodies.some((body) => body.includes("The owner has not allowed messages to this device")), "the agent hears of a refusal");
  service.refuses = undefined;
  const tw = service.deliver(A, "01JD0000000000000000000021", "push Bath hello");
  await service.done(tw, 120_000);
  claim(model.bodies.some((body) => body.includes("There is no SmartPi device")), "the agent hears of a wrong name");
  const media = await cliAsync("message", "send", "--channel", "openclaw-smartpi", "--target", A, "--message", "look", "--media", "https://example.org/cat.png");
  const shown = service.frames("push").find((frame) => frame.text.includes("cat.png"));
  claim(shown !== undefined, `media in words: ${JSON.stringify(shown?.text)} (${media.code})${shown ? "" : media.out}`);

  const tp = service.deliver(A, "01JD0000000000000000000007", `push ${B} hello office`);
  await service.done(tp, 120_000);
  const other = service.frames("push").find((frame) => frame.text === "hello office");
  claim(other?.to === B && other.by === "agent:main" && other.re_turn === undefined, `the agent's message tool to another device, by ${other?.by}`);
  const tq = service.deliver(A, "01JD0000000000000000000008", `push ${A} hello kitchen`);
  const dq = await service.done(tq, 120_000);
  const own = service.frames("push").find((frame) => frame.text === "hello kitchen");
  claim(own?.to === A && own.by === "agent:main" && own.re_turn === tq, `and to its own device, done ${dq.outcome}`);

  service.stores = false;
  const tr = service.deliver(A, "01JD0000000000000000000009", "slow 300 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10");
  await service.until("the run", () => service.frames("partial", tr)[0], 60_000);
  const accepted = service.frames("accepted", tr).length;
  await service.stop();
  await service.until("the model to end", () => (readFileSync(join(state, "smartpi", "outbox.jsonl"), "utf8").includes(`"turn":"${tr}","outcome"`) ? true : undefined), 60_000);
  service.stores = true;
  await service.start(port);
  await service.linked(60_000);
  service.deliver(A, "01JD0000000000000000000009", "slow 300 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10");
  claim((await service.done(tr, 60_000)).outcome === "answered" && replies(tr).startsWith("w1 w2"), "a link lost in the middle of a turn: replayed from the outbox");
  await service.until("accepted again", () => service.frames("accepted", tr).length === accepted + 1);
  const asked = model.asked.filter((words) => words.startsWith("slow 300")).length;
  claim(asked === 1, `and run once (${asked})`);
  await service.until("an empty outbox", () => service.frames("done", tr).length === 1);

  const status = await cliAsync("channels", "status", "--json");
  claim(/"connected":\s*true/.test(status.out) && status.out.includes("openclaw-smartpi"), `channels status${status.out.includes('"connected": true') ? "" : status.out}`);

  const killed = service.deliver(A, "01JD0000000000000000000010", "slow 400 k1 k2 k3 k4 k5 k6 k7 k8 k9 k10");
  await service.until("the run", () => service.frames("partial", killed)[0], 60_000);
  gateway.kill("SIGKILL");
  await new Promise((done) => gateway?.once("exit", done));
  gateway = startGateway();
  await service.until("the new link", () => service.hellos.length >= 3 && service.isLinked, 180_000);
  claim(new Set(service.hellos.map((hello) => hello.gateway)).size === 1, "the gateway keeps its id");
  service.deliver(A, "01JD0000000000000000000010", "slow 400 k1 k2 k3 k4 k5 k6 k7 k8 k9 k10");
  const after = await service.done(killed, 180_000);
  console.log(`   after a crash: done ${after.outcome}, replies ${JSON.stringify(replies(killed))}, pushes ${JSON.stringify(service.frames("push").slice(4))}`);

  const te = service.deliver(B, "01JD0000000000000000000011", "fail 401", "Office");
  const de = await service.done(te, 180_000);
  claim(service.frames("reply", te).some((reply) => reply.error === true), `model error: ${replies(te)} (done ${de.outcome})`);

  writeConfig((config) => (config.channels["openclaw-smartpi"].defaultAgentId = "ghost"));
  const hellos = service.hellos.length;
  await service.until("the restarted channel", () => service.hellos.length > hellos && service.isLinked, 120_000);
  const tg = service.deliver(B, "01JD0000000000000000000012", "say hello", "Office");
  const dg = await service.done(tg, 120_000);
  claim(dg.outcome === "failed" && dg.code === 9020 && log.includes("cannot resolve agentId"), `unknown agent: ${JSON.stringify(dg)}`);
}

const began = Date.now();
let failed = false;
try {
  await scenario();
  console.log(`${checks} checks in ${((Date.now() - began) / 1000).toFixed(0)} s`);
} catch (error) {
  failed = true;
  console.error(log.split("\n").slice(-60).join("\n"));
  console.error(error);
} finally {
  gateway?.kill("SIGKILL");
  model.stop();
  controlServer.close();
  await service.stop();
  if (process.env.KEEP) console.log(home);
  else rmSync(home, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
