import type { Action, Plan, PlannedStep, Repair, RepairView, Running, Step, StepView } from "./backend";
import { placeText } from "./findingStory";
import type { Words } from "./locales/en";

/** Every plan, the recommended one first. */
export function plansOf(repair: Repair): Plan[] {
  return repair.kind === "plan" ? [repair.plan, ...repair.others] : [];
}

/** Which way out a plan is, and what that means. */
export function wayText({ choice, cause }: Plan, words: Words): { what: string; means: string } {
  const say = words.repair.ways;
  switch (choice?.kind) {
    case "keepRunning":
      return say.keepRunning;
    case "anotherPort":
      return { what: say.anotherPort.what, means: say.anotherPort.means(choice.port) };
    case "keepService":
    case undefined:
      return cause === "serviceAndCopy" ? say.keepService : say.keepFirst;
  }
}

/** What a step does, for a person. */
export function stepText(step: Step, words: Words): string {
  const say = words.repair.steps;
  switch (step.kind) {
    case "readTokenAgain":
      return say.readTokenAgain(placeText(step.place, words));
    case "removeRecord":
      return say.removeRecord(step.deviceId.slice(0, 8));
    case "switchOff":
      return step.stopsWithinMs === 0 ? say.release(step.unit) : say.switchOff(step.unit);
    case "forgetFailures":
      return say.forgetFailures(step.unit);
    case "switchOn":
      return say.switchOn(step.unit);
    case "restartService":
      return say.restartService(step.unit);
    case "rewriteService":
      return say.rewriteService(step.unit);
    case "setPort":
      return say.setPort(step.profile, step.port);
    case "moveService":
      return say.moveService(step.unit, step.port);
    case "forceGateway":
      return say.forceGateway(step.target.pid);
    case "endGateway":
      return say.endGateway(step.target.pid);
    case "forgetDeviceToken":
    case "connectWithSharedToken":
    case "connectWithDeviceToken":
    case "signAnew":
    case "newIdentity":
    case "connectAsNewDevice":
    case "approvePairing":
    case "writeAuth":
    case "writeEntries":
    case "reinstallService":
    case "restartGateway":
    case "awaitRestart":
    case "openDashboard":
      return say[step.kind];
  }
}

/** The exact action of a step. `exact`: to be copied as it is; else it is said in words. */
export function actionText(action: Action, words: Words): { label: string; text: string; exact: boolean } {
  const say = words.repair.actions;
  switch (action.kind) {
    case "own":
      return { label: say.own, text: "", exact: false };
    case "connect":
      return { label: say.connect, text: `ws://127.0.0.1:${action.port}`, exact: true };
    case "rpc":
      return { label: say.rpc, text: `${action.method} ${JSON.stringify(action.params)}`, exact: true };
    case "command":
      return { label: say.command, text: [action.program, ...action.arguments].join(" "), exact: true };
    case "signal":
      return { label: say.signal, text: `kill -${action.signal} ${action.pid}`, exact: true };
    case "config":
      return { label: say.config, text: action.paths.join(", "), exact: true };
    case "open":
      return { label: say.open, text: "", exact: false };
    case "person":
      return { label: say.person, text: "", exact: false };
  }
}

/** Whether two looks showed that it helped, and it was not taken back. */
export function hasHelped({ outcome, steps }: Pick<RepairView, "outcome" | "steps">): boolean {
  return outcome?.kind === "verified" && steps.every(({ state }) => state !== "undone");
}

const STOPS = ["gateway", "sharedTokenClients", "ourLink"] as const satisfies readonly PlannedStep["stops"][];
const RISKS = ["interrupts", "some", "none"] as const satisfies readonly PlannedStep["risk"][];

/** What a person may notice meanwhile, the worst first. */
export function stopsOf({ steps }: Plan, words: Words): string[] {
  const say = words.repair.stops;
  const found = STOPS.filter((stop) => steps.some(({ stops }) => stops === stop)).map((stop) => say[stop]);
  return found.length > 0 ? found : [say.nothing];
}

