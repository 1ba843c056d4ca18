/** The thread on screen. Elements are kept by message, so that a bubble stays itself from waiting to sent. */
import { el, icon, said } from "./dom";
import { type MediaActions, shown } from "./media";
import type { Card, Kept, Message } from "./protocol";
import { choices, type Pending, type Thread } from "./thread";
import { clock, day, full, sameDay } from "./when";
import type { Words } from "./words";

export interface LogActions extends Omit<MediaActions, "stale"> {
  /** A file didn't load: its address may have run out. */
  stale(): void;
  say(text: string): void;
  retry(clientId: string): void;
  remove(clientId: string): void;
}

/** One line to be shown: a confirmed message, or one that waits. */
interface Line {
  key: string;
  at: string;
  from: Message["from"];
  name: string | null;
  text: string;
  waits: boolean;
  refused: string | null;
  file: Kept | null;
  cards: Card[];
}

export class Log {
  readonly element = el("div", { class: "log", role: "log", "aria-live": "off" });
  private shown = new Map<string, { line: Line; row: HTMLElement; day: HTMLElement | null }>();
  private opened = new Set<string>(); // whose time was asked for by a tap
  private broken = new Map<string, () => void>(); // whose file didn't load, and how it is tried again
  private chips = el("div", { class: "chips" });
  private typing: HTMLElement;
  private offered: unknown = null;

  constructor(
    private readonly words: Words,
    private readonly locale: string,
    private readonly actions: LogActions,
  ) {
    this.typing = el(
      "div",
      { class: "row assistant" },
      el("div", { class: "bubble" }, el("span", { class: "dots" }, el("i"), el("i"), el("i"))),
      el("div", { class: "meta" }, words("typing")),
    );
  }

  show(thread: Thread): void {
    const lines = linesOf(thread);
    this.forget(lines);
    lines.forEach((line, at) => this.place(line, lines[at - 1]));
    this.offer(thread);
    if (thread.typing) this.element.append(this.typing);
    else this.typing.remove();
  }

  /** The bubble at the end, with what stands above and below it. */
  newest(): HTMLElement | null {
    return [...this.shown.values()].pop()?.row ?? null;
  }

  private forget(lines: Line[]): void {
    const keys = new Set(lines.map((line) => line.key));
    for (const [key, { row, day: label }] of this.shown) {
      if (keys.has(key)) continue;
      row.remove();
      label?.remove();
      this.shown.delete(key);
    }
  }

  private place(line: Line, before: Line | undefined): void {
    const known = this.shown.get(line.key);
    const row = known && same(known.line, line) ? known.row : this.row(line);
    const previous = before && this.shown.get(before.key)?.row;
    const label = !before || !sameDay(before.at, line.at) ? (known?.day ?? this.dayLabel(line.at)) : null;
    if (known && known.row !== row) known.row.remove();
    if (known?.day && !label) known.day.remove();
    const parts = label ? [label, row] : [row];
    if ((previous ?? null) !== (parts[0]?.previousSibling ?? null) || !row.isConnected) {
      if (previous) previous.after(...parts);
      else this.element.prepend(...parts);
    }
    this.shown.set(line.key, { line, row, day: label });
  }

  private dayLabel(at: string): HTMLElement {
    return el("div", { class: "day" }, day(at, new Date(), this.locale, this.words));
  }

  private row(line: Line): HTMLElement {
    const meta = el("div", { class: "meta" });
    this.fillMeta(meta, line);
    const tap = (): void => {
      if (!this.opened.delete(line.key)) this.opened.add(line.key);
      this.fillMeta(meta, line);
    };
    return el(
      "div",
      { class: `row ${line.from}${line.refused === null ? "" : " refused"}`, "data-key": line.key },
      this.from(line),
      ...this.contents(line, tap),
      meta,
    );
  }

  private contents(line: Line, tap: () => void): HTMLElement[] {
    const how = { title: full(line.at, this.locale), click: tap };
    const words = line.text ? [el("div", { class: "bubble", ...how }, said(line.text))] : [];
    const file = line.file ? [el("div", { class: "media", ...how }, this.media(line.key, line.file))] : [];
    return [...words, ...file, ...line.cards.map((card) => this.card(card))];
  }

