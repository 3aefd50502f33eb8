/** The agent, or a person at the gateway's command line, speaks to a device without being asked. */

import { CHANNEL_ID } from "./config.ts";
import { deviceOf } from "./devices.ts";
import type { Bridge } from "./bridge.ts";
import type { OutboundContext } from "./host.ts";
import { newRid, PUSH_LIMIT } from "./outbox.ts";
import { cutPieces } from "./pieces.ts";
import type { Speaker } from "./speakers.ts";
import type { Push } from "./wire.ts";
import { attachmentWords, both, SAY } from "./words.ts";

/** What the host learns of a message that was taken. */
export interface SentMessage { channel: string; messageId: string; chatId: string }

/** The host says this after a crash before it runs an interrupted request again. The device sees the turn go on instead. */
const RECOVERY_NOTICE = /^I['’]m continuing your interrupted request now/;
/** And this when a crash came between an answer and its note of it. Our outbox knows better: the device has the answer, or gets it, or is told that nobody knows. */
const UNSURE_NOTICE = /^I couldn['’]t confirm whether my previous reply reached this chat/;

/**
 * Takes a text of the host's own delivery: a recovered answer, a schedule, an older host's `message` tool. Resolves when it is safe on disk; the service answers
 * later, and decides whether it may reach that device.
 *
 * @throws {Error} for a target that is no device key, an empty text, or a full outbox.
 */
export async function sendText(bridge: Bridge, context: OutboundContext): Promise<SentMessage> {
  return send(bridge, context, context.text ?? "");
}

/** As {@link sendText}; the file itself is told in words, because devices show text only. */
export async function sendMedia(bridge: Bridge, context: OutboundContext): Promise<SentMessage> {
  return send(bridge, context, withMedia(context.text, context.mediaUrl));
}

/** A text with words in place of its file. */
export function withMedia(text: string | undefined, mediaUrl: string | undefined): string {
  return [text ?? "", mediaUrl ? attachmentWords(mediaUrl) : ""].filter((part) => part.trim() !== "").join("\n");
}

async function send(bridge: Bridge, context: OutboundContext, text: string): Promise<SentMessage> {
  const to = deviceOf(context.to);
  if (!to) throw new Error(`"${context.to}" is not a SmartPi device key (26 characters a-z, 2-7); openclaw smartpi accounts list shows them`);
  const rids = await speak(bridge, { to, text, speaker: bridge.speakers.of(to, context.text ?? ""), replyToId: context.replyToId ?? undefined });
  return { channel: CHANNEL_ID, messageId: rids.at(-1) ?? newRid("push"), chatId: to };
}

/** Something to be said to a device. */
export interface Saying { to: string; text: string; speaker: Speaker; replyToId?: string | undefined }

/**
 * Puts it on its way: as the answer of a turn that waits for it, else as a push.
 *
 * @returns the ids of the pushes; none where it became an answer.
 * @throws {Error} for an empty text or a full outbox.
 */
export async function speak(bridge: Bridge, { to, text, speaker, replyToId }: Saying): Promise<string[]> {
  const said = cutPieces(text);
  if (said.length === 0) throw new Error("the message is empty");
  if (bridge.outbox.size >= PUSH_LIMIT) throw new Error("the SmartPi service has not taken messages for a long time; the outbox is full");

  const asker = bridge.inbound.current ?? (replyToId ? bridge.inbound.find(replyToId) : undefined) ?? (speaker.device ? bridge.inbound.running(speaker.device) : undefined);
  // An answer that comes without its question is one of this device only where the host does not name another conversation.
  const isOthers = speaker.isKnown && speaker.device !== to;
  const orphan = asker || isOthers ? undefined : bridge.answered.orphanOf(to);
  if (orphan && RECOVERY_NOTICE.test(text)) {
    bridge.log.info(`the gateway continues an interrupted request of ${to}`);
    return [];
  }
  if (!isOthers && UNSURE_NOTICE.test(text)) {
    bridge.log.info(`the gateway does not know whether an answer reached ${to}; SmartPi does`);
    return [];
  }
  if (!asker && !isOthers && (await bridge.inbound.claimPush(to, text))) {
    bridge.log.info(`the answer to an interrupted request of ${to} came${speaker.by === undefined ? "" : ` from ${speaker.by}`}`);
    return [];
  }

  const ownTurn = asker?.device === to ? asker : undefined;
  if (ownTurn) ownTurn.answers += 1;
  // Who says nothing of a conversation may mean anything: the device is told so, and the question keeps its own end.
  const isGuess = orphan !== undefined && !speaker.isKnown;
  if (orphan && !isGuess) bridge.inbound.onOrphanPush(orphan);
  const reTurn = ownTurn?.id ?? (isGuess ? undefined : orphan);
  const by = speaker.by ?? (asker?.agentId === undefined ? undefined : `agent:${asker.agentId}`);
  const pieces = isGuess ? cutPieces(`${both(SAY.mayAnswer)}\n${text}`) : said;
  const pushes = pieces.map((piece): Push => ({
    t: "push",
    rid: newRid("push"),
    to,
    text: piece,
    ...(by === undefined ? {} : { by }),
    ...(reTurn === undefined ? {} : { re_turn: reTurn }),
  }));
  await Promise.all(pushes.map((push) => bridge.outbox.keep(push)));
  return pushes.map(({ rid }) => rid);
}
