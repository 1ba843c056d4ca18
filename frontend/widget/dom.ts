/** Making elements. Text goes in as text nodes only: nothing here ever parses HTML. */

type Child = Node | string | null;
type Attributes = Record<string, string | boolean | null | ((event: never) => void)>;

const SVG = "http://www.w3.org/2000/svg";

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** What a person wrote: kept apart from our own direction, line breaks and long words handled by the style. */
export function said(text: string): HTMLElement {
  return el("bdi", { class: "words", dir: "auto" }, ...linked(text));
}

const LINK = /https?:\/\/[^\s<>"'，。！？；：、（）【】《》“”]+[^\s<>"'，。！？；：、（）【】《》“”.,!?;:)\]}]/gi;

/** Addresses can be followed, and nothing of them is loaded before. What is shown is where it leads. */
function linked(text: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const [address] = found;
    if (!plain(address)) continue;
    parts.push(text.slice(from, found.index), link(address, address));
    from = (found.index ?? 0) + address.length;
  }
  return [...parts, text.slice(from)];
}

/** A name before the host ("https://bank.example@elsewhere") is only ever there to deceive. */
function plain(address: string): boolean {
  try {
    return new URL(address).username === "";
  } catch {
    return false;
  }
}

export function link(address: string, ...shown: Child[]): HTMLElement {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, ...shown);
}

const ICONS = {
  bell:
    "M12 3a1.6 1.6 0 0 0-1.5 2.1A7.7 7.7 0 0 0 4.2 12.7v1.8h15.6v-1.8a7.7 7.7 0 0 0-6.3-7.6A1.6 1.6 0 0 0 12 3ZM3 16.5h18v2.7H3Z",
  close: "m6.7 5.3 5.3 5.3 5.3-5.3 1.4 1.4-5.3 5.3 5.3 5.3-1.4 1.4-5.3-5.3-5.3 5.3-1.4-1.4 5.3-5.3-5.3-5.3Z",
  send: "M11 20V8.2l-4.6 4.6L5 11.4 12 4.4l7 7-1.4 1.4L13 8.2V20Z",
  clock: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm0 2a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm1 2.5v4.1l3 1.8-1 1.7-4-2.4V7.5Z",
  down: "m12 15.6-6.3-6.3 1.4-1.4 4.9 4.9 4.9-4.9 1.4 1.4Z",
  plus: "M11 4h2v7h7v2h-7v7h-2v-7H4v-2h7Z",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM6 11h2a4 4 0 0 0 8 0h2a6 6 0 0 1-5 5.9V21h-2v-4.1A6 6 0 0 1 6 11Z",
  file: "M6 2h8l5 5v15H6Zm7 1.8V8h4.2Z",
  sound: "M4 9v6h4l5 5V4L8 9Zm11-1v8a4.5 4.5 0 0 0 0-8Z",
  mute: "M4 9v6h4l5 5V4L8 9Zm11.7.3 1.4-1.4 5 5-1.4 1.4Zm5 0-1.4-1.4-5 5 1.4 1.4Z",
  check: "m9.5 17.5-5-5L6 11l3.5 3.5L18 6l1.500 1.500Z",
  alert: "M12 3 22 20.5H2Zm-1 6v5.5h2V9Zm0 7v2h2v-2Z",
};

export function icon(name: keyof typeof ICONS): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  path.setAttribute("fill", "currentColor");
  svg.append(path);
  return svg;
}
