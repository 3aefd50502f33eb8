// Builds dist/, and with --pack the archive openclaw-smartpi.tgz that SmartPi Tray embeds and OpenClaw installs.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const about = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const manifest = JSON.parse(readFileSync(join(here, "openclaw.plugin.json"), "utf8"));
if (manifest.version !== about.version) throw new Error(`openclaw.plugin.json says ${manifest.version}, package.json ${about.version}`);

rmSync(join(here, "dist"), { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/index.ts", "src/setup-entry.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  charset: "utf8",
  external: ["openclaw"],
  define: { __PLUGIN_VERSION__: JSON.stringify(about.version) },
  banner: { js: "// openclaw-smartpi, MIT. Contains qrcode-generator, (c) 2009 Kazuhiko Arase, MIT." },
});

if (process.argv.includes("--pack")) {
  // The archive carries no scripts and no development dependencies: nothing of it is run or fetched at install.
  const { scripts: _scripts, devDependencies: _devDependencies, ...shipped } = about;
  const stage = mkdtempSync(join(tmpdir(), "openclaw-smartpi-"));
  try {
    const folder = join(stage, "package");
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), `${JSON.stringify(shipped, null, 2)}\n`);
    copyFileSync(join(here, "openclaw.plugin.json"), join(folder, "openclaw.plugin.json"));
    copyFileSync(join(here, "..", "LICENSE"), join(folder, "LICENSE"));
    cpSync(join(here, "dist"), join(folder, "dist"), { recursive: true });
    const isWindows = process.platform === "win32";
    const [packed] = JSON.parse(execFileSync(isWindows ? "npm.cmd" : "npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", stage], { cwd: folder, encoding: "utf8", shell: isWindows, stdio: ["ignore", "pipe", "ignore"] }));
    renameOrCopy(join(stage, packed.filename), join(here, "openclaw-smartpi.tgz"));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function renameOrCopy(from, to) {
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}
