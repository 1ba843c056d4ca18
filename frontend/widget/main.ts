/**
 * One script line on any page:
 *   <script src="https://HOST/widget.js" data-key="WIDGETKEY" async></script>
 * Puts a button in the corner and opens the hotel's desk from it. Takes nothing from the page but these
 * attributes: data-key, data-side, data-offset-x, data-offset-y, data-z-index, data-theme, data-lang,
 * data-greeting, data-token; data-mode=page fills the page with it (/chat/KEY).
 */
import { palette } from "./colour";
import { el } from "./dom";
import { Identity } from "./identity";
import { dropPending, keep, type Keep, newId, savedPending, savePending, tokenOf } from "./keep";
import { clearance, Launcher } from "./launcher";
import { Panel } from "./panel";
import { kindOf } from "./media";
import type * as More from "./more";
import { Notices } from "./notices";
import type { Config, Hello, Message, ServerFrame } from "./protocol";
import { fitToKeyboard, holdPage, PHONE, trapTab } from "./sheet";
import { dress } from "./style";
import * as thread from "./thread";
import { backOff, type Line, Wire } from "./wire";
import { shrinkable } from "./tray";
import { localeOf, type Words, wordsOf } from "./words";

const GREET_AFTER = 6_000;
const REFRESH_EVERY = 60_000;

interface Setting {
  key: string;
  base: URL; // https://HOST/widget/v1/KEY/
  script: HTMLScriptElement;
  locale: string;
  whole: boolean; // it is all there is on its page
  signed?: string; // what the page was opened with
}

