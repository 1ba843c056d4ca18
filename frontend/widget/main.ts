/**
 * One script line on any page:
 *   <script src="https://HOST/widget.js" data-key="WIDGETKEY" async></script>
 * Puts a button in the corner and opens the hotel's desk from it. Takes nothing from the page but these
 * attributes: data-key, data-side, data-offset-x, data-offset-y, data-z-index, data-theme, data-lang.
 */
import { palette } from "./colour";
import { el } from "./dom";
import { dropPending, keep, type Keep, newId, savedPending, savePending, tokenOf } from "./keep";
import { clearance, Launcher } from "./launcher";
import { Panel } from "./panel";
import type { Config, Message, ServerFrame } from "./protocol";
import { fitToKeyboard, holdPage, PHONE, trapTab } from "./sheet";
import { dress } from "./style";
import * as thread from "./thread";
import { backOff, type Line, Wire } from "./wire";
import { localeOf, type Words, wordsOf } from "./words";

interface Setting {
  key: string;
  base: URL; // https://HOST/widget/v1/KEY/
  script: HTMLScriptElement;
  locale: string;
}

class Widget {
  private readonly host = document.createElement("dianxiaoer-widget");
  private readonly root = this.host.attachShadow({ mode: "open" });
  private readonly frame: HTMLElement;
  private readonly news = el("div", { class: "hidden", role: "status", "aria-live": "polite" });
  private readonly words: Words;
  private readonly launcher: Launcher;
  private readonly wire: Wire;
  private readonly phone = window.matchMedia(PHONE);
  private panel: Panel | null = null;
  private line: Line = "connecting";
  private thread: thread.Thread;
  private open = false;
  private leaveSheet: (() => void)[] = [];
  private drawing = 0;

  constructor(
    private readonly setting: Setting,
    private readonly config: Config,
    private readonly memory: Keep,
  ) {
    this.words = wordsOf(localeOf(config.locale), config.texts);
    this.thread = { ...thread.EMPTY, pending: savedPending(memory), read: Number(memory.get("read") ?? 0) };
    this.launcher = new Launcher(this.words, () => this.show());
    this.wire = new Wire(setting.base, {
      hello: () => ({ token: tokenOf(memory), after: this.thread.seq }),
      toSend: () => thread.toSend(this.thread),
      frame: (frame) => this.receive(frame),
      line: (line) => this.setLine(line),
      badToken: () => memory.remove(""),
    });
    this.frame = el("div", { class: setting.script.dataset.side === "left" ? "left" : "right" });
    this.mount();
    this.listen();
    // Whoever never wrote isn't connected before they open it: a page's visitors are not the hotel's guests.
    if (memory.get("")) this.wire.start();
  }

  private mount(): void {
    const { dataset, nonce } = this.setting.script;
    const colours = palette(this.config.colour);
    dress(this.root, nonce ?? null);
    if (dataset.theme) this.host.setAttribute("theme", dataset.theme);
    if (dataset.zIndex) this.host.style.setProperty("--dxe-z", dataset.zIndex);
    this.host.lang = this.config.locale;
    const own = {
      "--accent": colours.accent,
      "--on-accent": colours.onAccent,
      "--accent-text": colours.accentText,
      "--accent-text-dark": colours.accentTextDark,
      "--x": `${Number(dataset.offsetX ?? 20)}px`,
      "--y": `${Number(dataset.offsetY ?? 20)}px`,
    };
    Object.entries(own).forEach(([name, value]) => this.host.style.setProperty(name, value));
    this.frame.append(this.launcher.element, this.news);
    this.root.append(this.frame);
    document.body.append(this.host);
    this.dodge();
  }

