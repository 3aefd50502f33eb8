/** Reads JSON the way a hostile network needs it: bounded depth and size, no duplicate keys. */

const DEPTH = 8;
const ENTRIES = 64;

/** The text is not JSON within the bounds. */
export class StrictJsonError extends Error {}

/**
 * Parses one JSON value.
 *
 * @throws {StrictJsonError} for anything that is not JSON, nests deeper than 8, has more than 64 keys and items, or repeats a key.
 */
export function parseStrict(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new StrictJsonError("not JSON");
  }
  checkBounds(text);
  return value;
}

/** One open object or array of the text. */
interface Scope {
  /** Keys seen so far; absent for an array. */
  keys?: Set<string>;
  expectsKey: boolean;
}

/** Walks valid JSON once. `JSON.parse` keeps the last of two equal keys silently, so the text itself is looked at. */
function checkBounds(text: string): void {
  const open: Scope[] = [];
  let entries = 0;
  const countEntry = (): void => {
    entries += 1;
    if (entries > ENTRIES) throw new StrictJsonError("too many entries");
  };
  for (let at = 0; at < text.length; ) {
    const scope = open.at(-1);
    const sign = text[at];
    if (sign === '"') {
      const end = stringEnd(text, at);
      if (scope?.keys && scope.expectsKey) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (scope.keys.has(key)) throw new StrictJsonError("duplicate key");
        scope.keys.add(key);
        scope.expectsKey = false;
        countEntry();
      }
      at = end;
      continue;
    }
    if (sign === "{" || sign === "[") {
      if (open.length > DEPTH - 1) throw new StrictJsonError("too deep");
      open.push(sign === "{" ? { keys: new Set(), expectsKey: true } : { expectsKey: false });
      if (sign === "[" && !isEmptyArray(text, at)) countEntry();
    } else if (sign === "}" || sign === "]") {
      open.pop();
    } else if (sign === "," && scope) {
      if (scope.keys) scope.expectsKey = true;
      else countEntry();
    }
    at += 1;
  }
}

function isEmptyArray(text: string, start: number): boolean {
  const pattern = /\[\s*\]/y;
  pattern.lastIndex = start;
  return pattern.test(text);
}

/** Index after the closing quote of the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
