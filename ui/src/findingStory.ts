import type { Blind, Cause, Contradiction, CopyPlace, Evidence, FindingView, NoPlan, Nobody, NotMine, Occupant, Publisher, Referred, Refusal, ServiceSeen, Unseen } from "./backend";
import type { Words } from "./locales/en";
import { clientName } from "./program";

/** One thing that shows a finding: what it is about, and what it says. `exact`: to be copied as it is. */
export type Fact = { label: string; text: string; exact?: boolean };

/** Says a moment, and a span of ms. */
export type Say = { at: (ms: number) => string; lasting: (ms: number) => string };

/** As their makers call them. */
const ENGINES = { docker: "Docker", podman: "Podman" };

/** What shows a finding, in words. */
export function factsOf(evidence: readonly Evidence[], say: Say, words: Words): Fact[] {
  return evidence.flatMap((one) => factOf(one, say, words));
}

function factOf(evidence: Evidence, { at, lasting }: Say, words: Words): Fact[] {
  const { labels, facts } = words.evidence;
  switch (evidence.kind) {
    case "occupant":
      return [{ label: labels.occupant, text: occupantText(evidence.process, words) }];
    case "notMine":
      return [{ label: labels.why, text: notMineText(evidence.why, words) }];
    case "nobody":
      return [{ label: labels.why, text: nobodyText(evidence.why, words) }];
    case "unseen":
      return [{ label: labels.unseen, text: unseenText(evidence.what, words) }];
    case "contradiction":
      return [{ label: labels.contradiction, text: words.evidence.contradictions[evidence.what satisfies Contradiction] }];
    case "refusal":
      return [{ label: labels.refusal, text: refusalText(evidence.refusal, lasting, words) }];
    case "stopped":
      return [{ label: labels.why, text: facts.stopped }];
    case "silent":
      return [{ label: labels.why, text: facts.silent }];
    case "copy":
      // Copies have a list of their own.
      return [];
    case "clockAhead":
      return [{ label: labels.clock, text: evidence.ms > 0 ? facts.clockAhead(lasting(evidence.ms)) : facts.clockBehind(lasting(-evidence.ms)) }];
    case "request":
      return [
        { label: labels.request, text: words.evidence.reasons[evidence.reason] },
        ...(evidence.id === null ? [] : [{ label: words.gateway.requestId, text: evidence.id, exact: true }]),
      ];
    case "device":
      return [{ label: labels.device, text: evidence.name === null ? evidence.id.slice(0, 8) : facts.device(clientName({ name: evidence.name, deviceId: evidence.id }), evidence.id.slice(0, 8)) }];
    case "dashboards":
      return [{ label: labels.dashboards, text: facts.dashboards(evidence.count, at(evidence.lastMs)) }];
    case "service":
      return serviceFacts(evidence.service, words);
    case "port":
      return [{ label: labels.port, text: String(evidence.port) }];
    case "missing":
      return [{ label: labels.missing, text: evidence.path, exact: true }];
    case "temporary":
      return [{ label: labels.temporary, text: evidence.path, exact: true }];
    case "beside":
      return [{ label: labels.beside, text: [occupantText(evidence.process, words), evidence.port === null ? "" : facts.onPort(evidence.port)].filter(Boolean).join(words.evidence.comma) }];
    case "guarded":
      return [{ label: labels.guarded, text: evidence.by.kind === "pm2" ? facts.pm2(evidence.by.name ?? "?") : facts.app(evidence.by.program, evidence.by.pid) }];
    case "published":
      return [{ label: labels.published, text: publishedText(evidence.by, words) }];
    case "olderRelease":
      return [{ label: labels.why, text: facts.older(evidence.release, evidence.wrote) }];
    case "inherited":
      return [{ label: labels.why, text: facts.inherited(evidence.variable) }];
    case "nextStart":
      return [{ label: labels.nextStart, text: facts.nextStart(evidence.unit, evidence.pid) }];
  }
}

