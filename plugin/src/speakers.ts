/** Who is behind a message that the host hands over: the host's hook tells the session, and the message itself comes a moment later without it. */

import { deviceOf, readSession } from "./devices.ts";

/** Who speaks. */
export interface Speaker {
  /** `agent:ID` or `terminal`; absent where the host does not tell. */
  by?: string;
  /** The device in whose conversation it is said. */
  device?: string;
  /** Whether the host told the session, so that no `device` means: in nobody's conversation. */
  isKnown: boolean;
}

export const NOBODY_KNOWN: Speaker = { isKnown: false };

/** A message comes at once after its hook; several pieces of one come one after the other. */
const FRESH_MS = 60_000;
const REMEMBERED = 64;

interface Heard { to: string; content: string; speaker: Speaker; at: number }

/** Speaker of a session; nobody known without one. */
export function speakerOf(sessionKey: string | null | undefined): Speaker {
  const { agentId, device } = readSession(sessionKey);
  if (agentId === undefined) return NOBODY_KNOWN;
  return { by: `agent:${agentId}`, ...(device === undefined ? {} : { device }), isKnown: true };
}

/** What the hook heard lately. */
export class Speakers {
  #heard: Heard[] = [];

  /** The host is about to send this. */
  hear(to: string, content: string, sessionKey: string | undefined, now = Date.now()): void {
    const device = deviceOf(to);
    if (device === undefined) return;
    this.#heard = [...this.#heard.filter(({ at }) => now - at < FRESH_MS), { to: device, content, speaker: speakerOf(sessionKey), at: now }].slice(-REMEMBERED);
  }

  /** Who says this text, or a piece of it. The newest that fits. */
  of(to: string, text: string, now = Date.now()): Speaker {
    const piece = text.trim();
    return this.#heard.findLast((heard) => heard.to === to && now - heard.at < FRESH_MS && heard.content.includes(piece))?.speaker ?? NOBODY_KNOWN;
  }
}
