// What the programs are made of, as CycloneDX 1.5: the crates that the tray, the window and the command line are built from, and the packages inside the pages and
// the plugin. Usage: node .ci/sbom.mjs FOLDER [TARGET]   writes FOLDER/smartpi-TARGET.cdx.json
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const run = (program, ...words) =>
  execFileSync(program, words, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"], shell: process.platform === "win32" });

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: node .ci/sbom.mjs FOLDER [TARGET]");
const target = process.argv[3] ?? /^host: (.*)$/m.exec(run("rustc", "-vV"))[1].trim();

const metadata = JSON.parse(run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target));
const packages = new Map(metadata.packages.map((it) => [it.id, it]));
const nodes = new Map(metadata.resolve.nodes.map((it) => [it.id, it]));
const checksums = new Map(
  [...readFileSync("Cargo.lock", "utf8").matchAll(/name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"/g)].map(([, name, version, sum]) => [`${name}@${version}`, sum]),
);

// What only tests use is in no program.
const reached = new Set(metadata.packages.filter((it) => ["smartpi-tray", "cli"].includes(it.name) && it.source === null).map((it) => it.id));
const programs = [...reached];
for (const id of reached) {
  for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
    if (kinds.some(({ kind }) => kind !== "dev")) reached.add(pkg);
  }
}

const crates = [...reached].map((id) => packages.get(id)).map(({ name, version, license, source }) => ({
  type: "library",
  "bom-ref": `pkg:cargo/${name}@${version}`,
  name,
  version,
  ...(source === null ? {} : { purl: `pkg:cargo/${name}@${version}` }),
  ...(license ? { licenses: [{ expression: license.replaceAll("/", " OR ") }] } : {}),
  ...(checksums.has(`${name}@${version}`) ? { hashes: [{ alg: "SHA-256", content: checksums.get(`${name}@${version}`) }] } : {}),
}));

const pages = ["ui", "ui/chat", "plugin"].flatMap((place) => {
  const listed = JSON.parse(run("npm", "--prefix", place, "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--omit", "peer", "--package-lock-only"));
  return listed.components.map(({ type, name, version, purl, licenses, hashes }) => ({ type, "bom-ref": purl, name, version, purl, licenses, hashes }));
});

const components = [...new Map([...crates, ...pages].map((it) => [it["bom-ref"], it])).values()].sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1));
if (components.length < 100) throw new Error(`only ${components.length} parts: the walk is broken`);
const { version } = packages.get(programs[0]);
mkdirSync(folder, { recursive: true });
const file = join(folder, `smartpi-${target}.cdx.json`);
const document = { bomFormat: "CycloneDX", specVersion: "1.5", version: 1, metadata: { component: { type: "application", name: "smartpi-tray", version } }, components };
writeFileSync(file, `${JSON.stringify(document, null, 1)}\n`);
console.log(`${file}: ${components.length} parts`);
