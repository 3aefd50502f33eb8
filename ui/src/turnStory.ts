import type { AssistantView, Turn } from "./backend";
import type { Words } from "./locales/en";

/** What became of a question, and the shape that goes with it. */
export type TurnStory = { shape: "good" | "busy" | "wait" | "bad" | "off"; text: string };

/** One turn in plain words. `lasting` says a span of ms. */
export function turnStory(turn: Turn, assistant: AssistantView, lasting: (ms: number) => string, words: Words): TurnStory {
  const say = words.activity;
  if (turn.outcome) return ended(turn, turn.outcome, lasting, words);
  if (turn.state === "queued") {
    const isAway = assistant.kind === "gateway" && assistant.link === "offline";
    return { shape: "wait", text: isAway ? say.waitsForAssistant : say.queued };
  }
  return turn.late ? { shape: "wait", text: say.workingLate } : { shape: "busy", text: say.working };
}

function ended(turn: Turn, outcome: string, lasting: (ms: number) => string, words: Words): TurnStory {
  const say = words.activity;
  switch (outcome) {
    case "answered": {
      const end = turn.finalMs ?? turn.sentMs;
      if (!end) return { shape: "good", text: say.ended };
      const after = lasting(end - turn.receivedMs);
      return turn.late ? { shape: "wait", text: say.answeredLate(after) } : { shape: "good", text: say.answered(after) };
    }
    case "silent":
      return { shape: "good", text: say.silent };
    case "failed":
      return { shape: "bad", text: say.failed };
    case "aborted":
      return { shape: "bad", text: say.aborted };
    case "stopped":
      return { shape: "bad", text: say.stopped };
    case "duplicate":
      return { shape: "bad", text: say.duplicate };
    default:
      // An outcome of a newer service: it is over, and nothing more is known here.
      return { shape: "off", text: say.ended };
  }
}

const STEPS = ["receivedMs", "storedMs", "deliveredMs", "acceptedMs", "startedMs", "toolMs", "firstTokenMs", "finalMs", "sentMs", "gotMs"] as const;

/** Name of a measured step. */
export type Step = (typeof STEPS)[number];

/** The steps that were measured, in the order in which they happened; `afterMs` counts from the arrival. */
export function turnSteps(turn: Turn): { step: Step; afterMs: number }[] {
  const measured = STEPS.flatMap((step) => {
    const at = turn[step];
    return typeof at === "number" ? [{ step, afterMs: at - turn.receivedMs }] : [];
  });
  return measured.sort((one, other) => one.afterMs - other.afterMs);
}
