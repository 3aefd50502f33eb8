/** What the page's Content-Security-Policy relies on, and what keeps a message from becoming markup. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const html = readFileSync(new URL("public/index.html", root), "utf8");
const sources = (readdirSync(new URL("src/", root), { recursive: true }) as string[])
  .filter((name) => /\.(ts|css)$/.test(name))
  .map((name) => [name, readFileSync(new URL(`src/${name}`, root), "utf8")] as const);

describe("the page", () => {
  it("has nothing inline and asks nobody else for anything", () => {
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|https?:|<script(?![^>]*\ssrc="\/chat\.js")/i);
    expect([...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, path]) => path).sort()).toEqual(["/chat.css", "/chat.js", "/icon.svg"]);
    for (const [name, text] of sources.filter(([name]) => name.endsWith(".css"))) expect(text, name).not.toMatch(/url\(|https?:/);
  });

  it("never makes markup of text, and uses nothing that plain http lacks", () => {
    expect(sources.length).toBeGreaterThan(20);
    for (const [name, text] of sources) {
      expect(text, name).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser/);
      expect(text.replace(/\/\*[\s\S]*?\*\//g, ""), name).not.toMatch(/crypto\.subtle|randomUUID|serviceWorker|navigator\.clipboard|new Notification/);
    }
  });
});
