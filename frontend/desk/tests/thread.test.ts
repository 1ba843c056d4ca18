import { describe, expect, it } from "vitest";

import { confirmed, lay, merge, suggestion, together, unanswered, visits, type Unsent } from "../thread";
import { event, ME, NOW } from "./made";

const TONGUE = { locale: "zh" as const, zone: "Asia/Shanghai" };

describe("merging", () => {
  it("orders by seq and lets a later copy replace an earlier one", () => {
    const merged = merge(
      [event(1, "guest_said"), event(3, "staff_said")],
      [event(2, "guest_said"), event(3, "staff_said", { text: "新" })],
    );
    expect(merged.map((one) => one.seq)).toEqual([1, 2, 3]);
    expect(merged[2]?.text).toBe("新");
  });

  it("carries a delivery's outcome to its message", () => {
    const said = event(1, "staff_said", { delivery: { state: "sending", why: null } });
    const [message] = merge([said], [event(2, "delivery_unclear", { body: { seq: 1, why: "timeout" } })]);
    expect(message?.delivery).toEqual({ state: "unclear", why: "timeout" });
  });

  it("never lets a ladder go down", () => {
    const read = event(1, "staff_said", { delivery: { state: "read", why: null } });
    const [message] = merge([read], [event(1, "staff_said", { delivery: { state: "accepted", why: null } })]);
    expect(message?.delivery?.state).toBe("read");
  });

  it("starts a new ladder when somebody sends again", () => {
    const unclear = event(1, "staff_said", { delivery: { state: "unclear", why: null } });
    const [message] = merge([unclear], [event(2, "resend_requested", { body: { seq: 1 } })]);
    expect(message?.delivery?.state).toBe("queued");
  });
});

describe("an unsent message", () => {
  const unsent: Unsent = { client_id: "a", kind: "reply", text: "好的", at: "", after: 5, state: "sending", why: "" };

  it("is confirmed by its client id alone where the service tells it", () => {
    expect(confirmed(unsent, [event(6, "staff_said", { text: "好的", body: { client_id: "b" } })], ME)).toBe(false);
    expect(confirmed(unsent, [event(6, "staff_said", { text: "别的", body: { client_id: "a" } })], ME)).toBe(true);
  });

  it("isn't confirmed by the same words said before it", () => {
    expect(confirmed(unsent, [event(5, "staff_said", { text: "好的" })], ME)).toBe(false);
    expect(confirmed(unsent, [event(6, "staff_said", { text: "好的" })], ME)).toBe(true);
  });
});

describe("laying out", () => {
  it("draws a line for each day of the hotel, not of UTC", () => {
    const late = event(1, "guest_said", { at: "2026-11-22T15:59:00Z" });
    const next = event(2, "guest_said", { at: "2026-11-22T16:01:00Z" });
    expect(lay([late, next], TONGUE, null).filter((line) => line.kind === "day")).toHaveLength(2);
  });

  it("names the channel only where it changes", () => {
    const on = (seq: number, channel: string) => event(seq, "guest_said", { channel });
    const lines = lay([on(1, "wechat"), on(2, "wechat"), on(3, "web"), on(4, "wechat")], TONGUE, null);
    expect(lines.flatMap((line) => (line.kind === "channel" ? [line.channel] : []))).toEqual([
      "wechat",
      "web",
      "wechat",
    ]);
  });

  it("marks once where the unread begins", () => {
    const events = [1, 2, 3, 4].map((seq) => event(seq, "guest_said"));
    const kinds = lay(events, TONGUE, 2).map((line) => line.kind);
    expect(kinds.filter((kind) => kind === "new")).toHaveLength(1);
    expect(kinds.indexOf("new")).toBe(kinds.length - 3);
  });

  it("joins one speaker's messages and parts them after a pause", () => {
    const said = (seq: number, minutes: number) =>
      event(seq, "guest_said", { at: new Date(NOW + minutes * 60_000).toISOString() });
    const lines = lay([said(1, 0), said(2, 1), said(3, 30)], TONGUE, null);
    expect(lines.flatMap((line) => (line.kind === "said" ? [line.first] : []))).toEqual([true, false, true]);
  });

  it("leaves out deliveries, empty drafts and the draft that is offered elsewhere", () => {
    const events = [
      event(1, "delivery_accepted", { body: { seq: 1 } }),
      event(2, "assistant_drafted"),
      event(3, "assistant_drafted", { text: "甲" }),
      event(4, "assistant_drafted", { text: "乙" }),
    ];
    const drafts = lay(events, TONGUE, null, 4).flatMap((line) => (line.kind === "draft" ? [line.event.seq] : []));
    expect(drafts).toEqual([3]);
    expect(lay(events.slice(0, 2), TONGUE, null)).toEqual([]);
  });
});

