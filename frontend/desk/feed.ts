/**
 * Follows a hotel: WebSocket with a cursor, long polling after two failures, and back again.
 * Owns the connection and nothing of what the frames mean; every frame goes to `heard` in order.
 */
import { Refusal } from "./api";
import { backoff } from "./backoff";
import type { Frame } from "./model";

export type Link = "connecting" | "live" | "polling" | "offline";

export interface Port {
  open(url: string): WebSocket;
  poll(cursor: string | null, follow: string[], signal: AbortSignal): Promise<{ frames: Frame[] }>;
  chance?(): number;
}

const PING_EVERY = 20_000;
const SILENCE = 45_000;
const SOCKET_AGAIN = 60_000;

export class Feed {
  private socket: WebSocket | null = null;
  private cursor: string | null = null;
  private followed = new Map<string, number>();
  private failures = 0;
  private polling: AbortController | null = null;
  private pollFailures = 0;
  private socketDue = 0;
  private heardAt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;
  private stopped = false;
  private link: Link = "connecting";

  constructor(
    private readonly url: string,
    private readonly port: Port,
    private readonly heard: (frame: Frame) => void,
    private readonly moved: (link: Link) => void,
  ) {}

  start(): void {
    this.beat = setInterval(() => this.ping(), PING_EVERY);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    clearInterval(this.beat);
    this.polling?.abort();
    this.drop();
  }

  /** Try at once: the network came back, the laptop was opened, somebody pressed "retry". */
  hurry(): void {
    if (this.stopped || (this.link === "live" && this.socket)) return this.ping();
    this.failures = 0;
    this.pollFailures = 0;
    this.polling?.abort();
    this.connect();
  }

  follow(conversation: string, after: number): void {
    this.followed.set(conversation, after);
    this.send({ type: "follow", conversation, after });
    this.polling?.abort();
  }

  unfollow(conversation: string): void {
    if (!this.followed.delete(conversation)) return;
    this.send({ type: "unfollow", conversation });
  }

  /** We are writing to this guest. Long polling has no way to say so. */
  typing(conversation: string): void {
    this.send({ type: "typing", conversation });
  }

  private tell(link: Link): void {
    if (link === this.link || this.stopped) return;
    this.link = link;
    this.moved(link);
  }

  private send(frame: unknown): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame));
  }

  private ping(): void {
    if (!this.socket) return;
    if (Date.now() - this.heardAt > SILENCE) return this.lost(this.socket);
    this.send({ type: "ping" });
  }

  private connect(): void {
    clearTimeout(this.retry);
    this.drop();
    const socket = this.port.open(this.url);
    this.socket = socket;
    this.heardAt = Date.now();
    socket.onopen = () => this.send({ type: "hello", cursor: this.cursor, follow: Object.fromEntries(this.followed) });
    socket.onmessage = (message) => this.onMessage(socket, String(message.data));
    socket.onclose = () => this.lost(socket);
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private onMessage(socket: WebSocket, data: string): void {
    if (socket !== this.socket) return;
    this.heardAt = Date.now();
    // The first frame, and not the open socket, proves that the service let us in.
    this.failures = 0;
    this.polling?.abort();
    this.polling = null;
    this.tell("live");
    this.take(JSON.parse(data) as Frame);
  }

  private take(frame: Frame): void {
    if ("cursor" in frame && frame.cursor) this.cursor = frame.cursor;
    if (frame.type === "events") this.advance(frame.conversation, frame.events);
    this.heard(frame);
  }

  private advance(conversation: string, events: { seq: number }[]): void {
    const known = this.followed.get(conversation);
    if (known === undefined) return;
    this.followed.set(
      conversation,
      events.reduce((most, event) => Math.max(most, event.seq), known),
    );
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket || this.stopped) return;
    this.drop();
    this.failures += 1;
    if (this.failures > 1) {
      this.socketDue = Date.now() + SOCKET_AGAIN;
      if (!this.polling) void this.pollOn();
      return;
    }
    this.tell("connecting");
    this.retry = setTimeout(() => this.connect(), backoff(this.failures, this.port.chance));
  }

  private following(): string[] {
    return [...this.followed].map(([id, seq]) => `${id}:${seq}`);
  }

  /** Polls until a socket lives again; a new round starts at once when what we follow changes. */
  private async pollOn(): Promise<void> {
    while (!this.stopped && !this.socket) {
      const round = new AbortController();
      this.polling = round;
      try {
        const { frames } = await this.port.poll(this.cursor, this.following(), round.signal);
        this.pollFailures = 0;
        this.tell("polling");
        frames.forEach((frame) => this.take(frame));
        if (frames.length === 0) await pause(1000);
      } catch (error) {
        if (round.signal.aborted) continue;
        // Signed out: whoever owns this feed has been told and stops it.
        if (error instanceof Refusal && error.status === 401) return;
        await this.pollAgain();
      }
      if (Date.now() >= this.socketDue) break;
    }
    this.polling = null;
    if (!this.stopped && !this.socket) this.connect();
  }

  private pollAgain(): Promise<void> {
    this.pollFailures += 1;
    if (this.pollFailures > 1) this.tell("offline");
    else this.tell("connecting");
    const wait = backoff(this.pollFailures + 1, this.port.chance, 15_000);
    return pause(wait);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
