const CONTROL = /\p{Cc}/u;

/** Whether a device may have this name: 1 to `longest` characters (32 in docs/PROTOCOL.md), trimmed. */
export function isName(typed: string, longest = 32): boolean {
  const name = typed.trim();
  const length = [...name].length;
  return length >= 1 && length <= longest && !CONTROL.test(name);
}
