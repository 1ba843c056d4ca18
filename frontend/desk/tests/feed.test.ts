import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Refusal } from "../api";
import { backoff } from "../backoff";
import { Feed, type Link } from "../feed";
import type { Frame } from "../model";

class Socket {
  static all: Socket[] = [];
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    Socket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  hear(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  die(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

const snapshot = { type: "snapshot", conversations: [], orders: [], cursor: "c1" };
const last = (): Socket => Socket.all[Socket.all.length - 1] as Socket;

function made(poll: (cursor: string | null, follow: string[]) => Promise<{ frames: Frame[] }>) {
  const frames: Frame[] = [];
  const links: Link[] = [];
  const port = { open: () => new Socket() as unknown as WebSocket, poll, chance: () => 1 };
  const feed = new Feed(
    "ws://desk",
    port,
    (frame) => frames.push(frame),
    (link) => links.push(link),
  );
  feed.start();
  return { feed, frames, links };
}

const never = (): Promise<{ frames: Frame[] }> => new Promise(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
  Socket.all = [];
});
afterEach(() => vi.useRealTimers());

describe("the feed", () => {
  it("resumes with its cursor and what it follows, from the last event heard", async () => {
    const { feed, links } = made(never);
    last().open();
    expect(last().sent[0]).toEqual({ type: "hello", cursor: null, follow: {} });
    last().hear(snapshot);
    feed.follow("a", 3);
    last().hear({ type: "events", conversation: "a", events: [{ seq: 4 }, { seq: 5 }] });
    last().die();
    await vi.advanceTimersByTimeAsync(600);
    last().open();
    expect(Socket.all).toHaveLength(2);
    expect(last().sent[0]).toEqual({ type: "hello", cursor: "c1", follow: { a: 5 } });
    expect(links).toEqual(["live", "connecting"]);
    feed.stop();
  });

  it("polls after two failures and goes back to a socket later", async () => {
    const asked: (string | null)[] = [];
    const poll = async (cursor: string | null): Promise<{ frames: Frame[] }> => {
      asked.push(cursor);
      await new Promise((done) => setTimeout(done, 1000));
      return { frames: [{ ...snapshot, cursor: "p1" } as Frame] };
    };
    const { feed, links, frames } = made(poll);
    last().die();
    await vi.advanceTimersByTimeAsync(600);
    last().die();
    await vi.advanceTimersByTimeAsync(2500);
    expect(links).toEqual(["polling"]);
    expect(asked.slice(0, 2)).toEqual([null, "p1"]);
    expect(frames.length).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(Socket.all).toHaveLength(3);
    last().open();
    last().hear(snapshot);
    expect(links).toEqual(["polling", "live"]);
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked.length).toBe(before);
    feed.stop();
  });

  it("says that it is cut off when polling fails too, and stops when nobody is signed in", async () => {
    const broken = made(() => Promise.reject(new Error("away")));
    last().die();
    await vi.advanceTimersByTimeAsync(600);
    last().die();
    await vi.advanceTimersByTimeAsync(5000);
    expect(broken.links).toContain("offline");
    broken.feed.stop();

    const poll = vi.fn(() => Promise.reject(new Refusal(401, "signed_out", "")));
    made(poll);
    last().die();
    await vi.advanceTimersByTimeAsync(600);
    last().die();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(poll).toHaveBeenCalledTimes(1);
  });

  it("takes a silent socket for a dead one", async () => {
    const { feed } = made(never);
    last().open();
    last().hear(snapshot);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(Socket.all.length).toBeGreaterThan(1);
    feed.stop();
  });
});

describe("backing off", () => {
  it("doubles, stays under its ceiling and never goes below half", () => {
    expect([1, 2, 3].map((n) => backoff(n, () => 1))).toEqual([500, 1000, 2000]);
    expect(backoff(40, () => 1)).toBe(30_000);
    expect(backoff(3, () => 0)).toBe(1000);
  });
});
