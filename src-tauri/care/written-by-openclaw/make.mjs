// Has OpenClaw's own code write the definitions of its services, here on Linux, for macOS and for Windows: node make.mjs OPENCLAW/dist
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [dist] = process.argv.slice(2);
const out = import.meta.dirname;

/** The functions of a module of OpenClaw's by their own names, whatever its bundler calls them outside. */
async function functions(module) {
  const file = path.join(dist, fs.readdirSync(dist).find((name) => new RegExp(`^${module}-[\\w-]{8}\\.mjs$`).test(name)));
  const made = await import(pathToFileURL(file));
  const names = fs.readFileSync(file, "utf8").match(/\nexport \{(.*)\}/)[1].split(",").map((pair) => pair.trim().split(" as "));
  return Object.fromEntries(names.map(([own, outside]) => [own, made[outside ?? own]]));
}

const { buildServiceEnvironment } = await functions("service-env");
const { writeLaunchAgentPlist } = await functions("launchd-service-files");
const { buildTaskScript, buildScheduledTaskXml, buildStartupLauncherScript, buildHiddenLauncherScript } = await functions("schtasks-layout");
const version = JSON.parse(fs.readFileSync(path.join(dist, "../package.json"), "utf8")).version;
const save = (name, content) => fs.writeFileSync(path.join(out, name), content);

const home = fs.mkdtempSync(path.join(os.tmpdir(), "agents-"));
for (const profile of [undefined, "b"]) {
  const port = profile ? 18790 : 18789;
  const env = { HOME: home, USER: "claw", ...(profile ? { OPENCLAW_PROFILE: profile } : {}), OPENCLAW_GATEWAY_TOKEN: "not a real token's" };
  const label = `ai.openclaw.${profile ?? "gateway"}`;
  const environment = { ...buildServiceEnvironment({ env, port, launchdLabel: label, platform: "darwin" }), OPENCLAW_GATEWAY_TOKEN: env.OPENCLAW_GATEWAY_TOKEN };
  const programArguments = ["/opt/homebrew/bin/node", "/opt/homebrew/lib/node_modules/openclaw/dist/index.js", "gateway", "--port", String(port)];
  const { plistPath } = await writeLaunchAgentPlist({ env, programArguments, environment, stdout: process.stdout });
  const state = path.join(home, profile ? `.openclaw-${profile}` : ".openclaw");
  const there = (file) => fs.readFileSync(file, "utf8").replaceAll(home, "/Users/claw");
  save(`${label}-${version}.plist`, there(plistPath));
  save(`${label}-${version}.env`, there(path.join(state, "service-env", `${label}.env`)));
}
fs.rmSync(home, { recursive: true });

const user = "C:\\Users\\小李 & co";
const script = `${user}\\.openclaw\\gateway.cmd`;
const env = { USERPROFILE: user, HOME: user, APPDATA: `${user}\\AppData\\Roaming`, USERNAME: "claw", USERDOMAIN: "DESK" };
const environment = { ...buildServiceEnvironment({ env, port: 18789, platform: "win32" }), OPENCLAW_GATEWAY_TOKEN: "100% \"real\"!" };
const programArguments = ["C:\\Program Files\\nodejs\\node.exe", `${user}\\AppData\\Roaming\\npm\\node_modules\\openclaw\\dist\\index.js`, "gateway", "--port", "18789"];
save(`gateway-${version}.cmd`, buildTaskScript({ description: "OpenClaw Gateway", programArguments, environment }));
save(`task-${version}.xml`, buildScheduledTaskXml({ taskDescription: "OpenClaw Gateway", launchPath: script, taskUser: "DESK\\claw" }));
save(`task-hidden-${version}.xml`, buildScheduledTaskXml({ taskDescription: "OpenClaw Gateway", launchPath: script.replace(/cmd$/, "vbs"), taskUser: null }));
save(`startup-${version}.cmd`, buildStartupLauncherScript({ description: "OpenClaw Gateway", scriptPath: script }));
save(`hidden-${version}.vbs`, buildHiddenLauncherScript({ description: "OpenClaw Gateway", scriptPath: script, taskSupervisor: true }));
