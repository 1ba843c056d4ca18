/** The button in the corner, and keeping it off the page's own buttons. */
import { el, icon } from "./dom";
import type { Words } from "./words";

export class Launcher {
  private readonly badge = el("span", { class: "badge", hidden: true, "aria-hidden": "true" });
  readonly element: HTMLButtonElement;
  private greeting: HTMLElement | null = null;

  constructor(
    private readonly words: Words,
    private readonly open: () => void,
  ) {
    this.element = el(
      "button",
      { class: "launcher", type: "button", "aria-haspopup": "dialog", click: open },
      icon("bell"),
      el("span", { class: "label" }, words("title")),
      this.badge,
    );
    this.count(0);
  }

  /** A word beside the button. `away` when the guest doesn't want it. */
  greet(away: () => void): HTMLElement {
    const close = (): void => {
      away();
      this.greeting?.remove();
    };
    this.greeting = el(
      "div",
      { class: "greeting" },
      el("button", { type: "button", click: () => this.open() }, this.words("greeting")),
      el("button", { class: "away", type: "button", "aria-label": this.words("close"), click: close }, icon("close")),
    );
    return this.greeting;
  }

  hide(): void {
    this.element.hidden = true;
    this.greeting?.remove();
  }

  count(unread: number): void {
    this.badge.hidden = unread === 0;
    this.badge.textContent = unread > 99 ? "99+" : String(unread);
    const news = unread > 0 ? `，${this.words("unread", { count: unread })}` : "";
    this.element.setAttribute("aria-label", this.words("open") + news);
  }
}

const CLICKABLE = "a[href],button,input,select,textarea,[role=button],[role=link],[onclick]";
const GAP = 12;
const GRID = 16; // nothing that can be clicked is narrower
const STEPS = 6;

/**
 * How far up the launcher must go from `bottom` so that it covers nothing clickable that stays in place
 * (fixed or sticky: "back to top", a booking bar). What scrolls away is left to scrolling.
 */
export function clearance(host: Element, launcher: Element, bottom: number): number {
  const box = launcher.getBoundingClientRect();
  let top = window.innerHeight - bottom - box.height;
  for (let step = 0; step < STEPS; step += 1) {
    const below = obstacle(host, box.left, top, box.width, box.height);
    if (!below) break;
    top = below.getBoundingClientRect().top - GAP - box.height;
  }
  return top >= GAP ? window.innerHeight - top - box.height : bottom;
}

function obstacle(host: Element, left: number, top: number, width: number, height: number): Element | null {
  for (const y of points(top - GAP, height + 2 * GAP)) {
    for (const x of points(left, width)) {
      const found = document.elementsFromPoint(x, y).find((element) => stays(element, host));
      if (found) return found.closest(CLICKABLE) ?? found;
    }
  }
  return null;
}

function points(from: number, length: number): number[] {
  const steps = Math.ceil(length / GRID);
  return Array.from({ length: steps + 1 }, (_, step) => from + (length * step) / steps);
}

function stays(element: Element, host: Element): boolean {
  if (element === host || !element.closest(CLICKABLE)) return false;
  for (let at: Element | null = element; at && at !== document.body; at = at.parentElement) {
    if (["fixed", "sticky"].includes(getComputedStyle(at).position)) return true;
  }
  return false;
}
