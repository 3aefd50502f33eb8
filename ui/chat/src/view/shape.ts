/** The shapes that go with states and buttons: never a colour alone. */

const PATHS = {
  connected: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18m-1.2 13.2-4-4 1.5-1.5 2.5 2.5 5.5-5.5 1.5 1.500z",
  connecting: "M12 3a9 9 0 0 1 9 9h-2.500a6.5 6.5 0 0 0-6.5-6.500zM3 12a9 9 0 0 0 9 9v-2.500A6.5 6.5 0 0 1 5.5 12z",
  unreachable: "M12 3 1.5 21h21zm-1.2 7h2.400v5.500h-2.400zm0 7h2.400v2.200h-2.400z",
  assistant_away: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 8h2.500v8H8.500zm4.5 0h2.500v8H13z",
  stopped: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18m4.2 11.7-1.5 1.5-2.7-2.7-2.7 2.7-1.5-1.5 2.7-2.7-2.7-2.7 1.5-1.5 2.7 2.7 2.7-2.7 1.5 1.5-2.7 2.700z",
  elsewhere: "M8 3h13v13h-4v5H3V8h5zm2 2v3h7v6h2V5z",
  waiting: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18m0 2a7 7 0 1 1 0 14 7 7 0 0 1 0-14m-1 2v6l4.5 2.7 1-1.6-3.5-2.100V7z",
  saved: "m9.5 17.5-5-5L6 11l3.5 3.500L18 6l1.5 1.500z",
  working: "M5 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4m7 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4m7 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  answered: "m6.5 17.5-5-5L3 11l3.5 3.500L15 6l1.5 1.500zm7-2 1.5-1.5.5.500L22 6l1.5 1.5-8 10z",
  failed: "M12 3 1.5 21h21zm-1.2 7h2.400v5.500h-2.400zm0 7h2.400v2.200h-2.400z",
  send: "M11 20V8l-5 5-1.5-1.500L12 4l7.5 7.500L18 13l-5-5v12z",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18m0 2a7 7 0 1 1 0 14 7 7 0 0 1 0-14m-1 2h2v2h-2zm0 4h2v6h-2z",
  down: "M11 4v12l-5-5-1.5 1.500L12 20l7.5-7.500L18 11l-5 5V4z",
  speaks: "M4 4h16v12H9l-5 5zm7 2v5h2V6zm0 6v2h2v-2z",
  unlocked: "M8 10V8a4 4 0 0 1 7.7-1.500l1.9-.800A6 6 0 0 0 6 8v2H5v11h14V10zm3 4h2v3h-2z",
} as const;

export type Shape = keyof typeof PATHS;

const SVG = "http://www.w3.org/2000/svg";

/** A shape of the size of the text around it; the words beside it say what it means. */
export function shape(name: Shape): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "shape");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}
