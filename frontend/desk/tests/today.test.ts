import { describe, expect, it } from "vitest";

import { busiest, nextDay, share, type Hour } from "../today";
import { linked, troubleOf, type Picked } from "../trays";

const hour = (guest: number): Hour => ({ guest, assistant: 0, staff: 0 });
const NUMBERS = { messages: 0, guests: 0, answered: 0, handed_over: 0, longest_wait: null, unclear: 0 };

describe("a day", () => {
  it("has a busiest hour, the first of equals, or none", () => {
    expect(busiest([hour(0), hour(3), hour(5), hour(5)])).toEqual({ hour: 2, count: 5 });
    expect(busiest([hour(0), hour(0)])).toBeNull();
  });

  it("tells what share the assistant answered of what had to be answered", () => {
    expect(share({ ...NUMBERS, answered: 9, handed_over: 3 })).toBe(75);
    expect(share(NUMBERS)).toBeNull();
  });

  it("comes after the last one, over the ends of months", () => {
    expect(nextDay("2026-02-28", 1)).toBe("2026-03-01");
    expect(nextDay("2026-01-01", -1)).toBe("2025-12-31");
  });
});

describe("a file that is about to go", () => {
  const picked = (size: number, kind = "image"): Picked => ({ file: { size } as File, kind, preview: "" });

  it("is too large above its kind's limit, and nothing when it is empty", () => {
    expect(troubleOf(picked(10), { image: 10 })).toBeNull();
    expect(troubleOf(picked(11), { image: 10 })).toBe("large");
    expect(troubleOf(picked(0), { image: 10 })).toBe("empty");
  });

  it("goes as an address where the channel doesn't carry its kind", () => {
    const way = { identity: "i", channel: "wechat", limits: { kind: "none" }, media: ["image"] };
    expect(linked(picked(1), way)).toBe(false);
    expect(linked(picked(1, "file"), way)).toBe(true);
  });
});
