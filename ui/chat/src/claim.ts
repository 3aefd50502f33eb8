/** This phone's side of a binding, between the service's hello and the person's confirmation. */
import { type BindingCode } from "./bindingCode.ts";
import { toBase64url } from "./encoding.ts";
import { bindCode, bindMac, checkBindWait, type DeviceKey, type Impostor, type Meeting } from "./proof.ts";
import { type BindWait, type FromDevice, VERSION } from "./wire.ts";

/** What a page on a phone is, and how its person confirms. */
const KIND = "phone";
const CONFIRM = "code";

/** What this phone wants to be. */
export interface Claim {
  readonly code: BindingCode;
  readonly key: DeviceKey;
  /** What the person calls this phone. */
  readonly phone: string;
}

/** The frame that claims a code. */
export function claimFrame(claim: Claim, meeting: Meeting): FromDevice {
  return {
    t: "bind",
    v: VERSION,
    b: toBase64url(claim.code.b),
    pk: toBase64url(claim.key.pk),
    cn: toBase64url(meeting.cn),
    name: claim.phone,
    kind: KIND,
    confirm: CONFIRM,
    mac: bindMac(claim.code, meeting, claim.key.pk, claim.phone, KIND, CONFIRM),
  };
}

/** Where a binding stands. */
export type ClaimState =
  /** The service's hello is awaited. */
  | { readonly is: "looking" }
  /** The service named itself and its key is the one in the QR code; the person decides. */
  | { readonly is: "found"; readonly service: string; readonly spk: Uint8Array }
  /** The claim is on its way. */
  | { readonly is: "claiming" }
  /** The person types these two digits at the computer. */
  | { readonly is: "code"; readonly digits: string; readonly until: number }
  | { readonly is: "failed"; readonly why: ClaimFailure };

/** Why a binding came to nothing. */
export type ClaimFailure = Impostor | "expired" | "refused" | "outdated" | "full" | "too_fast" | "no_answer";

/** The digits, if the service proved that it is the one of the QR code. */
export function answerToWait(claim: Claim, meeting: Meeting, frame: BindWait, now: number): ClaimState {
  const impostor = checkBindWait(claim.code, meeting, claim.key.pk, frame.mac, frame.sig);
  if (impostor !== null) return { is: "failed", why: impostor };
  return { is: "code", digits: bindCode(claim.code, meeting, claim.key.pk), until: now + frame.expires_s * 1000 };
}

/** What an error code means for a binding. */
export function failureOf(code: number): ClaimFailure {
  switch (code) {
    case 9016:
      return "refused";
    case 9010:
      return "outdated";
    case 9008:
      return "full";
    case 9005:
      return "too_fast";
    case 9003:
      return "no_answer";
    default:
      return "expired";
  }
}
