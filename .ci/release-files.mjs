// Makes a folder of packages a release: a minisign signature beside each package, the manifest that an update asks for, and checksums of everything.
// Usage: node .ci/release-files.mjs FOLDER ADDRESS   ADDRESS: where the files will be downloaded from
// The key is TAURI_SIGNING_PRIVATE_KEY, as `tauri signer generate` makes it. Without one nothing is signed, no manifest is written, and that is said.
// SMARTPI_UPDATE_KEY is its public half, as the programs have it: where it is given, it has to fit.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isSigned } from "./minisign.mjs";

const [folder, address] = process.argv.slice(2);
if (address === undefined) throw new Error("usage: node .ci/release-files.mjs FOLDER ADDRESS");
const SIGNER = "@tauri-apps/cli@2.12.5";

const sign = (name) => execFileSync("npx", ["--yes", SIGNER, "signer", "sign", join(folder, name)], { stdio: ["ignore", "ignore", "inherit"] });

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
  files.forEach(sign);
  const { version, repository } = JSON.parse(execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1"], { encoding: "utf8", maxBuffer: 1 << 28 })).packages.find(
    (it) => it.name === "smartpi-tray",
  );
  // Installations take no other address.
  if (!address.startsWith(`${repository}/releases/download/`)) throw new Error(`${address} is not where ${repository} has its releases`);
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
  sign("latest.json");
  if (process.env.SMARTPI_UPDATE_KEY && !isSigned(join(folder, "latest.json"), process.env.SMARTPI_UPDATE_KEY)) {
    throw new Error("SMARTPI_UPDATE_KEY is not the public half of TAURI_SIGNING_PRIVATE_KEY: no installation would believe this release");
  }
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

// What a person reads in the application: the two parts "In short" and "概要" of this version, else of what no version has yet; between them a line `---`.
function notes(text, version) {
  const parts = text.split(/^## /m).slice(1);
  const part = parts.find((it) => it.startsWith(version)) ?? parts.find((it) => it.startsWith("Unreleased")) ?? "";
  return ["In short", "概要"]
    .map((title) => {
      const [, lines] = part.match(new RegExp(`^### ${title}\n([^]*?)(?=^#|(?![^]))`, "m")) ?? [];
      if (!lines?.trim()) throw new Error(`CHANGELOG.md: ${version} has no "### ${title}"`);
      if (lines.trim().length > 2000) throw new Error(`CHANGELOG.md: "### ${title}" is longer than the application shows`);
      return lines.trim();
    })
    .join("\n\n---\n\n");
}
