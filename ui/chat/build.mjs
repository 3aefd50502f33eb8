// Builds dist/: four files with fixed names, which the channel service embeds and serves from its root.
import { build } from "esbuild";
import { cp, mkdir, stat } from "node:fs/promises";

/** All four together, in bytes: the page must open at once on a phone in a bad corner of the house. A third is words and curve arithmetic. */
const BUDGET = 100 * 1024;

const dist = new URL("dist/", import.meta.url);
await mkdir(dist, { recursive: true });
await build({
  entryPoints: { chat: "src/main.ts" },
  absWorkingDir: new URL(".", import.meta.url).pathname,
  outdir: "dist",
  bundle: true,
  format: "iife",
  minify: true,
  charset: "utf8",
  legalComments: "eof",
  target: ["safari15", "chrome87", "firefox91"],
});
await build({
  entryPoints: { chat: "src/styles/chat.css" },
  absWorkingDir: new URL(".", import.meta.url).pathname,
  outdir: "dist",
  bundle: true,
  minify: true,
  target: ["safari15", "chrome87", "firefox91"],
});
await cp(new URL("public/", import.meta.url), dist, { recursive: true });

let total = 0;
for (const name of ["index.html", "chat.js", "chat.css", "icon.svg"]) {
  const { size } = await stat(new URL(name, dist));
  total += size;
  console.log(`${String(size).padStart(7)}  ${name}`);
}
console.log(`${String(total).padStart(7)}  in all`);
if (total > BUDGET) {
  console.error(`over the budget of ${BUDGET} bytes`);
  process.exit(1);
}