function serviceFacts({ unit, manager, scope, path, port, stateDir, phase, restarts, exitStatus }: ServiceSeen, words: Words): Fact[] {
  const { labels, facts, phases, scopes, managers } = words.evidence;
  const told = [unit, scopes[scope], manager === undefined || manager === "systemd" ? "" : managers[manager], port === null ? "" : facts.onPort(port), phases[phase], restarts > 0 ? facts.restarts(restarts) : "", exitStatus === null || (phase !== "failed" && phase !== "restarting") ? "" : facts.exitStatus(exitStatus)];
  return [
    { label: labels.service, text: told.filter(Boolean).join(words.evidence.comma) },
    ...(path === null ? [] : [{ label: labels.definition, text: path, exact: true }]),
    ...(stateDir === null ? [] : [{ label: labels.stateDir, text: stateDir, exact: true }]),
  ];
}

function occupantText({ pid, program, uid, container, unit }: Occupant, words: Words): string {
  const { facts } = words.evidence;
  const where = container !== null ? facts.inContainer(container) : unit !== null ? facts.byUnit(unit) : "";
  return [facts.process(program ?? facts.someProgram, pid), where, uid === null ? "" : facts.ofUser(uid)].filter(Boolean).join(words.evidence.comma);
}

function publishedText({ engine, container }: Publisher, words: Words): string {
  const { facts } = words.evidence;
  if (engine === "wsl") return facts.publishesWsl;
  return container === null ? facts.publishesUnnamed(ENGINES[engine]) : facts.publishes(ENGINES[engine], container);
}

function notMineText(why: NotMine, words: Words): string {
  const say = words.evidence.notMine;
  switch (why.kind) {
    case "anotherState":
      return why.stateDir === null ? say.anotherState : say.anotherStateAt(why.stateDir);
    case "anotherPort":
      return say.anotherPort(why.port);
    case "anotherUser":
    case "earlierProcess":
    case "nodeHost":
    case "noGateway":
    case "inContainer":
      return say[why.kind];
  }
}

function nobodyText(why: Nobody, words: Words): string {
  const say = words.evidence.nobody;
  switch (why.kind) {
    case "stopped":
      return say.stopped;
    case "lockLeft":
      return say.lockLeft(why.pid);
    case "elsewhere":
      return why.port === null ? say.elsewhere(why.pid) : say.elsewhereAt(why.pid, why.port);
    case "lockUnseen":
      return say.lockUnseen(blindText(why.why, words));
  }
}

function unseenText(what: Unseen, words: Words): string {
  const say = words.evidence.unseen;
  switch (what.kind) {
    case "listeners":
      return say.listeners(blindText(what.why, words));
    case "owner":
      return say.owner(what.uid, blindText(what.why, words));
    case "process":
      return say.process(what.pid, words.evidence.processFacts[what.fact], blindText(what.why, words));
    case "lock":
      return say.lock(blindText(what.why, words));
    case "lockWithoutStart":
      return say.lockWithoutStart;
    case "lockOlderThanBoot":
      return say.lockOlderThanBoot;
    case "sandboxed":
      return say.sandboxed(what.pid);
    case "here":
      return say.here(blindText(what.why, words));
  }
}

/** Why something cannot be seen. */
export function blindText(why: Blind, words: Words): string {
  return words.evidence.blind[why];
}

function refusalText(refusal: Refusal, lasting: (ms: number) => string, words: Words): string {
  const say = words.evidence.refusals;
  switch (refusal.kind) {
    case "pairingRequired":
      return say.pairingRequired;
    case "protocol":
      return refusal.expected === null ? say.protocol : say.protocolOf(refusal.expected);
    case "rateLimited":
      return refusal.retryAfterMs === null ? say.rateLimited : say.rateLimitedFor(lasting(refusal.retryAfterMs));
    case "unrecognised":
      return say.unrecognised(refusal.code);
    case "tokenMissing":
    case "tokenMismatch":
    case "deviceTokenMismatch":
    case "scopeMismatch":
    case "signatureInvalid":
    case "signatureExpired":
      return say[refusal.kind];
  }
}

/** What a reference leads to, in sentences of this kind. */
function referredText(to: Referred, say: Words["evidence"]["referred"]): string {
  switch (to.kind) {
    case "variable":
    case "store":
      return say[to.kind](to.name);
    case "file":
      return say.file(to.path);
    case "program":
    case "provider":
      return say[to.kind](to.provider);
  }
}

