/**
 * The line to the hotel: a WebSocket, and long polling after two sockets in a row that never got a welcome.
 *
 * It owns connecting, waiting and giving up; it knows nothing of what is said. Whatever it hands to `frame`
 * may come twice or be sent twice: the thread drops repeats by seq, the server by client id.
 */
import {
  CLOSED_BAD_TOKEN,
  CLOSED_FOREIGN_PAGE,
  CLOSED_TOO_MANY,
  type ClientFrame,
  type Hello,
  type ServerFrame,
  type View,
} from "./protocol";
import type { Pending } from "./thread";
import { refusal, Refused, upload } from "./upload";

export type Line = "connecting" | "open" | "offline" | "refused";

export interface Ends {
  /** Where to resume: asked at each (re)connection. */
  hello(): Hello;
  /** What is still to be sent, oldest first. */
  toSend(): Pending[];
  frame(frame: ServerFrame): void;
  line(line: Line): void;
  badToken(): void;
  /** The bytes of a file that is to be sent; null once they are gone. */
  bytes(clientId: string): Promise<Blob | null>;
  progress(clientId: string, share: number): void;
}

const FAILED_SOCKETS = 2;
const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;
const WELCOME_WITHIN = 10_000;
const RESEND_AFTER = 15_000;
const POLL_WITHIN = 40_000;
const POLL_FOR = 300_000; // then a socket is tried again
const POLL_OPEN_AFTER = 2_000; // a poll that hangs this long has reached the server
const LONGEST_WAIT = 30_000;
const UPLOAD_TRIES = 5; // then the guest decides
const TYPING_EVERY = 3_000;

/** Half fixed, half random, so that a hotel's guests don't all come back in the same second. */
export function backOff(attempt: number, random: () => number = Math.random): number {
  const limit = Math.min(LONGEST_WAIT, 500 * 2 ** attempt);
  return limit / 2 + (random() * limit) / 2;
}