  /** The line stands again: what the network took away on its way may load now. */
  mend(): void {
    const tries = [...this.broken.values()];
    this.broken.clear();
    tries.forEach((again) => again());
  }

  private media(key: string, file: Kept): HTMLElement {
    const stale = (instead: HTMLElement): void => {
      this.broken.set(key, () => instead.replaceWith(this.media(key, file)));
      this.actions.stale();
    };
    return shown(file, this.words, { ...this.actions, stale });
  }

  /** What was set going, and how it stands. */
  private card({ service, what, room, due_at, state }: Card): HTMLElement {
    const when = due_at && `${day(due_at, new Date(), this.locale, this.words)} ${clock(due_at, this.locale)}`;
    const about = [what, room && this.words("card_room", { room }), when].filter(Boolean) as string[];
    return el(
      "div",
      { class: `card ${state}` },
      el("div", {}, el("strong", {}, service), el("span", { class: "mark" }, this.words(`card_${state}`))),
      ...about.map((part) => el("bdi", {}, part)),
    );
  }

  /** How much of a file has gone. */
  progress(clientId: string, share: number): void {
    const row = this.shown.get(clientId)?.row;
    const percent = `${Math.round(share * 100)}%`;
    row?.style.setProperty("--share", percent);
    const told = row?.querySelector(".share");
    if (told) told.textContent = percent;
  }

  /** Who speaks, above each message: an assistant's words are marked, every time. */
  private from(line: Line): HTMLElement {
    const role = this.words(`from_${line.from}`);
    if (line.from === "guest") return el("div", { class: "hidden" }, role);
    if (line.from === "staff" && line.name) {
      return el("div", { class: "from" }, el("bdi", {}, line.name), el("span", { class: "mark" }, role));
    }
    return el("div", { class: "from" }, el("span", { class: "mark" }, role));
  }

  private fillMeta(meta: HTMLElement, line: Line): void {
    const time = el("time", { datetime: line.at }, clock(line.at, this.locale));
    if (line.refused !== null) {
      const button = (word: string, click: () => void): HTMLElement => el("button", { type: "button", click }, this.words(word));
      const gone = line.file && !line.file.address;
      const again = gone ? "" : button("retry", () => this.actions.retry(line.key));
      const why = line.refused || this.words(gone ? "file_again" : "refused");
      return meta.replaceChildren(icon("alert"), why, again, button("drop", () => this.actions.remove(line.key)));
    }
    if (line.waits) {
      const share = line.file ? el("span", { class: "share" }) : "";
      return meta.replaceChildren(icon("clock"), el("span", { class: "hidden" }, this.words("pending")), share);
    }
    time.className = this.opened.has(line.key) ? "" : "hidden";
    meta.replaceChildren(time);
  }

  private offer(thread: Thread): void {
    const open = choices(thread);
    if (open !== this.offered) {
      this.offered = open;
      this.chips.replaceChildren(...open.map((choice) => chip(choice, this.actions.say)));
    }
    if (open.length > 0) this.element.append(this.chips);
    else this.chips.remove();
  }
}

export function chip(choice: { title: string; text: string }, say: (text: string) => void): HTMLElement {
  return el("button", { type: "button", click: () => say(choice.text) }, el("bdi", {}, choice.title));
}

function linesOf(thread: Thread): Line[] {
  return [...thread.messages.map(confirmed), ...thread.pending.map(waiting)];
}

function confirmed(message: Message): Line {
  const { at, from, name, text, file = null, cards = [] } = message;
  const key = message.client_id ?? String(message.seq);
  return { key, at, from, name, text, waits: false, refused: null, file, cards };
}

function waiting({ clientId, at, text, refused, file }: Pending): Line {
  const why = refused ?? null;
  const line = { key: clientId, at, from: "guest", name: null, text, waits: why === null, refused: why } as const;
  return { ...line, file: file ?? null, cards: [] };
}

function same(a: Line, b: Line): boolean {
  const plain = (["text", "at", "waits", "refused", "name"] as const).every((part) => a[part] === b[part]);
  const states = (line: Line): string => line.cards.map(({ state, due_at }) => state + due_at).join();
  return plain && a.file?.address === b.file?.address && states(a) === states(b);
}