  private listen(): void {
    window.addEventListener("online", () => this.wire.nudge());
    window.addEventListener("offline", () => this.wire.cut());
    window.addEventListener("pageshow", () => this.wire.nudge());
    window.addEventListener("focus", () => this.seen());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.wire.nudge();
      this.seen();
    });
    window.addEventListener("storage", (event) => this.onOtherTab(event));
    for (const when of ["resize", "load"]) window.addEventListener(when, () => this.dodge());
    setTimeout(() => this.dodge(), 2000); // buttons that the page's own scripts put there late
    this.phone.addEventListener("change", () => this.open && this.enterSheet());
    this.root.addEventListener("keydown", (event) => this.onKey(event as KeyboardEvent));
    document.addEventListener("click", (event) => this.onPageClick(event));
  }

  /** Any element of the page with data-dianxiaoer="open" opens it too. */
  private onPageClick(event: MouseEvent): void {
    const opener = event.target instanceof Element && event.target.closest("[data-dianxiaoer=open]");
    if (!opener) return;
    event.preventDefault();
    this.show();
  }

  private onKey(event: KeyboardEvent): void {
    if (!this.open || !this.panel) return;
    if (event.key === "Escape" && !event.isComposing) {
      event.stopPropagation();
      this.hide();
    } else if (this.phone.matches) trapTab(event, this.panel.element);
  }

  /** Another tab of this site made the visitor's token first, or read what was new. */
  private onOtherTab(event: StorageEvent): void {
    if (event.key === `dianxiaoer:${this.setting.key}` && event.newValue) {
      this.thread = { ...thread.EMPTY, pending: this.thread.pending };
      this.wire.restart();
    }
    if (event.key === `dianxiaoer:${this.setting.key}:read`) this.change(thread.markRead(this.thread, Number(event.newValue)));
  }

  private dodge(): void {
    if (this.open) return;
    const wanted = Number(this.setting.script.dataset.offsetY ?? 20);
    const room = clearance(this.host, this.launcher.element, wanted);
    this.host.style.setProperty("--lift", `${room}px`);
  }

  // ---- opening and closing

  show(): void {
    if (this.open) return this.panel?.box.focus();
    this.open = true;
    this.panel ??= new Panel(this.config, this.words, {
      say: (text) => this.say(text),
      retry: (clientId) => this.retry(clientId),
      close: () => this.hide(),
      seen: () => this.seen(),
    });
    this.launcher.element.hidden = true;
    this.enterSheet();
    this.frame.append(this.panel.element);
    this.wire.start();
    this.panel.showLine(this.line);
    this.draw();
    this.panel.toEnd();
    this.panel.focus(this.phone.matches);
  }

  private hide(): void {
    this.open = false;
    this.panel?.element.remove();
    this.leaveSheet.splice(0).forEach((leave) => leave());
    this.launcher.element.hidden = false;
    this.launcher.element.focus();
    this.dodge();
  }

  private enterSheet(): void {
    this.leaveSheet.splice(0).forEach((leave) => leave());
    this.frame.classList.toggle("sheet", this.phone.matches);
    this.panel?.element.setAttribute("aria-modal", String(this.phone.matches));
    if (this.phone.matches) this.leaveSheet.push(fitToKeyboard(this.frame), holdPage());
  }

  // ---- talking

  private say(text: string): void {
    const pending = { clientId: newId(), text, at: new Date().toISOString() };
    savePending(this.memory, pending);
    this.change(thread.queue(this.thread, pending));
    this.wire.flush();
  }

  private retry(clientId: string): void {
    this.change(thread.retry(this.thread, clientId));
    this.wire.flush();
  }

  /** False: the server knows less than we do, ask it for everything. */
  private receive(frame: ServerFrame): boolean {
    const consistent = !thread.outdated(this.thread, frame);
    const before = this.thread;
    this.change(thread.receive(before, frame));
    if (before.speaker) this.announce(before);
    this.seen();
    return consistent;
  }

  private change(next: thread.Thread): void {
    this.thread.pending
      .filter((old) => !next.pending.some((pending) => pending.clientId === old.clientId))
      .forEach((gone) => dropPending(this.memory, gone.clientId));
    if (next.read !== this.thread.read) this.memory.set("read", String(next.read));
    this.thread = next;
    this.draw();
  }

  /** Once a frame at the most: a long history arrives in one go, a lively one in many. */
  private draw(): void {
    this.launcher.count(thread.unread(this.thread).length);
    if (!this.open || this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.panel?.show(this.thread);
      this.seen();
    });
  }

  private seen(): void {
    if (!this.open || this.drawing || !this.panel?.watching()) return;
    const next = thread.markRead(this.thread);
    if (next !== this.thread) this.change(next);
  }

  /** Says aloud, to those who listen, what has just come in. */
  private announce(before: thread.Thread): void {
    const news = thread.unread(this.thread).filter((message) => message.seq > thread.latest(before));
    if (news.length > 0) this.news.textContent = news.map((message) => this.aloud(message)).join("\n");
  }

  private aloud(message: Message): string {
    if (!this.open) return this.words("new_messages");
    const role = this.words(`from_${message.from}`);
    return `${message.from === "staff" ? (message.name ?? role) : role}: ${message.text}`;
  }

  private setLine(line: Line): void {
    this.line = line;
    this.panel?.showLine(line);
  }
}

function find(): HTMLScriptElement | null {
  const current = document.currentScript;
  if (current instanceof HTMLScriptElement && current.dataset.key) return current;
  return document.querySelector<HTMLScriptElement>('script[data-key][src*="widget.js"]');
}

function settingOf(script: HTMLScriptElement): Setting {
  const key = script.dataset.key ?? "";
  const base = new URL(`widget/v1/${encodeURIComponent(key)}/`, script.src);
  const locale = localeOf(script.dataset.lang, document.documentElement.lang, navigator.language);
  return { key, base, script, locale };
}

/** The hotel's look and words. Without them there is nothing to open, so it asks until it has them. */
async function ask(setting: Setting): Promise<Config | null> {
  const url = new URL("config", setting.base);
  const headers = { "Accept-Language": setting.locale };
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await fetch(url, { credentials: "omit", headers });
      if (answer.ok) return (await answer.json()) as Config;
      if (answer.status < 500 && answer.status !== 429) return null; // no such key, or not on this page
    } catch {
      // Not reachable: try again below.
    }
    await new Promise((wake) => setTimeout(wake, backOff(attempt + 1)));
  }
}

async function start(): Promise<void> {
  const script = find();
  if (!script?.dataset.key || document.querySelector("dianxiaoer-widget")) return;
  const setting = settingOf(script);
  const config = await ask(setting);
  if (!config) return;
  if (!document.body) await new Promise((ready) => document.addEventListener("DOMContentLoaded", ready));
  if (!document.querySelector("dianxiaoer-widget")) new Widget(setting, config, keep(setting.key));
}

void start();
