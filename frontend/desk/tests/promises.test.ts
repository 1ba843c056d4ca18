import { describe, expect, it } from "vitest";

import { instantOf, offeredIn, ringsFor, type GuestPromise } from "../promises";
import { event, ME, NOW } from "./made";

const AT = new Date(NOW).toISOString();

describe("a promise that is offered", () => {
  const offer = { due_at: AT, guessed: true };
  const said = event(3, "staff_said", { at: AT, offer, actor: { kind: "staff", id: ME, name: "我" } });

  it("is my newest reply's, until somebody has decided or an hour is over", () => {
    expect(offeredIn([said], ME, NOW)?.seq).toBe(3);
    expect(offeredIn([said], "another", NOW)).toBeNull();
    expect(offeredIn([said], ME, NOW + 3_700_000)).toBeNull();
    expect(offeredIn([said, event(4, "promise_made", { at: AT, body: { seq: 3 } })], ME, NOW)).toBeNull();
    expect(offeredIn([said, { ...said, seq: 5, offer: null }], ME, NOW)).toBeNull();
  });
});

describe("a promise that is due", () => {
  const one = { state: "open", reminded_at: AT, reminded_to: ME } as GuestPromise;

  it("rings once for whoever sees to it, and for everybody where nobody does", () => {
    expect(ringsFor(one, undefined, ME)).toBe(true);
    expect(ringsFor(one, one, ME)).toBe(false);
    expect(ringsFor(one, undefined, "another")).toBe(false);
    expect(ringsFor({ ...one, reminded_to: null }, undefined, "another")).toBe(true);
    expect(ringsFor({ ...one, state: "kept" }, undefined, ME)).toBe(false);
  });
});

it("knows what a clock of the hotel means, wherever the page is", () => {
  const of = (zone: string): string | null => instantOf("2026-11-22", "20:00", { locale: "zh", zone });
  expect(of("Asia/Shanghai")).toBe("2026-11-22T12:00:00.000Z");
  expect(of("America/New_York")).toBe("2026-11-23T01:00:00.000Z");
});
