import { describe, expect, it } from "vitest";

import { linkPieces } from "../src/view/linkedText.ts";
import { deviceWord, preferredLanguage, speaking, type Word, WORDS, wordOfCode } from "../src/words.ts";

const placeholders = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([whole]) => whole).sort();

describe("words", () => {
  const words = Object.keys(WORDS.en) as Word[];

  it("are the same set in both languages", () => expect(Object.keys(WORDS.zh).sort()).toEqual([...words].sort()));

  it.each(words)("%s says the same in both", (word) => {
    const [en, zh] = [WORDS.en[word], WORDS.zh[word]];
    expect(en.trim()).toBe(en);
    expect(zh.trim()).toBe(zh);
    expect(en).not.toBe("");
    expect(zh).not.toBe("");
    expect(new Set(placeholders(zh))).toEqual(new Set(placeholders(en)));
    if (word !== "other_language") expect(/\p{Script=Han}/u.test(en)).toBe(false);
    if (word !== "other_language" && word !== "device_iphone" && word !== "device_ipad") expect(/\p{Script=Han}/u.test(zh)).toBe(true);
  });

  it("exist for every code that a person meets", () => {
    for (const code of [9002, 9005, 9006, 9007, 9008, 9009, 9011, 9012, 9013, 9014, 9017, 9018, 9019, 9020]) expect(wordOfCode(code)).toBe(`code_${code}`);
    expect(wordOfCode(9999)).toBe("code_other");
  });

  it("are filled in, and a text with braces is left alone", () => {
    expect(speaking("en")("bind_title", { service: "{phone}" })).toBe("Connect to {phone}?");
    expect(speaking("zh")("conn_unreachable", { time: "14:02" })).toBe("自 14:02 起无法连接");
  });

  it("follow the preferences of the browser", () => {
    expect(preferredLanguage(["zh-TW", "en"])).toBe("zh");
    expect(preferredLanguage(["de-DE", "zh-CN", "en"])).toBe("zh");
    expect(preferredLanguage(["de-DE", "en-GB", "zh"])).toBe("en");
    expect(preferredLanguage(["fr"])).toBe("en");
    expect(preferredLanguage([])).toBe("en");
  });

  it("name the phone", () => {
    expect(deviceWord("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", 5)).toBe("device_iphone");
    expect(deviceWord("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", 5)).toBe("device_ipad");
    expect(deviceWord("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", 0)).toBe("device_mac");
    expect(deviceWord("Mozilla/5.0 (Linux; Android 15; Pixel 9) Mobile Safari/537.36", 5)).toBe("device_android");
    expect(deviceWord("Mozilla/5.0 (Linux; Android 15; SM-X900) Safari/537.36", 5)).toBe("device_android_tablet");
    expect(deviceWord("Mozilla/5.0 (Phone; OpenHarmony 5.0) Mobile", 5)).toBe("device_harmony");
    expect(deviceWord("Mozilla/5.0 (X11; Linux x86_64)", 0)).toBe("device_linux");
    expect(deviceWord("something", 0)).toBe("device_other");
  });
});

describe("links", () => {
  const links = (text: string): string[] => linkPieces(text).flatMap((piece) => piece.href ?? []);

  it("are made of http, https and mailto addresses only", () => {
    expect(links("see https://example.org/a?b=c#d, then http://[fd00::2]:8765/ or mailto:a@b.example.")).toEqual([
      "https://example.org/a?b=c#d",
      "http://[fd00::2]:8765/",
      "mailto:a@b.example",
    ]);
    for (const text of [
      "javascript:alert(1)",
      "JaVaScRiPt://example.org/%0aalert(1)",
      "data:text/html,<script>alert(1)</script>",
      "file:///etc/passwd",
      "vbscript:x",
      "blob:https-nothing",
      "https://",
      "http://user:pass@example.org/",
      "https://example.org@evil.example/",
      "xhttps://example.org",
      "mailto:",
    ]) {
      expect(links(text), text).toEqual([]);
    }
  });

  it("end before the punctuation and the bracket around them", () => {
    expect(links("(https://example.org/a)")).toEqual(["https://example.org/a"]);
    expect(links("https://example.org/a_(b)!")).toEqual(["https://example.org/a_(b)"]);
    expect(links("请看 https://example.org/页。然后")).toEqual(["https://example.org/%E9%A1%B5"]);
    expect(links('<a href="https://example.org">x</a>')).toEqual(["https://example.org/"]);
    expect(links("https://example.org/\u202egpj.exe")).toEqual(["https://example.org/"]);
  });

  it("change nothing of the text", () => {
    for (const text of ["", "a", "https://a.example b https://c.example/(d)", "<b>x</b> http://x.example.", "\n\n mailto:x@y.example\n"]) {
      expect(linkPieces(text).map((piece) => piece.text).join("")).toBe(text);
    }
  });
});