describe("a draft", () => {
  it("that somebody sent as it was is no draft any more", () => {
    const events = [event(1, "assistant_drafted", { text: "马上" }), event(2, "staff_said", { text: "马上" })];
    expect(lay(events, TONGUE, null).some((line) => line.kind === "draft")).toBe(false);
  });
});

describe("what the guest waits for", () => {
  it("is the first message since nobody answered", () => {
    const events = [event(1, "guest_said"), event(2, "staff_said"), event(3, "guest_said"), event(4, "guest_said")];
    expect(unanswered(events, events[2]?.at ?? null)?.seq).toBe(3);
    expect(unanswered(events, null)).toBeNull();
  });

  it("is what somebody was asked for about, whatever was said since", () => {
    const events = [
      event(1, "guest_said"),
      event(2, "assistant_said"),
      event(3, "guest_said"),
      event(4, "assistant_said"),
      event(5, "handoff_requested"),
      event(6, "guest_said"),
    ];
    expect(unanswered(events, events[4]?.at ?? null)?.seq).toBe(3);
    const heard = [...events, event(7, "staff_said"), event(8, "guest_said"), event(9, "guest_said")];
    expect(unanswered(heard, heard[7]?.at ?? null)?.seq).toBe(8);
  });

  it("may have a draft, until somebody has answered", () => {
    const draft = event(2, "assistant_drafted", { text: "马上" });
    expect(suggestion([event(1, "guest_said"), draft])?.seq).toBe(2);
    expect(suggestion([event(1, "guest_said"), draft, event(3, "staff_said")])).toBeNull();
  });
});

describe("a file that a platform keeps for us", () => {
  const file = { id: "b", kind: "image" as const, type: "image/jpeg", size: 9, address: "/files/b" };
  const said = event(1, "guest_said", { text: null, fetching: true });

  it("comes to its message with an event of its own, and stays", () => {
    const kept = event(2, "media_kept", { body: { seq: 1 }, file });
    const merged = merge([said], [kept]);
    expect(merged[0]?.file).toEqual(file);
    expect(merged[0]?.fetching).toBe(false);
    expect(merge(merged, [said])[0]?.file).toEqual(file);
  });

  it("may never come, and says why", () => {
    const merged = merge([said], [event(2, "media_lost", { body: { seq: 1, why: "file_too_large" } })]);
    expect(merged[0]?.lost).toBe("file_too_large");
    expect(merged[0]?.fetching).toBe(false);
  });
});

describe("conversations of one guest", () => {
  it("stand together as they were said, with keys of their own", () => {
    const old = { ...event(1, "guest_said"), conversation: "c0", at: event(2, "guest_said").at };
    const lines = lay(together([old], [event(1, "guest_said"), event(3, "guest_said")]), TONGUE, null);
    const said = lines.filter((line) => line.kind === "said");
    expect(said.map((line) => line.key)).toEqual(["e1", "ec0:1", "e3"]);
  });
});

describe("visits", () => {
  it("end with closing, begin with reopening, and name who talked and not who noted", () => {
    const by = (name: string) => ({ actor: { kind: "staff" as const, id: name, name } });
    const found = visits([
      event(1, "contacted"),
      event(2, "handoff_requested", { body: { reason: "complain" } }),
      event(3, "staff_said", by("王芳")),
      event(4, "staff_noted", by("李婷")),
      event(5, "closed", { ...by("王芳"), body: { reason: "solved" } }),
      event(6, "staff_noted", { ...by("王芳"), body: { about: "closing" }, text: "换了房" }),
      event(7, "reopened"),
      event(8, "guest_said"),
    ]);
    expect(found.map((visit) => visit.words)).toEqual([null, "换了房"]);
    expect(found.map((visit) => [visit.number, visit.first, visit.messages, visit.people, visit.closing])).toEqual([
      [2, 7, 1, [], null],
      [1, 1, 1, ["王芳"], "solved"],
    ]);
    expect(found[1]?.reasons).toEqual([{ seq: 2, code: "complain" }]);
  });
});
