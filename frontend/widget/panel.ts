/** The open widget: who is speaking, the thread, the box to write in. Shows a thread, knows no wire. */
import { el, icon } from "./dom";
import { chip, Log, type LogActions } from "./log";
import type { Config, Speaker } from "./protocol";
import { last, type Thread, unread } from "./thread";
import { size } from "./media";
import { Tray } from "./tray";
import type { Line } from "./wire";
import { starters, type Words } from "./words";

export const MAX_LENGTH = 10_000;
const NEAR_END = 80;
const MARGIN = 16;
const SLOW = 1500; // before that, connecting isn't worth a word

export interface PanelActions extends LogActions {
  close(): void;
  seen(): void;
  typing(): void;
  send(file: Blob, name: string | undefined, address: string, seconds?: number): void;
  /** Begins a voice message; what is shown meanwhile, or null where there is no microphone. */
  record(): Promise<HTMLElement | null>;
  /** Whether news is told aloud: what it is now, or once it has been changed. */
  sound(change: boolean): boolean;
  rating(visit: number): Promise<HTMLElement>;
}

export class Panel {
  readonly element: HTMLElement;
  readonly box: HTMLTextAreaElement;
  private readonly log: Log;
  private readonly dot = el("i", { class: "dot" });
  private readonly speaker = el("span", { role: "status" });
  private readonly reach: HTMLElement;
  private readonly line = el("div", { class: "line", role: "status", hidden: true });
  private readonly warning = el("div", { class: "line", role: "alert", hidden: true });
  private readonly bones = el("div", { class: "bones", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
  private readonly first: HTMLElement;
  private readonly scroll: HTMLElement;
  private readonly jump: HTMLButtonElement;
  private readonly jumpCount = el("span");
  private readonly sendButton: HTMLButtonElement;
  private readonly micButton: HTMLButtonElement;
  private readonly tray: Tray;
  private readonly foot: HTMLElement;
  private rated: number | undefined; // the visit whose rating is asked for
  private rating: HTMLElement | null = null;
  private slow: ReturnType<typeof setTimeout> | undefined;
  private shownOnce = false;
  private lastMine: string | undefined; // client id of what the guest wrote last

  constructor(
    config: Config,
    private readonly words: Words,
    private readonly actions: PanelActions,
  ) {
    this.log = new Log(words, config.locale, actions);
    this.box = el("textarea", {
      rows: "1",
      placeholder: words("placeholder"),
      "aria-label": words("placeholder"),
      enterkeyhint: "send",
      input: () => {
        this.fitBox();
        if (this.box.value) actions.typing();
      },
      paste: (event: ClipboardEvent) => this.onPaste(event),
      keydown: (event: KeyboardEvent) => this.onKey(event),
    });
    this.sendButton = el(
      "button",
      { class: "send", type: "button", "aria-label": words("send"), "aria-disabled": "true", click: () => this.send() },
      icon("send"),
    );
    const speaking = { class: "tool mic", type: "button", "aria-label": words("voice"), click: () => void this.record() };
    this.micButton = el("button", { ...speaking, hidden: !canRecord() }, icon("mic"));
    this.tray = new Tray(words, config.limits?.files ?? {}, (wrong) => {
      this.fitBox();
      put(this.warning, wrong);
    });
    this.jump = el("button", { class: "jump", type: "button", hidden: true, click: () => this.toEnd() });
    this.jump.append(icon("down"), this.jumpCount);
    this.foot = this.makeFoot(config);
    this.reach = this.makeReach(config.hotel.phone ?? "");
    this.first = this.makeFirst(config);
    // Focusable, so that arrow keys scroll it.
    const region = { class: "scroll", tabindex: "0", role: "group", "aria-label": words("title") };
    const parts = [this.first, this.bones, this.log.element];
    this.scroll = el("div", { ...region, scroll: () => this.onScroll() }, ...parts);
    this.element = this.assemble(config);
    this.fitBox();
  }

  private assemble(config: Config): HTMLElement {
    const close = el(
      "button",
      { class: "close", type: "button", "aria-label": this.words("close"), click: () => this.actions.close() },
      icon("close"),
    );
    const name = el("div", { class: "hotel", id: "title", title: config.hotel.name }, config.hotel.name);
    const who = el("div", { class: "who" }, name, el("div", { class: "speaker" }, this.dot, this.speaker));
    return el(
      "section",
      {
        class: "panel",
        role: "dialog",
        "aria-labelledby": "title",
        tabindex: "-1",
        dragover: (event: DragEvent) => this.onDrag(event, false),
        dragleave: (event: DragEvent) => this.onDrag(event, false),
        drop: (event: DragEvent) => this.onDrag(event, true),
      },
      el("div", { class: "head" }, crest(config), who, this.soundButton(), close),
      this.reach,
      this.line,
      this.scroll,
      this.warning,
      this.tray.element,
      this.foot,
    );
  }

  private makeFoot(config: Config): HTMLElement {
    const { image = 0, file = 0 } = config.limits?.files ?? {};
    const label = this.words("attach", { image: size(image), file: size(file) });
    const pick = { class: "tool", type: "button", title: label, "aria-label": label, click: () => this.tray.input.click() };
    const attach = config.limits ? [el("button", pick, icon("plus")), this.tray.input] : [];
    return el("div", { class: "foot" }, this.jump, ...attach, this.box, this.micButton, this.sendButton);
  }

  private soundButton(): HTMLElement {
    const button = el("button", { class: "close", type: "button", click: () => show(true) });
    const show = (change: boolean): void => {
      const on = this.actions.sound(change);
      button.replaceChildren(icon(on ? "sound" : "mute"));
      button.setAttribute("aria-label", this.words(on ? "sound_off" : "sound_on"));
    };
    show(false);
    return button;
  }

  private onPaste(event: ClipboardEvent): void {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    this.tray.add(files);
  }

  private onDrag(event: DragEvent, dropped: boolean): void {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // else the page would leave for the file
    this.element.classList.toggle("dragged", !dropped && event.type !== "dragleave");
    if (dropped) this.tray.add(event.dataTransfer.files);
  }

  private async record(): Promise<void> {
    put(this.warning, "");
    this.micButton.disabled = true;
    const recording = await this.actions.record();
    this.micButton.disabled = false;
    if (!recording) return put(this.warning, this.words("voice_denied"));
    this.foot.replaceWith(recording);
    recording.querySelector<HTMLElement>(".send")?.focus();
  }

  /** The recording has ended, one way or the other. */
  recorded(recording: HTMLElement): void {
    recording.replaceWith(this.foot);
    this.micButton.focus();
  }

  progress(clientId: string, share: number): void {
    this.log.progress(clientId, share);
  }

  /** How to reach a person, in words and in one tap. */
  private makeReach(phone: string): HTMLElement {
    const [before = "", after] = phone ? this.words("reach_person").split(phone) : [this.words("reach_person")];
    const call = after === undefined ? null : el("a", { href: `tel:${phone.replace(/[^\d+]/g, "")}` }, phone);
    const human = el("button", { type: "button", click: () => this.actions.say("转人工") }, this.words("human"));
    return el("div", { class: "reach" }, el("span", {}, before, call, after ?? ""), human);
  }

  /** What stands before the first word: an invitation, some beginnings, the privacy notice. */
  private makeFirst(config: Config): HTMLElement {
    const hello = el(
      "div",
      { class: "hello" },
      crest(config),
      el("strong", {}, this.words("empty")),
      el("p", {}, this.words("invitation")),
    );
    const beginnings = starters(this.words("starters")).map((choice) => chip(choice, this.actions.say));
    return el("div", { class: "first" }, hello, el("div", { class: "chips" }, ...beginnings), this.notice(config));
  }

  private notice(config: Config): HTMLElement {
    const notice = el("p", { class: "notice" }, this.words("privacy"), " ");
    const url = config.privacy?.url ?? "";
    if (/^https?:\/\//i.test(url)) {
      notice.append(el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, this.words("privacy_link")));
    }
    return notice;
  }

  // ---- showing

  show(thread: Thread): void {
    const atEnd = this.atEnd();
    const newest = last(thread.pending)?.clientId;
    const mine = newest !== undefined && newest !== this.lastMine;
    this.lastMine = newest ?? this.lastMine;
    this.showSpeaker(thread);
    const begun = thread.messages.length + thread.pending.length > 0;
    this.bones.hidden = thread.speaker !== null || begun;
    this.first.hidden = begun || thread.speaker === null;
    this.log.show(thread);
    this.askRating(thread.speaker);
    if (atEnd || mine || !this.shownOnce) this.toEnd();
    this.showJump(thread);
    this.shownOnce ||= thread.speaker !== null;
  }

  private showSpeaker(thread: Thread): void {
    const kind = thread.speaker?.kind ?? "assistant";
    const name = thread.speaker?.name || this.words("from_staff");
    const text = this.words(`speaker_${kind}`, { name });
    if (this.speaker.textContent !== text) this.speaker.textContent = text;
    this.dot.className = `dot ${kind}`;
    this.reach.hidden = kind === "staff" || kind === "waiting";
  }

  private askRating(speaker: Speaker | null): void {
    const visit = speaker?.rate;
    const thanked = speaker?.kind === "closed" && this.rating?.dataset.given !== undefined;
    if (visit === this.rated || thanked) return;
    this.rated = visit;
    this.rating?.remove();
    if (visit === undefined) return;
    void this.actions.rating(visit).then((asked) => {
      if (this.rated !== visit) return;
      const atEnd = this.atEnd();
      this.rating = asked;
      this.scroll.append(asked);
      if (atEnd) this.toEnd();
    });
  }

  /** Connected or not: one thin line, and only when it matters. */
  showLine(line: Line): void {
    clearTimeout(this.slow);
    const text = { connecting: "", open: "", offline: this.words("offline"), refused: this.words("unavailable") }[line];
    put(this.line, text);
    if (line === "connecting") this.slow = setTimeout(() => put(this.line, this.words("connecting")), SLOW);
    this.box.disabled = line === "refused";
    if (line === "open") this.log.mend();
  }

  private showJump(thread: Thread): void {
    const missed = this.atEnd() ? 0 : unread(thread).length;
    this.jump.hidden = missed === 0;
    this.jumpCount.textContent = this.words("unread", { count: missed });
  }

  /** Whether the newest message is in sight, or as much of it as there is room for. */
  private atEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.scroll;
    const newest = this.log.newest()?.offsetTop ?? 0;
    return scrollHeight - scrollTop - clientHeight < NEAR_END || (newest > 0 && newest - scrollTop < NEAR_END);
  }

