/** Client of the service's control socket: docs/CONTROL.md. One request for each connection. */

import { connect } from "node:net";
import { readServiceFile, ServiceFilesError } from "./config.ts";

/** Longest answer of the socket, bytes: a list of all devices is long. */
const LINE_BYTES = 16 * 1024 * 1024;
/** A request that does not stream is answered within this. */
const ANSWER_MS = 15_000;

/** Why a request was not answered with `ok`. */
export class ControlError extends Error {
  /** `not_running`, `no_control`, `bad_answer`, or a failure code of the service. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Address of the control socket, from `service.json` beside the link key. */
export async function controlAddress(linkKeyFile: string): Promise<string> {
  try {
    const { control } = await readServiceFile(linkKeyFile);
    if (control === undefined) throw new ControlError("no_control", "service.json names no control socket");
    return control;
  } catch (error) {
    if (error instanceof ServiceFilesError) throw new ControlError("not_running", error.message);
    throw error;
  }
}

/**
 * Sends one request and resolves with its `ok`.
 *
 * `onEvent` gets the events of a request that streams; without it the request must be answered within 15 s.
 *
 * @throws {ControlError} for everything but `ok`.
 */
export async function ask(address: string, request: { do: string; [argument: string]: unknown }, onEvent?: (event: Record<string, unknown>) => void): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      finish();
    };
    const fail = (code: string, message: string): void => settle(() => reject(new ControlError(code, message)));
    const timer = onEvent ? undefined : setTimeout(() => fail("bad_answer", `no answer to ${request.do} within ${ANSWER_MS / 1000} s`), ANSWER_MS);
    let rest = Buffer.alloc(0);
    socket.on("connect", () => socket.write(`${JSON.stringify({ id: 1, ...request })}\n`));
    socket.on("error", (error) => fail("not_running", error.message));
    socket.on("close", () => fail("not_running", "the service closed the control socket"));
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        const line = rest.subarray(0, end).toString("utf8");
        rest = rest.subarray(end + 1);
        const answer = readAnswer(line);
        if (!answer) return fail("bad_answer", "the answer is not one JSON object a line");
        if (answer.event) onEvent?.(answer.event);
        if (answer.failure) return fail(String(answer.failure.code), String(answer.failure.detail ?? answer.failure.code));
        if (answer.ok) {
          const { ok } = answer;
          return settle(() => resolve(ok));
        }
      }
      if (rest.length > LINE_BYTES) fail("bad_answer", "a line is longer than 16 MiB");
    });
  });
}

type Fields = Record<string, unknown>;

function readAnswer(line: string): { ok?: Fields; event?: Fields; failure?: Fields } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isFields(value)) return undefined;
  const answer: { ok?: Fields; event?: Fields; failure?: Fields } = {};
  for (const name of ["ok", "event", "failure"] as const) if (isFields(value[name])) answer[name] = value[name];
  return answer;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
