const CONTROL = /\p{Cc}/u;

/** Whether a device may have this name: 1 to 32 characters (docs/PROTOCOL.md), trimmed. */
export function isName(typed: string): boolean {
  const name = typed.trim();
  const length = [...name].length;
  return length >= 1 && length <= 32 && !CONTROL.test(name);
}
