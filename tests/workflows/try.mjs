// The Linux job of release.yml and the files of a release, tried on this machine: runs the job's own `run:` steps, takes what it would upload, signs it with a key
// made for this, and checks every signature and checksum as a stranger would. A changed file must not pass.
// Usage: node tests/workflows/try.mjs [--built]   --built: the packages are there already, begin with what is uploaded
import { execFileSync } from "node:child_process";
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import { isSigned } from "../../.ci/minisign.mjs";

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
  const publicKey = readFileSync(`${key}.pub`, "utf8");
  const signing = { TAURI_SIGNING_PRIVATE_KEY: readFileSync(key, "utf8"), TAURI_SIGNING_PRIVATE_KEY_PASSWORD: "only for this try" };
  const publish = (more) => bash(step.run.replace(" release ", ` ${folder} `), { ...signing, DOWNLOADS: "https://github.com/smartpi/smartpi-tray/releases/download/v0", ...more });
  const refused = (more) => {
    try {
      publish(more);
    } catch {
      return true;
    }
    return false;
  };
  must(refused({ SMARTPI_UPDATE_KEY: Buffer.from("another").toString("base64") }), "programs with another key would never hear of this release");
  must(refused({ SMARTPI_UPDATE_KEY: publicKey, DOWNLOADS: "https://example.org/v0" }), "programs would refuse a release that lies elsewhere");
  publish({ SMARTPI_UPDATE_KEY: publicKey });
  rmSync(key);
  rmSync(`${key}.pub`);

  const signed = readdirSync(folder).filter((name) => name.endsWith(".sig")).map((name) => name.slice(0, -4));
  must(signed.length >= 3, `only ${signed} are signed`);
  for (const name of signed) must(isSigned(join(folder, name), publicKey), `${name}: the signature is not right`);
  must(signed.includes("latest.json"), "the manifest is not signed");
  const { platforms, notes } = JSON.parse(readFileSync(join(folder, "latest.json"), "utf8"));
  const [english, chinese, more] = notes.split("\n---\n");
  must(more === undefined && !/[\u4e00-\u9fff]/.test(english) && /[\u4e00-\u9fff]/.test(chinese), `the notes are not in both languages: ${notes}`);
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
