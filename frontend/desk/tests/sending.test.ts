import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { openSending, type Port } from "../sending";
import { event, ME } from "./made";

interface Asked {
  path: string;
  body: { text: string; client_id: string };
}

let asked: Asked[] = [];
let answers: (() => Response)[] = [];

const json = (status: number, body: unknown) => () => new Response(JSON.stringify(body), { status });
const away = (): Response => {
  throw new TypeError("no network");
};

function port() {
  return { seq: () => 7, sent: vi.fn<Port["sent"]>(), lost: vi.fn<Port["lost"]>() };
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  asked = [];
  answers = [];
  vi.stubGlobal(
    "fetch",
    vi.fn((path: string, init: RequestInit) => {
      asked.push({ path, body: JSON.parse(String(init.body)) as Asked["body"] });
      return Promise.resolve().then(() => (answers.shift() ?? json(200, {}))());
    }),
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("sending", () => {
  it("tries again with the same client id until the service answers, and keeps the order", async () => {
    answers = [away, json(503, {}), json(200, {}), json(200, {})];
    const to = port();
    const sending = openSending("h", ME, to);
    const first = sending.send("c", "reply", "第一句");
    const second = sending.send("c", "reply", "第二句");
    expect(sending.unsent.get("c")).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(asked.map((one) => one.body.text)).toEqual(["第一句", "第一句", "第一句", "第二句"]);
    expect(new Set(asked.slice(0, 3).map((one) => one.body.client_id)).size).toBe(1);
    expect(sending.unsent.get("c")).toEqual([]);
    expect(to.sent).toHaveBeenCalledTimes(2);
  });

  it("gives the words back when somebody else holds the conversation", async () => {
    answers = [json(409, { error: { code: "held", message: "", holder: "王芳" } })];
    const to = port();
    const sending = openSending("h", ME, to);
    expect(await sending.send("c", "reply", "我来")).toBe(false);
    expect(sending.returned.value).toEqual({ id: "c", text: "我来", kind: "reply" });
    expect(sending.unsent.get("c")).toEqual([]);
    expect(to.lost).toHaveBeenCalledOnce();
  });

  it("keeps what the service refuses, with its reason, and sends it again when asked", async () => {
    answers = [json(400, { error: { code: "too_long", message: "内容太长" } }), json(200, {})];
    const sending = openSending("h", ME, port());
    expect(await sending.send("c", "note", "长")).toBe(false);
    const message = sending.unsent.get("c")?.[0];
    expect(message).toMatchObject({ state: "refused", why: "内容太长" });
    if (message) sending.again("c", message);
    await vi.advanceTimersByTimeAsync(10);
    expect(asked.map((one) => one.path.split("/").pop())).toEqual(["note", "note"]);
    expect(sending.unsent.get("c")).toEqual([]);
  });

  it("forgets what the events show, though its answer never came", async () => {
    answers = [away, away, away];
    const sending = openSending("h", ME, port());
    void sending.send("c", "reply", "到了没");
    await vi.advanceTimersByTimeAsync(100);
    sending.settle("c", [event(8, "staff_said", { text: "到了没" })]);
    const tries = asked.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.length).toBe(tries);
    expect(sending.unsent.get("c")).toEqual([]);
  });

  it("shows after a reload what was left, and sends nothing by itself", async () => {
    answers = [away, away];
    const before = openSending("h", ME, port());
    void before.send("c", "reply", "没发完");
    await vi.advanceTimersByTimeAsync(10);
    before.stop();
    const tries = asked.length;
    const after = openSending("h", ME, port());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(after.unsent.get("c")?.map((one) => [one.text, one.state])).toEqual([["没发完", "refused"]]);
    expect(asked.length).toBe(tries);
    expect(openSending("h", "someone-else", port()).unsent.size).toBe(0);
  });
});
