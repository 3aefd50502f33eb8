// Makes a folder of packages a release: a minisign signature beside each package, the manifest that an update asks for, and checksums of everything.
// Usage: node .ci/release-files.mjs FOLDER ADDRESS   ADDRESS: where the files will be downloaded from
// The key is TAURI_SIGNING_PRIVATE_KEY, as `tauri signer generate` makes it. Without one nothing is signed, no manifest is written, and that is said.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const [folder, address] = process.argv.slice(2);
if (address === undefined) throw new Error("usage: node .ci/release-files.mjs FOLDER ADDRESS");
const SIGNER = "@tauri-apps/cli@2.12.5";

// What an update of each kind of installation takes. Packages of Debian and Fedora are listed too: who installed one is told of the new one.
const KINDS = [
  [["darwin-aarch64", "darwin-x86_64"], /\.app\.tar\.gz$/],
  [["windows-x86_64", "windows-x86_64-nsis"], /-setup\.exe$/],
  [["windows-x86_64-msi"], /\.msi$/],
  [["linux-x86_64", "linux-x86_64-appimage"], /\.AppImage$/],
  [["linux-x86_64-deb"], /\.deb$/],
  [["linux-x86_64-rpm"], /\.rpm$/],
];

const files = readdirSync(folder).filter((name) => !/\.(sig|sha256)$|^(latest\.json|SHA256SUMS)$/.test(name)).sort();
if (files.length === 0) throw new Error(`${folder}: nothing to release`);

if (process.env.TAURI_SIGNING_PRIVATE_KEY) {
  for (const name of files) {
    execFileSync("npx", ["--yes", SIGNER, "signer", "sign", join(folder, name)], { stdio: ["ignore", "ignore", "inherit"] });
  }
  const { version } = JSON.parse(execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1"], { encoding: "utf8", maxBuffer: 1 << 28 })).packages.find(
    (it) => it.name === "smartpi-tray",
  );
  const platforms = {};
  for (const [names, pattern] of KINDS) {
    const [file, more] = files.filter((name) => pattern.test(name));
    if (more !== undefined) throw new Error(`${file} and ${more}: which one is the update?`);
    if (file === undefined) continue;
    const signature = readFileSync(join(folder, `${file}.sig`), "utf8").trim();
    for (const name of names) platforms[name] = { url: `${address}/${encodeURIComponent(basename(file))}`, signature };
  }
  const manifest = { version, notes: notes(readFileSync("CHANGELOG.md", "utf8"), version), pub_date: new Date().toISOString(), platforms };
  writeFileSync(join(folder, "latest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  console.log(`latest.json: ${version} for ${Object.keys(platforms).join(", ")}`);
} else {
  console.log("no TAURI_SIGNING_PRIVATE_KEY: nothing is signed, and no installation will update to these files");
}

const sums = readdirSync(folder)
  .filter((name) => name !== "SHA256SUMS")
  .sort()
  .map((name) => `${createHash("sha256").update(readFileSync(join(folder, name))).digest("hex")}  ${name}\n`);
writeFileSync(join(folder, "SHA256SUMS"), sums.join(""));
console.log(`SHA256SUMS: ${sums.length} files`);

// The lines of this version, else those that no version has yet.
function notes(text, version) {
  const parts = text.split(/^## /m).slice(1);
  const part = parts.find((it) => it.startsWith(version)) ?? parts.find((it) => it.startsWith("Unreleased")) ?? "";
  return part.split("\n").slice(1).join("\n").trim();
}