  private onScroll(): void {
    if (!this.atEnd()) return;
    this.jump.hidden = true;
    this.actions.seen();
  }

  /** To the newest message: its end, or its beginning where it is longer than what can be seen. */
  toEnd(): void {
    const newest = this.log.newest();
    const long = newest && newest.offsetHeight > this.scroll.clientHeight - MARGIN;
    this.scroll.scrollTop = long ? newest.offsetTop - MARGIN : this.scroll.scrollHeight;
    this.jump.hidden = true;
  }

  /** Whether the guest has the newest message before their eyes. */
  watching(): boolean {
    return this.element.isConnected && !this.element.hidden && document.visibilityState === "visible" && this.atEnd();
  }

  /** On a phone the box would call the keyboard over what there is to read. */
  focus(phone: boolean): void {
    (phone ? this.element : this.box).focus();
  }

  // ---- writing

  private onKey(event: KeyboardEvent): void {
    // While Chinese is being composed, Enter picks a word (229: Safari says so after the fact).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.send();
  }

  private send(): void {
    const text = this.box.value;
    this.box.focus();
    if (!text.trim() && !this.tray.full) return;
    if (text.length > MAX_LENGTH) return put(this.warning, this.words("too_long", { limit: MAX_LENGTH }));
    this.box.value = "";
    for (const [file, address] of this.tray.take()) this.actions.send(file, file.name, address);
    this.fitBox();
    if (text.trim()) this.actions.say(text);
  }

  private fitBox(): void {
    put(this.warning, "");
    const empty = !this.box.value.trim() && !this.tray.full;
    this.sendButton.setAttribute("aria-disabled", String(empty));
    this.micButton.hidden = !canRecord() || !empty;
    this.sendButton.hidden = canRecord() && empty;
    this.box.style.height = "";
    if (this.box.value) this.box.style.height = `${this.box.scrollHeight + 2}px`;
  }
}

function canRecord(): boolean {
  return typeof MediaRecorder !== "undefined" && Boolean(navigator.mediaDevices);
}

function put(line: HTMLElement, text: string): void {
  line.hidden = !text;
  line.textContent = text;
}

function crest(config: Config): HTMLElement {
  return el("div", { class: "crest", "aria-hidden": "true" }, [...config.hotel.name][0] ?? "");
}
