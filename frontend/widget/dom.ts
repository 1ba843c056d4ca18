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
  return el("bdi", { class: "words", dir: "auto" }, text);
}

const ICONS = {
  bell:
    "M12 3a1.6 1.6 0 0 0-1.5 2.1A7.7 7.7 0 0 0 4.2 12.7v1.8h15.6v-1.8a7.7 7.7 0 0 0-6.3-7.6A1.6 1.6 0 0 0 12 3ZM3 16.5h18v2.7H3Z",
  close: "m6.7 5.3 5.3 5.3 5.3-5.3 1.4 1.4-5.3 5.3 5.3 5.3-1.4 1.4-5.3-5.3-5.3 5.3-1.4-1.4 5.3-5.3-5.3-5.3Z",
  send: "M11 20V8.2l-4.6 4.6L5 11.4 12 4.4l7 7-1.4 1.4L13 8.2V20Z",
  clock: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm0 2a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm1 2.5v4.1l3 1.8-1 1.7-4-2.4V7.5Z",
  down: "m12 15.6-6.3-6.3 1.4-1.4 4.9 4.9 4.9-4.9 1.4 1.4Z",
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
