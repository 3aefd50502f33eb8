import type { DeviceToken, PairingRequest } from "./backend";
import type { Words } from "./locales/en";

/** A scope of OpenClaw, or a role, that a person is told in words. */
export type Right = { word: string; isRole: boolean; isStrong: boolean };

const ADMIN = "operator.admin";
const OPERATOR = "operator";

/** Every scope that OpenClaw 2026.9.6 knows, the one that allows most first. */
const SCOPES = [
  ADMIN, "operator.pairing", "operator.write", "operator.read", "operator.approvals", "operator.questions", "operator.sessions.write", "operator.sessions.read",
  "operator.talk", "operator.talk.secrets",
];
const STRONG = new Set([ADMIN, "operator.pairing", "operator.approvals", "operator.talk.secrets"]);

/** What a scope allows besides itself, as OpenClaw judges it. */
const COVERED: Readonly<Record<string, readonly string[]>> = {
  "operator.write": ["operator.read", "operator.talk", "operator.sessions.read", "operator.sessions.write"],
  "operator.read": ["operator.sessions.read"],
  "operator.sessions.write": ["operator.sessions.read"],
};

function covers(held: string, wanted: string): boolean {
  if (held === wanted) return true;
  return held === ADMIN ? wanted.startsWith("operator.") : (COVERED[held]?.includes(wanted) ?? false);
}

/** Whether one of these scopes allows what `wanted` does. */
export function isAllowed(wanted: string, held: readonly string[]): boolean {
  return held.some((scope) => covers(scope, wanted));
}

/** As few scopes as allow the same, the strongest first; one that we do not know comes last, as it is. */
function fewest(scopes: readonly string[]): string[] {
  const all = [...new Set(scopes)];
  const place = (scope: string): number => (SCOPES.includes(scope) ? SCOPES.indexOf(scope) : SCOPES.length);
  return all.filter((scope) => !all.some((other) => other !== scope && covers(other, scope))).sort((one, other) => place(one) - place(other));
}

/** What roles and scopes allow. An operator, which is what a device without a role is, may do what its scopes say; where it has none, that is said. */
export function rightsOf(roles: readonly string[], scopes: readonly string[]): Right[] {
  const told = fewest(scopes).map((word) => ({ word, isRole: false, isStrong: STRONG.has(word) }));
  const named = [...new Set(roles.length > 0 ? roles : [OPERATOR])].filter((role) => role !== OPERATOR || told.length === 0);
  return [...told, ...named.map((word) => ({ word, isRole: true, isStrong: false }))];
}

/** What a request is about: `fresh` is what approving it adds, `held` what the device has now. */
export type Asked = { kind: "new" | "more" | "same"; fresh: Right[]; held: Right[] };

export function askedBy(request: PairingRequest): Asked {
  const { approvedRoles, approvedScopes } = request;
  if (approvedRoles === null && approvedScopes === null) return { kind: "new", fresh: rightsOf(request.roles, request.scopes), held: [] };
  const [roles, scopes] = [approvedRoles ?? [], approvedScopes ?? []];
  const newScopes = request.scopes.filter((scope) => !isAllowed(scope, scopes));
  const newRoles = request.roles.filter((role) => !roles.includes(role));
  const fresh = newRoles.length === 0 && newScopes.length === 0 ? [] : rightsOf(newRoles, newScopes);
  return { kind: fresh.length === 0 ? "same" : "more", fresh, held: rightsOf(roles, scopes) };
}

/** Whether both ask for the same: what a person read of one is true of the other. */
export function isSameRequest(one: PairingRequest, other: PairingRequest): boolean {
  const read = ({ atMs: _, ...rest }: PairingRequest): string => JSON.stringify(rest);
  return read(one) === read(other);
}

/** Whether a device with these scopes may grant it, as OpenClaw's rules say. */
export function mayApprove(request: PairingRequest, held: readonly string[]): boolean {
  const needed = request.roles.every((role) => role === OPERATOR) ? request.scopes : [ADMIN];
  return isAllowed("operator.pairing", held) && needed.every((scope) => isAllowed(scope, held));
}

/** Whether these scopes allow everything; only then may a device change others. */
export function hasFullControl(held: readonly string[]): boolean {
  return held.includes(ADMIN);
}

/** A right in words; what is not known is shown as it is. */
export function rightText({ word, isRole }: Right, words: Words): string {
  const { scopes, roles } = words.gateway;
  if (isRole) return Object.hasOwn(roles, word) ? roles[word as keyof typeof roles].right : word;
  return Object.hasOwn(scopes, word) ? scopes[word as keyof typeof scopes] : word;
}

/** The name of a role; what is not known is shown as it is. */
export function roleText(role: string, words: Words): string {
  const { roles } = words.gateway;
  return Object.hasOwn(roles, role) ? roles[role as keyof typeof roles].name : role;
}

/** When the last of its tokens was taken back: the device is known since, and gets in no more. Null: it has one that is good, or never had any. */
export function revokedAt(tokens: readonly Pick<DeviceToken, "revokedMs">[]): number | null {
  const ends = tokens.flatMap(({ revokedMs }) => (revokedMs === null ? [] : [revokedMs]));
  return ends.length > 0 && ends.length === tokens.length ? Math.max(...ends) : null;
}
