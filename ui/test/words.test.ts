import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";
import { preferred } from "../src/words";

const UI = join(import.meta.dirname, "..");
const CJK = /[\u4e00-\u9fff]/;

/** Every word by its path. */
function leaves(words: object, path = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [key, value] of Object.entries(words)) {
    if (typeof value === "object" && value !== null) leaves(value, `${path}${key}.`).forEach((leaf, name) => found.set(name, leaf));
    else found.set(path + key, value);
  }
  return found;
}

/** What a word says, with something in every gap. */
function said(word: unknown): string {
  if (typeof word !== "function") return String(word);
  return String(word.length === 1 && /names|texts/.test(word.toString()) ? word(["A", "B"]) : word(2, 3, 4));
}

const sources = readdirSync(join(UI, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(ts|vue)$/.test(path))
  .map((path) => ({ path: path.replaceAll("\\", "/"), text: readFileSync(join(UI, "src", path), "utf8") }));
const ours = sources.filter(({ path }) => !path.startsWith("locales/") && path !== "bindings.ts");

describe("both languages", () => {
  const english = leaves(en);
  const chinese = leaves(zh);

  test("have the same words", () => {
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
    expect(english.size).toBeGreaterThan(250);
  });

  // Names and commands are the same everywhere.
  const SAME = new Set(["nav.gateway", "gateway.title", "gateway.host", "devices.withGateway", "devices.withAgent", "settings.assistant", "welcome.found", "welcome.startCommand", "welcome.startServiceCommand", "health.secretsCommand", "welcome.restartCommand", "activity.asked", "parts.list", "bind.addressOf", "health.links.gateway.name", "evidence.comma", "parts.sentences"]);

  test.each([...english.keys()])("say %s, each in its own words", (path) => {
    const [one, other] = [said(english.get(path)), said(chinese.get(path))];
    expect(one.trim()).not.toBe("");
    expect(CJK.test(one)).toBe(false);
    if (!SAME.has(path)) expect(CJK.test(other), `${path}: ${other}`).toBe(true);
    expect(other).not.toMatch(/undefined|\[object/);
    expect(one).not.toMatch(/undefined|\[object/);
    // Chinese has full-width marks after Chinese letters.
    expect(other).not.toMatch(/[\u4e00-\u9fff][,;:!?]/);
  });

  test("say in the same gaps the same names", () => {
    for (const [path, word] of english) {
      if (typeof word === "function") expect((chinese.get(path) as () => string).length <= word.length, path).toBe(true);
    }
  });
});

test("no word is left over", () => {
  // Looked up by a code, not by name.
  const coded = /^(failures|gateway\.(roles|scopes|programs)|gatewayService\.(state|held|acts)|health\.(links|causes|severity|counsel|pluginWell|pluginUnseen|pluginFix|fix|fixAsk|fixDo|goneEntry)|evidence\.(notMine|refusals|reasons|blind|contradictions|processFacts|places|referred|phases|scopes|managers)|repair\.(steps|stops|risks|states|outcomes)|bind\.reasons|bind\.hints|activity\.notices|activity\.step|devices\.because|settings\.(place|why|notify|lookTrouble|downloadTrouble|releaseInstallText)|welcome\.(by|next_)|parts\.kinds|target\.(notTrusted|ways)|nav|service)\./;
  const text = ours.map((source) => source.text).join("\n");
  const unused = [...leaves(en).keys()].filter((path) => !coded.test(path) && !new RegExp(`\\.${path.split(".").at(-1)}\\b`).test(text));
  expect(unused).toEqual([]);
});

test("no word is written outside the two lists", () => {
  const written = ours.filter(({ path, text }) => !path.startsWith("backend.fake") && CJK.test(text.replaceAll("中文", "")));
  expect(written.map(({ path }) => path)).toEqual([]);
  const literal = /<(?:p|h1|h2|h3|span|button|dt|dd|label|legend|summary|option)\b[^>]*>\s*[A-Za-z]{2,}/;
  const told = ours.filter(({ path, text }) => path.endsWith(".vue") && literal.test(text.replaceAll("=>", "").replaceAll(">English<", "><")));
  expect(told.map(({ path }) => path)).toEqual([]);
});

describe("the pages of the contract", () => {
  const page = (name: string): string => readFileSync(join(UI, "..", "docs", name), "utf8");
  const ticked = (text: string): string[] => [...text.matchAll(/`([a-z_]+)`/g)].map(([, word]) => word ?? "");

  test("every reason of a failed binding has its words", () => {
    const reasons = ticked(/`failed` with a reason: ([^.]*)\./.exec(page("PROTOCOL.md"))?.[1] ?? "");
    expect(reasons.length).toBeGreaterThanOrEqual(7);
    for (const reason of [...reasons, "not_stored"]) expect(Object.keys(en.bind.reasons)).toContain(reason);
  });

  test("every failure code has its words", () => {
    const rust = readFileSync(join(UI, "../src-tauri/desk/src/failure/codes.rs"), "utf8");
    const codes = [...rust.matchAll(/^ {4}[A-Z]\w+, "([a-z_]+)",$/gm)].map(([, code]) => code ?? "");
    expect(codes.length).toBeGreaterThan(40);
    expect([...codes, "unrecognised"].filter((code) => !(code in en.failures))).toEqual([]);
  });
});

test("the language is the first preference that is one of ours", () => {
  expect(preferred(["fr", "zh-TW", "en"])).toBe("zh");
  expect(preferred(["en-GB", "zh"])).toBe("en");
  expect(preferred(["fr"])).toBe("en");
});

test("the window has the colours of the phone page", () => {
  const colours = (file: string): Map<string, string[]> => {
    const found = new Map<string, string[]>();
    for (const [, name, value] of readFileSync(join(UI, file), "utf8").matchAll(/--([a-z-]+): (#\w+);/g)) found.set(name ?? "", [...(found.get(name ?? "") ?? []), value ?? ""]);
    return found;
  };
  const [window, phone] = [colours("src/styles/tone.css"), colours("chat/src/styles/tone.css")];
  const shared = [...window.keys()].filter((name) => phone.has(name));
  expect(shared).toEqual(expect.arrayContaining(["accent", "ground", "ink", "soft", "good", "wait", "bad"]));
  for (const name of shared) expect(window.get(name), name).toEqual(phone.get(name));
});