declare const __RELEASE__: string;

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
  private again = false; // ask for everything: addresses of files have run out
  private refreshed = 0;
  private recording: More.Recording | null = null;
  private readonly bytes = new Map<string, Blob>(); // of files that wait, by client id
  private readonly notices: Notices;
  readonly identity = new Identity((subject) => this.onIdentity(subject));

  constructor(
    private readonly setting: Setting,
    private readonly config: Config,
    private readonly memory: Keep,
  ) {
    this.words = wordsOf(config.texts);
    this.thread = { ...thread.EMPTY, pending: savedPending(memory), read: memory.get("read") ?? "" };
    this.launcher = new Launcher(this.words, () => this.show());
    this.notices = new Notices(this.words, memory, () => void more(setting).then((parts) => parts?.chime()));
    const ends = {
      hello: () => this.hello(),
      toSend: () => thread.toSend(this.thread),
      frame: (frame: ServerFrame) => this.receive(frame),
      line: (line: Line) => this.setLine(line),
      badToken: () => memory.remove(""),
      bytes: (clientId: string) => this.toUpload(clientId),
      progress: (clientId: string, share: number) => this.panel?.progress(clientId, share),
    };
    this.wire = new Wire(setting.base, ends, setting.locale);
    this.frame = el("div", { class: setting.script.dataset.side === "left" ? "left" : "right" });
    this.mount();
    this.listen();
    // Whoever never wrote isn't connected before they open it: a page's visitors are not the hotel's guests.
    this.begin();
  }

  private begin(): void {
    if (this.setting.whole) this.show();
    else if (this.memory.get("sub")) return; // whose history it is, the site will say
    else if (this.memory.get("")) this.wire.start();
    else this.greet();
  }

  private hello(): Hello {
    const { conversation, typing } = this.thread;
    const after = this.again ? 0 : this.thread.seq;
    this.again = false;
    const identity = this.identity.token;
    const signed = this.setting.signed;
    return { token: tokenOf(this.memory), after, conversation, typing, lang: this.setting.locale, identity, signed };
  }

  // ---- who it is

  /** The hotel's site says who its visitor is; null when nobody is signed in any more. */
  private onIdentity(subject: string | null): void {
    const known = this.memory.get("sub");
    if (known !== null && known !== subject) this.forget();
    if (subject === null) return;
    this.memory.set("sub", subject);
    if (known !== subject) return this.wire.restart();
    this.wire.start();
    this.wire.identify(this.identity.token);
  }

  /** Nothing of who was here before is kept, shown or sent. */
  private forget(): void {
    this.wire.stop();
    for (const name of ["", "sub", "read"]) this.memory.remove(name);
    this.thread.pending.forEach(({ clientId }) => dropPending(this.memory, clientId));
    this.bytes.clear();
    this.thread = thread.EMPTY;
    const { open } = this;
    if (open) this.close();
    this.panel = null;
    this.notices.title(0);
    this.launcher.count(0);
    this.news.textContent = "";
    if (open) this.show();
  }

  /** A word beside the button, for whoever has been on the page for a while. It can be turned off. */
  private greet(): void {
    if (this.config.greeting === false || this.setting.script.dataset.greeting === "off") return;
    if (!this.words("greeting") || this.memory.get("greeted")) return;
    setTimeout(() => {
      if (this.open || this.memory.get("")) return;
      this.frame.append(this.launcher.greet(() => this.memory.set("greeted", "1")));
    }, GREET_AFTER);
  }

  private mount(): void {
    const { dataset, nonce } = this.setting.script;
    const colours = palette(this.config.colour);
    dress(this.root, nonce ?? null);
    const theme = dataset.theme ?? this.config.theme;
    if (theme) this.host.setAttribute("theme", theme);
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
      this.notices.title(0);
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
    if (event.key === `dianxiaoer:${this.setting.key}`) {
      if (!event.newValue) {
        this.identity.drop(); // signed out there
        return this.forget();
      }
      this.thread = { ...thread.EMPTY, pending: this.thread.pending };
      this.wire.restart();
    }
    if (event.key === `dianxiaoer:${this.setting.key}:read`) this.change(thread.markRead(this.thread, event.newValue ?? ""));
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
    // Whoever opens it while the site names nobody isn't who was signed in before.
    if (this.memory.get("sub") && !this.identity.token) this.forget();
    this.open = true;
    this.panel ??= this.makePanel();
    this.launcher.hide();
    this.enterSheet();
    this.frame.append(this.panel.element);
    this.wire.start();
    this.panel.showLine(this.line);
    this.draw();
    this.panel.toEnd();
    this.panel.focus(this.phone.matches);
  }

  private makePanel(): Panel {
    return new Panel(this.config, this.words, {
      say: (text) => this.say(text),
      retry: (clientId) => this.retry(clientId),
      remove: (clientId) => this.remove(clientId),
      close: () => this.hide(),
      seen: () => this.seen(),
      typing: () => this.thread.messages.length > 0 && this.wire.typing(),
      send: (file, name, address) => this.sendFile(file, name, address),
      record: () => this.record(),
      sound: (change) => this.notices.sound(change),
      rating: (visit) => this.rating(visit),
      resolve: (address) => new URL(address, this.setting.base).href,
      view: (address, name) =>
        void more(this.setting).then((parts) => parts?.view(this.frame, address, name, this.words)),
      stale: () => this.refresh(),
    });
  }

  private hide(): void {
    if (!this.setting.whole) this.close();
  }

  private close(): void {
    this.open = false;
    this.recording?.stop();
    this.panel?.element.remove();
    this.leaveSheet.splice(0).forEach((leave) => leave());
    this.launcher.element.hidden = false;
    this.launcher.element.focus();
    this.dodge();
  }

  private enterSheet(): void {
    this.leaveSheet.splice(0).forEach((leave) => leave());
    const sheet = this.phone.matches || this.setting.whole;
    this.frame.classList.toggle("sheet", sheet);
    this.frame.classList.toggle("whole", this.setting.whole);
    this.panel?.element.setAttribute("aria-modal", String(this.phone.matches));
    if (sheet) this.leaveSheet.push(fitToKeyboard(this.frame), holdPage());
  }

  // ---- talking

  private say(text: string): void {
    const pending = { clientId: newId(), text, at: new Date().toISOString() };
    savePending(this.memory, pending);
    this.notices.asked = true;
    this.change(thread.queue(this.thread, pending));
    this.wire.flush();
  }

  private sendFile(file: Blob, name: string | undefined, address: string, seconds?: number): void {
    const clientId = newId();
    const kept = { kind: kindOf(file.type), size: file.size, name, seconds, address };
    const pending = { clientId, text: "", at: new Date().toISOString(), file: kept };
    this.bytes.set(clientId, file);
    savePending(this.memory, pending);
    this.notices.asked = true;
    this.change(thread.queue(this.thread, pending));
    this.wire.flush();
  }

  private async toUpload(clientId: string): Promise<Blob | null> {
    const file = this.bytes.get(clientId);
    if (!(file instanceof File) || !shrinkable(file)) return file ?? null;
    return (await more(this.setting))?.shrink(file) ?? file;
  }

  private async record(): Promise<HTMLElement | null> {
    const parts = await more(this.setting);
    try {
      const recording = await parts?.record(this.words, (sound) => {
        if (this.recording) this.panel?.recorded(this.recording.element);
        this.recording = null;
        if (sound?.size) this.sendFile(sound, undefined, URL.createObjectURL(sound));
      });
      this.recording = recording ?? null;
      return recording?.element ?? null;
    } catch {
      return null;
    }
  }

  private async rating(visit: number): Promise<HTMLElement> {
    const parts = await more(this.setting);
    const send = (stars: number, text: string): Promise<boolean> =>
      this.wire.tell("rating", { token: tokenOf(this.memory), visit, stars, text });
    return parts?.rating(this.words, send) ?? el("i");
  }

  /** Addresses of files run out; everything is asked for again, not more than once a minute. */
  private refresh(): void {
    if (Date.now() - this.refreshed < REFRESH_EVERY) return;
    this.refreshed = Date.now();
    this.again = true;
    this.wire.restart();
  }

  private remove(clientId: string): void {
    this.wire.giveUp(clientId);
    this.change(thread.drop(this.thread, clientId));
  }

  private retry(clientId: string): void {
    this.change(thread.retry(this.thread, clientId));
    this.wire.flush();
  }

  private receive(frame: ServerFrame): void {
    const before = this.thread;
    if (frame.type === "unidentified") this.identity.refused();
    this.change(thread.receive(before, frame));
    if (before.speaker) this.announce(before);
    this.seen();
  }

  private change(next: thread.Thread): void {
    this.thread.pending
      .filter((old) => !next.pending.some((pending) => pending.clientId === old.clientId))
      .forEach((gone) => {
        dropPending(this.memory, gone.clientId);
        this.bytes.delete(gone.clientId);
      });
    if (next.read !== this.thread.read) this.memory.set("read", next.read);
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
    const news = thread.unread(this.thread).filter((message) => message.at > thread.latest(before));
    if (news.length === 0) return;
    this.news.textContent = news.map((message) => this.aloud(message)).join("\n");
    this.notices.tell(thread.unread(this.thread).length);
  }

  private aloud(message: Message): string {
    if (!this.open) return this.words("new_messages");
    const role = this.words(`from_${message.from}`);
    const said = message.text || (message.file ? this.words(`kind_${message.file.kind}`) : "");
    return `${message.from === "staff" ? (message.name ?? role) : role}: ${said}`;
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

/** A sign-in that works once stands behind the #, where no server sees it; it goes from the address at once. */
function takeSigned(): string | undefined {
  const signed = new URLSearchParams(location.hash.slice(1)).get("signed") ?? undefined;
  if (signed) history.replaceState(history.state, "", location.pathname + location.search);
  return signed;
}

function settingOf(script: HTMLScriptElement): Setting {
  const key = script.dataset.key ?? "";
  const base = new URL(`widget/v1/${encodeURIComponent(key)}/`, script.src);
  const locale = localeOf(script.dataset.lang, document.documentElement.lang, navigator.language);
  const whole = script.dataset.mode === "page";
  return { key, base, script, locale, whole, signed: whole ? takeSigned() : undefined };
}

/** The second file, when somebody needs it; null where it can't be had. */
function more({ script }: Setting): Promise<typeof More | null> {
  const url = new URL(`widget-more.js?${__RELEASE__}`, script.src).href;
  return (import(/* @vite-ignore */ url) as Promise<typeof More>).catch(() => null);
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
  if (document.querySelector("dianxiaoer-widget")) return;
  widget = new Widget(setting, config, keep(setting.key));
  if (signed !== undefined) void widget.identity.use(signed);
}

type Source = Parameters<Identity["use"]>[0];

let widget: Widget | null = null;
let signed: Source | undefined = find()?.dataset.token; // until the widget is there

/** The one name that is left on the page, for the site's own script. */
const api = {
  identify(source: Source): void {
    signed = source;
    void widget?.identity.use(source);
  },
  signOut: () => api.identify(null),
  open: () => widget?.show(),
};
Object.assign(window, { Dianxiaoer: api });
window.dispatchEvent(new Event("dianxiaoer:ready"));
void start();
