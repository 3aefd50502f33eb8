/** Making and changing elements. Text goes in as text, never as markup. */

type Attributes = Readonly<Record<string, string | boolean | number | null | undefined>>;
type Child = Node | string | null | false;

/** An element with attributes; `null`, `undefined` and `false` leave one out. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  fill(made, ...children);
  return made;
}

/** A button that does one thing. */
export function button(attributes: Attributes, onClick: () => void, ...children: Child[]): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", onClick);
  return made;
}

export function setAttribute(target: Element, name: string, value: string | boolean | number | null | undefined): void {
  if (value === null || value === undefined || value === false) target.removeAttribute(name);
  else if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value === true ? "" : String(value));
}

/** Replaces what is inside. */
export function fill(target: Element, ...children: Child[]): void {
  target.replaceChildren(...children.filter((child): child is Node | string => child !== null && child !== false));
}

/** Changes a text only where it differs, so that nothing is announced or redrawn twice. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

let ids = 0;

/** A fresh id for labels. */
export function freshId(): string {
  return `e${++ids}`;
}