export class Wire {
  private socket: WebSocket | null = null;
  private polling: AbortController | null = null;
  private welcomed = false;
  private running = false;
  private failures = 0;
  private attempts = 0;
  private inFlight = new Map<string, number>();
  private uploading: AbortController | null = null;
  private tries = new Map<string, number>();
  private typed = -TYPING_EVERY;
  private timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly base: URL, // ends in /widget/v1/<key>/
    private readonly ends: Ends,
    private readonly locale = "zh",
  ) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.ends.line("connecting");
    this.connect();
  }

  stop(): void {
    this.running = false;
    this.hangUp();
    this.timers.forEach(clearTimeout);
    this.timers.clear();
  }

  /** The page woke up, or the network is back: find out at once whether the line still stands. */
  nudge(): void {
    if (!this.running) return;
    if (this.socket && this.welcomed) return this.ping();
    if (this.socket || (this.polling && this.welcomed)) return;
    this.attempts = 0;
    this.failures = 0;
    this.connect();
  }

  /** The browser says the network is gone: what hangs now won't come back. */
  cut(): void {
    if (this.running && (this.socket || this.polling)) this.lost(0, false);
  }

  /** A new visitor's token: start over with it. */
  restart(): void {
    this.stop();
    this.start();
  }

  /** Send what waits, if the line stands; a message in flight is left alone for a while. */
  flush(): void {
    if (!this.welcomed) return;
    const now = Date.now();
    void this.sendFiles();
    const due = this.ends
      .toSend()
      .filter(({ clientId, file }) => !file && now - (this.inFlight.get(clientId) ?? -RESEND_AFTER) >= RESEND_AFTER);
    for (const { clientId } of due) this.inFlight.set(clientId, now);
    if (this.socket) due.forEach(({ clientId, text }) => this.write({ type: "send", client_id: clientId, text }));
    else void this.post(due);
    if (this.ends.toSend().length > 0) this.after("resend", RESEND_AFTER, () => this.flush());
  }

  /** The guest is writing. */
  typing(): void {
    const now = Date.now();
    if (!this.welcomed || now - this.typed < TYPING_EVERY) return;
    this.typed = now;
    if (this.socket) this.write({ type: "typing" });
    else void this.tell("typing", { token: this.ends.hello().token });
  }

  /** The site has signed again who it is; `anew`: somebody else. */
  identify(identity: string | null): void {
    if (this.welcomed && this.socket) this.write({ type: "identify", identity });
  }

  /** Something that is no message; whether it has been kept. */
  async tell(path: string, body: object): Promise<boolean> {
    return this.ask(path, body).then(
      () => true,
      () => false,
    );
  }

  /** A file whose sending the guest has given up. */
  giveUp(clientId: string): void {
    if (this.inFlight.has(clientId)) this.uploading?.abort();
    this.tries.delete(clientId);
  }

  private connect(): void {
    this.hangUp();
    this.clear("again");
    if (this.failures >= FAILED_SOCKETS) void this.poll();
    else this.open();
  }

  private hangUp(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.polling?.abort();
    this.polling = null;
    this.uploading?.abort();
    this.uploading = null;
    this.welcomed = false;
    this.inFlight.clear();
    ["welcome", "ping", "pong", "resend", "reached"].forEach((name) => this.clear(name));
  }

  private lost(code: number, failed: boolean): void {
    this.hangUp();
    if (code === CLOSED_FOREIGN_PAGE) {
      this.running = false;
      return this.ends.line("refused");
    }
    if (code === CLOSED_BAD_TOKEN) this.ends.badToken();
    if (failed && navigator.onLine) this.failures += 1;
    this.ends.line("offline");
    if (code === CLOSED_TOO_MANY) this.attempts = Math.max(this.attempts, 6);
    this.after("again", backOff(this.attempts++), () => this.connect());
  }

  private stands(): void {
    this.welcomed = true;
    this.attempts = 0;
    this.ends.line("open");
  }

  // ---- by socket

  private open(): void {
    const url = new URL("socket", this.base);
    url.protocol = url.protocol.replace("http", "ws");
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch {
      return this.lost(0, true); // a policy of the page forbids it
    }
    this.socket = socket;
    socket.onopen = () => this.write({ type: "hello", ...this.ends.hello() });
    socket.onmessage = (event) => this.socket === socket && this.read(String(event.data));
    socket.onclose = (event) => this.socket === socket && this.lost(event.code, !this.welcomed);
    this.after("welcome", WELCOME_WITHIN, () => this.lost(0, true));
  }

  private write(frame: ClientFrame): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private read(data: string): void {
    const frame = JSON.parse(data) as ServerFrame;
    this.clear("pong");
    this.after("ping", PING_EVERY, () => this.ping());
    this.settle(frame);
    this.ends.frame(frame);
    if (frame.type === "welcome") {
      this.clear("welcome");
      this.failures = 0;
      this.stands();
      this.flush();
    }
  }

  private ping(): void {
    this.write({ type: "ping" });
    this.after("pong", PONG_WITHIN, () => this.lost(0, false));
  }

  /** The server has spoken about a message of ours: it isn't in flight any more. */
  private settle(frame: ServerFrame): void {
    if (frame.type === "sent") this.inFlight.delete(frame.client_id);
    // An error that passes keeps its mark in `inFlight`, so that the next try waits.
    if (frame.type === "error" && frame.client_id) this.inFlight.set(frame.client_id, Date.now());
  }

  // ---- by polling

  private async poll(): Promise<void> {
    const polling = new AbortController();
    this.polling = polling;
    const until = Date.now() + POLL_FOR;
    this.after("reached", POLL_OPEN_AFTER, () => this.reached(polling));
    try {
      while (Date.now() < until) {
        const answer = await this.ask<View>("poll", {
          ...this.ends.hello(),
        });
        if (this.polling !== polling) return;
        this.ends.frame({ type: "welcome", ...answer });
        this.reached(polling);
      }
      this.failures = FAILED_SOCKETS - 1; // one socket; if it fails too, back to polling
      this.connect();
    } catch (error) {
      if (this.polling !== polling) return;
      this.failures = FAILED_SOCKETS - 1;
      this.lost(error instanceof Refused ? error.code : 0, false);
    }
  }

  private reached(polling: AbortController): void {
    if (this.polling !== polling || this.welcomed) return;
    this.stands();
    this.flush();
  }

  /** One after the other, each as often as it takes; what the server refuses is refused. */
  private async sendFiles(): Promise<void> {
    const next = this.ends.toSend().find(({ file }) => file);
    if (!next || this.uploading || !this.welcomed) return;
    const { clientId } = next;
    const uploading = (this.uploading = new AbortController());
    this.inFlight.set(clientId, Date.now());
    let again = true;
    try {
      const receipt = await this.sendFile(next, uploading.signal);
      this.tries.delete(clientId);
      this.ends.frame({ type: "sent", client_id: clientId, ...receipt });
    } catch (error) {
      again = !this.failed(clientId, error) && this.uploading === uploading;
    }
    this.inFlight.delete(clientId);
    if (this.uploading !== uploading) return;
    this.uploading = null;
    if (again) void this.sendFiles();
  }

  private async sendFile({ clientId, file }: Pending, stop: AbortSignal): Promise<{ seq: number; at: string }> {
    const bytes = await this.ends.bytes(clientId);
    if (!bytes) throw new Refused("", 0, false);
    const url = new URL("files", this.base);
    url.searchParams.set("client_id", clientId);
    if (file?.name) url.searchParams.set("name", file.name);
    const progress = (share: number): void => this.ends.progress(clientId, share);
    return upload(url, this.ends.hello().token, this.locale, bytes, progress, stop);
  }

  /** Whether to wait before the next try: a file that failed for good is out of the way. */
  private failed(clientId: string, error: unknown): boolean {
    const refused = error instanceof Refused && !error.passing;
    const tries = (this.tries.get(clientId) ?? 0) + 1;
    this.tries.set(clientId, tries);
    if (!refused && tries < UPLOAD_TRIES) {
      this.after("upload", backOff(tries + 1), () => void this.sendFiles());
      return true;
    }
    this.tries.delete(clientId);
    const message = error instanceof Refused ? error.message : "";
    this.ends.frame({ type: "error", code: "refused", message, client_id: clientId });
    return false;
  }

  private async post(due: Pending[]): Promise<void> {
    const { token, identity } = this.ends.hello();
    for (const { clientId, text } of due) {
      try {
        const body = { token, identity, client_id: clientId, text };
        const answer = await this.ask<{ seq: number; at: string }>("messages", body);
        this.inFlight.delete(clientId);
        this.ends.frame({ type: "sent", client_id: clientId, ...answer });
      } catch (error) {
        if (!(error instanceof Refused) || error.passing) return; // `flush` comes back to it, in order
        this.ends.frame({ type: "error", code: "refused", message: error.message, client_id: clientId });
      }
    }
  }

  private async ask<T>(path: string, body: object): Promise<T> {
    const stop = new AbortController();
    const giveUp = setTimeout(() => stop.abort(), POLL_WITHIN);
    this.polling?.signal.addEventListener("abort", () => stop.abort());
    try {
      const answer = await fetch(new URL(path, this.base), {
        method: "POST",
        headers: { "Content-Type": "application/json", "Accept-Language": this.locale },
        body: JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        signal: stop.signal,
      });
      if (!answer.ok) throw refusal(answer.status, await answer.json().catch(() => null));
      return (await answer.json()) as T;
    } finally {
      clearTimeout(giveUp);
    }
  }

  // ---- timers, by name: setting one again replaces it

  private after(name: string, delay: number, action: () => void): void {
    this.clear(name);
    this.timers.set(name, setTimeout(action, delay));
  }

  private clear(name: string): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}