/** What can go wrong at worst. */
export function riskOf({ steps }: Plan, words: Words): string {
  const worst = RISKS.find((risk) => steps.some((step) => step.risk === risk)) ?? "none";
  return words.repair.risks[worst];
}

/** What undo would do, and what it cannot. */
export function undoOf({ steps }: Plan, words: Words): string {
  const say = words.repair;
  const isKept = steps.some(({ undo }) => undo === "putBack");
  const lasting = steps.flatMap(({ undo }, index) => (undo === "impossible" ? [String(index + 1)] : []));
  if (lasting.length > 0) return words.parts.sentences([...(isKept ? [say.undoPutBack] : []), say.undoNot(words.parts.list(lasting))]);
  return isKept ? say.undoPutBack : say.undoNothing;
}

/** Whether the token that all share is sent, and to whom. */
export function sentOf({ steps }: Plan, words: Words): string {
  const say = words.repair;
  if (!steps.some(({ sendsSharedToken }) => sendsSharedToken)) return say.sendsNone;
  const ports = steps.flatMap(({ step }) => ("port" in step ? [step.port] : []));
  return ports[0] === undefined ? say.sends : say.sendsTo(ports[0]);
}

/** What to do in the browser where an old token stays in it; empty where no browser is part of it. `gateway`: the address of OpenClaw. */
export function siteDataOf({ steps }: Plan, gateway: string | null, words: Words): string {
  if (!steps.some(({ step }) => step.kind === "openDashboard")) return "";
  const place = (gateway ?? DASHBOARD).replace(/^ws/, "http").replace(/\/$/, "");
  return words.repair.siteData(place);
}

/** Where OpenClaw listens if nobody says otherwise. */
const DASHBOARD = "ws://127.0.0.1:18789";

/** The steps of a repair that is going on, where only its progress is known. */
export function progressOf({ steps }: Plan, running: Running): StepView[] {
  return steps.map((_, index) => ({ state: index < running.step ? "done" : index === running.step ? "running" : "waiting", failure: null }));
}

/** How a repair stands, in words. `running`: it is the one that is going on, by this plan where it is known. */
export type RepairStory = { shape: "good" | "bad" | "wait" | "off" | "busy"; title: string; text: string };

export function repairStory(repair: Pick<RepairView, "outcome" | "interrupted" | "steps">, running: Running | null, words: Words, plan: Plan | null = null): RepairStory {
  const say = words.repair;
  if (running !== null) {
    if (plan?.steps[running.step]?.step.kind === "awaitRestart") return { shape: "wait", title: say.yourTurn, text: say.yourTurnText };
    if (running.waits) return { shape: "wait", title: say.waits, text: say.waitsText };
    const isChecking = running.step >= running.of;
    return { shape: "busy", title: say.running, text: isChecking ? say.checking : say.stepOf(running.step + 1, running.of) };
  }
  if (repair.steps.some(({ state }) => state === "undone")) return { shape: "off", title: say.outcomes.undone.what, text: say.outcomes.undone.means };
  const { outcome } = repair;
  if (repair.interrupted || outcome === null) return { shape: "wait", title: say.interrupted, text: say.interruptedText };
  switch (outcome.kind) {
    case "verified":
      return { shape: "good", title: say.outcomes.verified.what, text: say.outcomes.verified.means };
    case "didNotHelp":
      return { shape: "bad", title: say.outcomes.didNotHelp.what, text: say.outcomes.didNotHelp.means };
    case "failed":
      return { shape: "bad", title: say.stopped, text: say.failedAt(outcome.step + 1) };
    case "changed":
      return { shape: "wait", title: say.stopped, text: say.changedAt(outcome.step + 1) };
    case "expired":
      return { shape: "wait", title: say.outcomes.expired.what, text: say.outcomes.expired.means };
    case "notRecorded":
      return { shape: "bad", title: say.stopped, text: say.notRecorded };
  }
}
