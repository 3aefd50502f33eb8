/** The terms of a session: what it is for, what happens to it, what it asks for. */
import type { Claim } from "./claim.ts";
import type { Outgoing } from "./outbox.ts";
import type { DeviceKey } from "./proof.ts";
import type { FromDevice, Reply, ToDevice } from "./wire.ts";

/** What the session is for. */
export type Goal =
  /** Learn the name of the service that a QR code names. */
  | { readonly is: "look"; readonly k: Uint8Array }
  /** Claim the code, then talk. */
  | { readonly is: "bind"; readonly claim: Claim }
  /** Talk to the service this phone is bound to. `pending`: the confirmation got lost, and auth shows whether there was one. */
  | { readonly is: "talk"; readonly key: DeviceKey; readonly spk: Uint8Array; readonly pending: Claim | "nothing more" | null };

/** Why the session stays closed until the person does something. */
export type Stop = "removed" | "elsewhere" | "other_computer" | "refused" | "outdated" | "done";

/** What the person sees of the connection. `since`: when the computer was last heard of, milliseconds since 1970. */
export type Connection =
  | { readonly is: "connecting" | "connected" | "assistant_away" }
  | { readonly is: "unreachable"; readonly since: number }
  | { readonly is: "stopped"; readonly why: Stop };

export type SessionEvent =
  /** Start, come back from sleep, network is back, or the person asks: try now. */
  | { readonly is: "wake" }
  /** The browser says that the network is gone, which may be wrong: ask the service. */
  | { readonly is: "doubt" }
  | { readonly is: "frame"; readonly conn: number; readonly frame: ToDevice }
  | { readonly is: "garbled"; readonly conn: number }
  | { readonly is: "closed"; readonly conn: number; readonly code: number }
  | { readonly is: "tick" }
  /** A message of the person is saved here. */
  | { readonly is: "written"; readonly message: Outgoing }
  /** The store has other things that wait than this session knew. */
  | { readonly is: "waiting"; readonly messages: readonly Outgoing[] }
  | { readonly is: "renamed"; readonly id: string; readonly newId: string }
  /** A reply is saved here, or could not be. */
  | { readonly is: "kept"; readonly conn: number; readonly n: number; readonly ok: boolean }
  /** The digits are on the screen. */
  | { readonly is: "shown" };

/** What the driver does, in order. */
export type Effect =
  | { readonly do: "dial"; readonly conn: number }
  | { readonly do: "send"; readonly conn: number; readonly frame: FromDevice }
  | { readonly do: "hang_up"; readonly conn: number; readonly code: number }
  /** Save the reply, show it, then say `kept`. */
  | { readonly do: "keep"; readonly conn: number; readonly reply: Reply; readonly epoch: string }
  /** Forget how far this phone got. `n`: the highest reply that the service ever made for it. */
  | { readonly do: "restart"; readonly epoch: string; readonly n: number }
  /** The claim is confirmed: the pending binding is the binding. */
  | { readonly do: "promote" }
  /** The service does not know the pending binding. */
  | { readonly do: "drop_pending" }
  /** For the conversation: what became of a message. */
  | { readonly do: "tell"; readonly frame: Extract<ToDevice, { t: "ack" | "turn" | "partial" | "err" }> }
  | { readonly do: "settle"; readonly id: string; readonly state: "saved" | "failed"; readonly code?: number }
  | { readonly do: "rename"; readonly id: string };
