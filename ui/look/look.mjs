/**
 * Takes a picture of every page in every state, both languages and themes, wide, narrow and at 200 % zoom, in a real Chromium under the window's own content security
 * policy; fails on what axe objects to, on a horizontal scroll bar, on an error of the page and on words that are cut off.
 *
 *   npm run look                       all of it; the folder with the pictures is printed
 *   npm run look -- bind --out DIR     only the states whose name begins with `bind`
 */
import { createServer } from "node:http";
import { mkdtemp, mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

import { chromium } from "playwright-core";
import { build } from "vite";

import { SCENES } from "./scenes.mjs";

const ROOT = join(import.meta.dirname, "..");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const LOOKS = [
  { name: "en-light", lang: "en", theme: "light", size: [900, 640] },
  { name: "zh-dark", lang: "zh", theme: "dark", size: [900, 640] },
  { name: "zh-light", lang: "zh", theme: "light", size: [900, 640] },
  { name: "en-dark", lang: "en", theme: "dark", size: [900, 640] },
  { name: "en-narrow", lang: "en", theme: "light", size: [390, 844] },
  { name: "zh-narrow", lang: "zh", theme: "dark", size: [390, 844] },
  { name: "en-least", lang: "en", theme: "light", size: [360, 480] },
  // 900 x 640 at 200 %: half the room for everything.
  { name: "en-zoom", lang: "en", theme: "dark", size: [450, 320], scale: 2 },
  { name: "zh-zoom", lang: "zh", theme: "light", size: [450, 320], scale: 2 },
];

function argumentsOf(args) {
  const at = args.indexOf("--out");
  const out = at < 0 ? null : args[at + 1];
  return { out, only: args.filter((_, index) => at < 0 || (index !== at && index !== at + 1)) };
}

async function policy() {
  const config = JSON.parse(await readFile(join(ROOT, "..", "tauri.conf.json"), "utf8"));
  return config.app.security.csp;
}

async function serve(folder, csp) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const file = join(folder, path === "/" ? "index.html" : path);
    try {
      const body = await readFile(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": csp });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Everything on the page that a person could not see whole. */
function hiddenParts() {
  const found = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
  for (const element of document.querySelectorAll("main, .sidebar, dialog[open], button, a, p, h1, h2, h3, li, td, th, dd, summary, select")) {
    if (element.closest(".unseen") || element.getClientRects().length === 0) continue;
    const { overflowX } = getComputedStyle(element);
    if (overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1) found.push(`cut off: <${element.tagName.toLowerCase()} class="${element.className}">`);
    const box = element.getBoundingClientRect();
    if (box.right > innerWidth + 1 || box.left < -1) found.push(`outside: <${element.tagName.toLowerCase()}> ${element.textContent.trim().slice(0, 40)}`);
  }
  return [...new Set(found)];
}

/** One look at one scene; the problems that it shows. */
async function lookAt(page, base, axe, look, scene, out) {
  const problems = [];
  const heard = (message) => ["error", "warning"].includes(message.type()) && problems.push(`console: ${message.text()}`);
  const failed = (error) => problems.push(`error: ${error.message}`);
  page.on("console", heard).on("pageerror", failed);
  const [width, height] = look.size;
  try {
    await page.setViewportSize({ width, height });
    await page.goto(`${base}/?scene=${scene.scene}&lang=${look.lang}`);
    await page.locator("[data-test^=page-]").first().waitFor({ timeout: 10_000 });
    await scene.act?.(page);
    problems.push(...(await page.evaluate(hiddenParts)));
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, help, nodes } of violations) problems.push(`axe ${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
    if (scene.whole && !look.scale) {
      const whole = await page.evaluate(() => Math.max(innerHeight, ...[...document.querySelectorAll("main")].map((main) => main.scrollHeight + innerHeight - main.clientHeight)));
      await page.setViewportSize({ width, height: Math.min(whole, 4000) });
    }
    await page.screenshot({ path: join(out, `${scene.name}.${look.name}.png`) });
  } catch (error) {
    problems.push(String(error.message).split("\n").slice(0, 6).join(" "));
  } finally {
    page.off("console", heard).off("pageerror", failed);
  }
  return problems.map((problem) => `${scene.name} (${look.name}): ${problem}`);
}

/** Every scene in one look, one after the other. */
async function lookThrough(browser, base, axe, look, scenes, out) {
  const [width, height] = look.size;
  const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: look.scale ?? 1, colorScheme: look.theme, locale: look.lang === "zh" ? "zh-CN" : "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  const problems = [];
  for (const scene of scenes) problems.push(...(await lookAt(page, base, axe, look, scene, out)));
  await context.close();
  return problems;
}

const { out, only } = argumentsOf(process.argv.slice(2));
const pictures = out ?? (await mkdtemp(join(tmpdir(), "smartpi-window-")));
await mkdir(pictures, { recursive: true });
const built = await mkdtemp(join(tmpdir(), "smartpi-window-dist-"));
await build({ root: ROOT, mode: "look", logLevel: "warn", build: { outDir: built, emptyOutDir: true } });
const server = await serve(built, await policy());
const base = `http://127.0.0.1:${server.address().port}`;
const axe = await readFile(join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const scenes = SCENES.filter(({ name }) => only.length === 0 || only.some((start) => name.startsWith(start)));
const looks = scenes.length * LOOKS.length;
let problems = [];
try {
  problems = (await Promise.all(LOOKS.map((look) => lookThrough(browser, base, axe, look, scenes, pictures)))).flat();
} finally {
  await browser.close();
  server.close();
}
await writeFile(join(pictures, "problems.txt"), problems.join("\n"));
console.log(`${looks} pictures in ${pictures}, ${problems.length} problems`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 || looks === 0 ? 1 : 0;
