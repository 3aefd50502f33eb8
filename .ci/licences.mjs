// Prints who made what our programs are built from, and under which terms: every crate and npm package that ends up in one of them, each text once.
// Fails where one names no terms, or terms that nobody here has agreed to.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const AGREED = new Set([
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0",
    "MPL-2.0", "Unicode-3.0", "Unlicense", "Zlib",
]);
const NPM = ["ui", "ui/chat", "plugin"];
const ROOTS = ["smartpi-tray", "cli"];

const cargo = (...words) => execFileSync("cargo", words, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] });

/// Whether an SPDX expression lets us. "A/B" is how older crates write "A OR B".
function agreed(expression) {
    const words = expression.replaceAll("/", " OR ").match(/\(|\)|[^\s()]+/g) ?? [];
    let at = 0;
    const one = () => {
        if (words[at] === "(") {
            at += 1;
            const inside = any();
            at += 1;
            return inside;
        }
        let name = words[at++];
        if (words[at] === "WITH") {
            name += ` WITH ${words[at + 1]}`;
            at += 2;
        }
        return AGREED.has(name) || AGREED.has(name?.split(" WITH ")[0]);
    };
    const all = () => {
        let every = one();
        while (words[at] === "AND") {
            at += 1;
            every = one() && every;
        }
        return every;
    };
    const any = () => {
        let some = all();
        while (words[at] === "OR") {
            at += 1;
            some = all() || some;
        }
        return some;
    };
    return words.length > 0 && any();
}

function texts(folder) {
    const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|copyright|notice|unlicense)/i.test(name)).sort();
    return names.flatMap((name) => {
        try {
            return [readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n").trim()];
        } catch {
            return []; // a folder
        }
    });
}

function crates() {
    const host = execFileSync("rustc", ["-vV"], { encoding: "utf8" }).match(/^host: (.*)$/m)[1];
    const { packages } = JSON.parse(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", host));
    const linked = ROOTS.flatMap((root) =>
        cargo("tree", "--locked", "--target", host, "--edges", "normal,no-proc-macro", "--prefix", "none", "--package", root).split("\n"));
    const wanted = new Set(linked.map((line) => line.split(" ").slice(0, 2).join(" ")));
    const others = packages.filter((it) => it.source && wanted.has(`${it.name} v${it.version}`));
    return others.map((it) => {
        const folder = dirname(it.manifest_path);
        const named = it.license_file ? [readFileSync(join(folder, it.license_file), "utf8").trim()] : [];
        return { name: it.name, version: it.version, terms: it.license, by: it.authors.join(", "), at: it.repository, texts: [...new Set([...texts(folder), ...named])] };
    });
}

function npm() {
    return NPM.flatMap((folder) => {
        const lock = join(folder, "node_modules/.package-lock.json");
        if (!existsSync(lock)) throw new Error(`${lock} is missing: make web`);
        const installed = Object.entries(JSON.parse(readFileSync(lock, "utf8")).packages);
        return installed.filter(([, it]) => !it.dev && !it.devOptional && !it.optional).map(([path]) => {
            const about = JSON.parse(readFileSync(join(folder, path, "package.json"), "utf8"));
            const by = typeof about.author === "string" ? about.author : about.author?.name;
            const at = about.repository?.url ?? about.repository;
            return { name: about.name, version: about.version, terms: about.license, by, at, texts: texts(join(folder, path)) };
        });
    });
}

const parts = new Map([...crates(), ...npm()].map((it) => [`${it.name} ${it.version}`, it]));
const refused = [...parts.values()].filter((it) => !it.terms || !agreed(it.terms));
if (refused.length) {
    for (const it of refused) console.error(`${it.name} ${it.version}: ${it.terms ?? "no terms"}`);
    process.exit(1);
}

const known = new Map();
const lines = ["SmartPi is built from the works of many. Each is named with its terms; the texts that came with them follow, each once.", ""];
for (const it of [...parts.values()].sort((a, b) => a.name.localeCompare(b.name, "en"))) {
    const numbers = it.texts.map((text) => {
        const key = createHash("sha256").update(text.replace(/\s+/g, " ")).digest("hex");
        if (!known.has(key)) known.set(key, { number: known.size + 1, text });
        return known.get(key).number;
    });
    lines.push([`${it.name} ${it.version}: ${it.terms}`, it.by && `by ${it.by}`, it.at, numbers.length && `text ${numbers.join(", ")}`].filter(Boolean).join("; "));
}
for (const { number, text } of known.values()) lines.push("", `==== text ${number} ====`, "", text);
process.stdout.write(`${lines.join("\n")}\n`);
