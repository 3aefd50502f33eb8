const KINDS = ["phone", "speaker", "board", "script", "other"] as const;

/** What a device is, as docs/PROTOCOL.md names it. */
export type Kind = (typeof KINDS)[number];

/** A word of a newer protocol is `other`. */
export function kindOf(word: string): Kind {
  return KINDS.find((kind) => kind === word) ?? "other";
}
