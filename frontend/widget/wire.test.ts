import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { ServerFrame } from "./protocol";
import type { Pending } from "./thread";
import { backOff, type Line, Wire } from "./wire";

const WELCOME: ServerFrame = { type: "welcome", seq: 0, speaker: { kind: "assistant", name: null }, messages: [] };

/** A socket whose other end is the test. */
class Socket {
  static readonly OPEN = 1;
  static made: Socket[] = [];
  readyState = 0;
  sent: { type: string; [field: string]: unknown }[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: (event: { code: number }) => void;

  constructor(readonly url: URL) {
    Socket.made.push(this);
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(): void {
    this.readyState = 3;
  }

  accept(frame: ServerFrame = WELCOME): void {
    this.readyState = Socket.OPEN;
    this.onopen?.();
    this.say(frame);
  }

  say(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  drop(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const latest = (): Socket => Socket.made[Socket.made.length - 1] as Socket;
const hellos = (): unknown[] => Socket.made.flatMap(({ sent }) => sent.filter(({ type }) => type === "hello"));

let lines: Line[];
let frames: ServerFrame[];
let waiting: Pending[];
let seq: number;
let tokens: number;
let wire: Wire;

beforeEach(() => {
  vi.useFakeTimers();
  Socket.made = [];
  [lines, frames, waiting, seq, tokens] = [[], [], [], 0, 0];
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("fetch", vi.fn(() => new Promise(() => undefined)));
  wire = new Wire(new URL("https://desk.example/widget/v1/k/"), {
    hello: () => ({ token: `t${tokens}`, after: seq }),
    toSend: () => waiting,
    frame: (frame) => {
      frames.push(frame);
      if (frame.type === "sent") waiting = waiting.filter(({ clientId }) => clientId !== frame.client_id);
    },
    line: (line) => lines.push(line),
    badToken: () => (tokens += 1),
    bytes: () => Promise.resolve(null),
    progress: () => undefined,
  });
});

afterEach(() => {
  wire.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Lets time pass until the wire tries again, by socket or by polling; half a minute at the most. */
function reconnect(): void {
  const tries = (): number => Socket.made.length + vi.mocked(fetch).mock.calls.length;
  const before = tries();
  for (let waited = 0; waited < 31_000 && tries() === before; waited += 250) vi.advanceTimersByTime(250);
}

describe("the socket", () => {
  it("says who it is in its first frame and never in its address", () => {
    wire.start();
    latest().accept();
    expect(String(latest().url)).toBe("wss://desk.example/widget/v1/k/socket");
    expect(latest().sent[0]).toEqual({ type: "hello", token: "t0", after: 0 });
    expect(lines).toEqual(["connecting", "open"]);
  });

  it("comes back after a drop and resumes from what has been seen", () => {
    wire.start();
    latest().accept();
    seq = 7;
    latest().drop();
    expect(lines).toContain("offline");
    reconnect();
    latest().accept();
    expect(hellos()).toEqual([
      { type: "hello", token: "t0", after: 0 },
      { type: "hello", token: "t0", after: 7 },
    ]);
    expect(lines[lines.length - 1]).toBe("open");
  });

  it("sends again after a drop what has no receipt, under the same client id", () => {
    wire.start();
    latest().accept();
    waiting = [{ clientId: "c1", text: "早餐几点", at: "" }];
    wire.flush();
    wire.flush();
    const send = { type: "send", client_id: "c1", text: "早餐几点" };
    expect(latest().sent.slice(1)).toEqual([send]);
    latest().drop();
    reconnect();
    latest().accept();
    expect(latest().sent.slice(1)).toEqual([send]);
  });

  it("sends nothing before the welcome", () => {
    wire.start();
    waiting = [{ clientId: "c1", text: "早餐几点", at: "" }];
    wire.flush();
    latest().onopen?.();
    expect(latest().sent.filter(({ type }) => type === "send")).toEqual([]);
  });

  it("is given up when nothing answers a ping", () => {
    wire.start();
    latest().accept();
    const first = latest();
    vi.advanceTimersByTime(25_000);
    expect(first.sent[1]).toEqual({ type: "ping" });
    vi.advanceTimersByTime(10_000);
    expect(lines[lines.length - 1]).toBe("offline");
  });

  it("stands as long as pings are answered", () => {
    wire.start();
    latest().accept();
    for (let minute = 0; minute < 10; minute += 1) {
      vi.advanceTimersByTime(25_000);
      latest().say({ type: "pong" });
    }
    expect(Socket.made).toHaveLength(1);
    expect(lines).toEqual(["connecting", "open"]);
  });

  it("is tried at once when the page wakes up, without waiting for its turn", () => {
    wire.start();
    latest().accept();
    latest().drop();
    wire.nudge();
    expect(Socket.made).toHaveLength(2);
  });

  it("stops for good where the page isn't allowed", () => {
    wire.start();
    latest().drop(4403);
    reconnect();
    expect(lines[lines.length - 1]).toBe("refused");
    expect(Socket.made).toHaveLength(1);
  });

  it("comes with a new token where the old one is no good", () => {
    wire.start();
    latest().accept();
    latest().drop(4401);
    reconnect();
    latest().accept();
    expect(hellos()[1]).toMatchObject({ token: "t1" });
  });

  it("waits longer where it was too much", () => {
    wire.start();
    latest().accept();
    latest().drop(4429);
    vi.advanceTimersByTime(14_000);
    expect(Socket.made).toHaveLength(1);
    vi.advanceTimersByTime(17_000);
    expect(Socket.made).toHaveLength(2);
  });
});

describe("long polling", () => {
  const answer = (body: object, status = 200): Response => new Response(JSON.stringify(body), { status });

  function fail(times: number): void {
    for (let time = 0; time < times; time += 1) {
      latest().drop();
      reconnect();
    }
  }

  it("begins after two sockets in a row that never got a welcome, with the token in the body", async () => {
    wire.start();
    fail(1);
    expect(fetch).not.toHaveBeenCalled();
    fail(1);
    expect(fetch).toHaveBeenCalledOnce();
    const [url, request] = vi.mocked(fetch).mock.calls[0] as [URL, RequestInit];
    expect(String(url)).toBe("https://desk.example/widget/v1/k/poll");
    expect(request).toMatchObject({ method: "POST", credentials: "omit" });
    expect(JSON.parse(String(request.body))).toEqual({ token: "t0", after: 0 });
  });

  it("doesn't begin when sockets work and break", () => {
    wire.start();
    for (let time = 0; time < 3; time += 1) {
      latest().accept();
      fail(1);
    }
    expect(fetch).not.toHaveBeenCalled();
  });

  it("hands on what it gets, and what waits goes by post", async () => {
    wire.start();
    waiting = [{ clientId: "c1", text: "早餐几点", at: "" }];
    vi.mocked(fetch)
      .mockResolvedValueOnce(answer({ seq: 3, speaker: { kind: "assistant", name: null }, messages: [] }))
      .mockImplementation((url) =>
        String(url).endsWith("messages")
          ? Promise.resolve(answer({ client_id: "c1", seq: 4, at: "2026-11-22T13:30:00Z" }))
          : new Promise(() => undefined),
      );
    fail(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(frames.map(({ type }) => type)).toEqual(["welcome", "sent"]);
    expect(lines[lines.length - 1]).toBe("open");
  });

  it("counts as connected while it hangs: nothing new is no failure", async () => {
    wire.start();
    fail(2);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(lines[lines.length - 1]).toBe("open");
  });

  it("marks a message as refused only where trying again is useless", async () => {
    wire.start();
    waiting = [{ clientId: "c1", text: "早餐几点", at: "" }];
    let status = 503;
    vi.mocked(fetch).mockImplementation((url) =>
      String(url).endsWith("messages")
        ? Promise.resolve(answer({ error: { code: "x", message: "太长" } }, status))
        : new Promise(() => undefined),
    );
    fail(2);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(frames).toEqual([]);
    status = 400;
    await vi.advanceTimersByTimeAsync(16_000);
    expect(frames).toEqual([{ type: "error", code: "refused", message: "太长", client_id: "c1" }]);
  });

  it("gives a socket another try when it fails itself", async () => {
    wire.start();
    vi.mocked(fetch).mockRejectedValue(new TypeError("Failed to fetch"));
    fail(2);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(Socket.made.length).toBeGreaterThan(2);
  });
});

describe("waiting to come back", () => {
  it("grows to half a minute, and is never the same for two guests", () => {
    expect(backOff(0, () => 0)).toBe(250);
    expect(backOff(0, () => 1)).toBe(500);
    expect(backOff(3, () => 1)).toBe(4_000);
    expect(backOff(50, () => 0)).toBe(15_000);
    expect(backOff(50, () => 1)).toBe(30_000);
  });
});
