// The Linux job of release.yml and the files of a release, tried on this machine: runs the job's own `run:` steps, takes what it would upload, signs it with a key
// made for this, and checks every signature and checksum as a stranger would. A changed file must not pass.
// Usage: node tests/workflows/try.mjs [--built]   --built: the packages are there already, begin with what is uploaded
import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, verify } from "node:crypto";
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";

process.chdir(new URL("../..", import.meta.url).pathname);
const { jobs } = parse(readFileSync(".github/workflows/release.yml", "utf8"));
const bash = (run, env = {}) => execFileSync("bash", ["-e", "-o", "pipefail", "-c", run], { stdio: "inherit", env: { ...process.env, ...env } });
const must = (fact, words) => {
  if (!fact) throw new Error(words);
};

const { steps } = jobs.linux;
if (!process.argv.includes("--built")) {
  for (const { name, run } of steps.filter((step) => step.run !== undefined)) {
    console.log(`\n== linux: ${name ?? run}`);
    bash(run);
  }
}

const folder = mkdtempSync(join(tmpdir(), "smartpi-release-"));
try {
  const [upload] = steps.filter((step) => step.uses?.startsWith("actions/upload-artifact@"));
  for (const pattern of upload.with.path.trim().split("\n")) {
    const [place, ending] = [dirname(pattern.trim()), basename(pattern.trim()).slice(1)]; // `*` and an ending
    const files = readdirSync(place).filter((name) => name.endsWith(ending)).map((name) => join(place, name));
    must(files.length > 0, `nothing to upload as ${pattern}`);
    for (const file of files) copyFileSync(file, join(folder, basename(file)));
  }

  const key = join(folder, "..", `${basename(folder)}.key`);
  execFileSync("npx", ["--yes", "@tauri-apps/cli@2.12.5", "signer", "generate", "--ci", "--password", "only for this try", "--write-keys", key], { stdio: "ignore" });
  const [step] = jobs.publish.steps.filter(({ run }) => run?.includes("release-files"));
  console.log(`\n== publish: ${step.name}`);
  const signing = { TAURI_SIGNING_PRIVATE_KEY: readFileSync(key, "utf8"), TAURI_SIGNING_PRIVATE_KEY_PASSWORD: "only for this try" };
  bash(step.run.replace(" release ", ` ${folder} `), { ...signing, DOWNLOADS: "https://example.org/v0" });
  const publicKey = readFileSync(`${key}.pub`, "utf8");
  rmSync(key);
  rmSync(`${key}.pub`);

  const signed = readdirSync(folder).filter((name) => name.endsWith(".sig")).map((name) => name.slice(0, -4));
  must(signed.length >= 3, `only ${signed} are signed`);
  for (const name of signed) must(isSigned(join(folder, name), publicKey), `${name}: the signature is not right`);
  const { platforms } = JSON.parse(readFileSync(join(folder, "latest.json"), "utf8"));
  for (const [name, { url, signature }] of Object.entries(platforms)) {
    const file = decodeURIComponent(url.split("/").at(-1));
    must(signature === readFileSync(join(folder, `${file}.sig`), "utf8").trim(), `${name}: the manifest names another signature`);
  }
  execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: folder, stdio: "inherit" });
  console.log(`${signed.length} signatures, ${Object.keys(platforms).length} platforms in the manifest: right`);

  // The twin: one more byte.
  appendFileSync(join(folder, signed[0]), "x");
  must(!isSigned(join(folder, signed[0]), publicKey), "a changed file passed for the signed one");
  console.log(`${signed[0]} with one more byte is refused`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

// minisign: Ed25519 over the BLAKE2b of the file. Both files are base64 of minisign's own text, whose second line is base64 again.
function isSigned(file, publicKey) {
  const line = (text) => Buffer.from(Buffer.from(text, "base64").toString("utf8").split("\n")[1], "base64");
  const [signature, key] = [line(readFileSync(`${file}.sig`, "utf8")), line(publicKey)];
  if (signature.subarray(0, 2).toString() !== "ED" || !signature.subarray(2, 10).equals(key.subarray(2, 10))) return false;
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(10)]);
  const hash = createHash("blake2b512").update(readFileSync(file)).digest();
  return verify(null, hash, createPublicKey({ key: spki, format: "der", type: "spki" }), signature.subarray(10));
}
