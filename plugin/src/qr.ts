/**
 * A QR code for a terminal. The encoder is `qrcode-generator` (MIT, no dependencies, the port its author has kept since 2009), bundled at
 * build time: a QR encoder of our own would be one more thing to get wrong.
 */

import qrcode from "qrcode-generator";

const QUIET = 2;

/** Two rows of modules a line, as half blocks. `inColour` paints black on white, whatever the terminal's colours are. */
export function terminalQr(text: string, inColour: boolean): string {
  const code = qrcode(0, "M");
  code.addData(text, "Byte");
  code.make();
  const size = code.getModuleCount();
  const isDark = (row: number, column: number): boolean => row >= 0 && column >= 0 && row < size && column < size && code.isDark(row, column);
  const lines: string[] = [];
  for (let row = -QUIET; row < size + QUIET; row += 2) {
    let line = "";
    for (let column = -QUIET; column < size + QUIET; column += 1) {
      const [upper, lower] = [isDark(row, column), isDark(row + 1, column)];
      // Without colours the terminal is taken to be light on dark: a filled block is a light module.
      line += inColour ? (upper ? (lower ? "█" : "▀") : lower ? "▄" : " ") : upper ? (lower ? " " : "▄") : lower ? "▀" : "█";
    }
    lines.push(inColour ? `\u001b[30;107m${line}\u001b[0m` : line);
  }
  return lines.join("\n");
}