function referenceText({ to, found }: { to: Referred; found: boolean }, words: Words): string {
  const text = referredText(to, words.evidence.referred);
  return found ? words.evidence.refers(text) : words.evidence.refersInVain(text);
}

/** A copy of the shared token: where, exactly where, and what is there. `same`: it is the one that counts, or equal to it; null where it holds none. */
export type TokenCopy = { place: string; exact: string; value: string; wins: boolean; same: boolean | null };

/** Every copy of the shared token, the one that counts first. */
export function copiesOf(evidence: readonly Evidence[], words: Words): TokenCopy[] {
  const all = evidence.filter((one) => one.kind === "copy");
  const winner = all.find(({ wins }) => wins)?.copy.value;
  const copies = all.map(({ copy: { place, value }, wins }): TokenCopy => {
    const mark = value.kind === "token" ? value.fingerprint : null;
    const same = mark === null ? null : winner?.kind === "token" && winner.fingerprint === mark;
    const told = value.kind === "reference" ? referenceText(value, words) : words.evidence.placeholder;
    const exact = [..."path" in place ? [place.path] : [], ..."name" in place ? [place.name] : []].join(" · ");
    return { place: placeText(place, words), exact, value: mark ?? told, wins, same };
  });
  return copies.sort((one, other) => Number(other.wins) - Number(one.wins));
}

/** Where a copy of the token lives. */
export function placeText(place: CopyPlace, words: Words): string {
  const say = words.evidence.places;
  return place.kind === "gateway" ? say.gateway(place.pid) : say[place.kind];
}

/** What a person can do where there is no plan. */
export type Counsel = { text: string; command: string; report: boolean };

/** `lookedMs`: when it was looked. `served`: OpenClaw has a service here, and one that is started by hand would be in its way. */
export function counsel(finding: Pick<FindingView, "cause" | "evidence">, why: NoPlan, lookedMs: number | null, now: number, at: (ms: number) => string, words: Words, served = false): Counsel {
  const say = words.health.counsel;
  const plain = (text: string, command = "", report = false): Counsel => ({ text, command, report });
  switch (why.kind) {
    case "notAboutTokens":
      return plain(finding.cause === "wrongInstance" ? say.otherInstance : say.otherProgram);
    case "nothingLeft":
      return plain(say.nothingLeft, "", true);
    case "wait": {
      const until = (lookedMs ?? now) + why.afterMs;
      return plain(until > now ? say.wait(at(until)) : say.waited);
    }
    case "onlyThePerson":
      break;
  }
  switch (why.advice) {
    case "startGateway":
      return plain(say.startGateway, served ? words.welcome.startServiceCommand : words.welcome.startCommand);
    case "wakeGateway":
      return plain(say.wakeGateway, words.welcome.restartCommand);
    case "enterToken":
      return plain(finding.cause === "copiesDiffer" ? say.sameToken : say.enterToken);
    case "mendReference": {
      const values = finding.evidence.map((one) => (one.kind === "copy" ? one.copy.value : null));
      const reference = values.find((value) => value?.kind === "reference");
      return plain(reference?.kind === "reference" ? referredText(reference.to, say.referred) : say.enterToken);
    }
    case "report":
      return plain(say.report, "", true);
    case "reinstallService":
      return plain(finding.cause === "legacyService" ? say.replaceService : finding.cause === "servicePathTemporary" ? say.installElsewhere : say.reinstallService);
    case "stopContainer": {
      const by = finding.evidence.map((one) => (one.kind === "published" ? one.by : null)).find((one) => one !== null);
      if (by === undefined || by.engine === "wsl") return plain(say.stopInWsl);
      return plain(by.container === null ? say.stopSomeContainer(ENGINES[by.engine]) : say.stopContainer(by.container));
    }
    case "setClock":
    case "update":
    case "keepOneService":
    case "stopCopy":
    case "startService":
    case "startAsService":
    case "readServiceLog":
    case "leaveToKeeper":
    case "endAtGuardian":
      return plain(say[why.advice]);
  }
}

/** What happened, and what it means; a cause of a newer program is `unrecognised`. */
export function causeWords(cause: Cause, words: Words): { what: string; means: string } {
  const known = words.health.causes;
  return Object.hasOwn(known, cause) ? known[cause] : known.unrecognised;
}
