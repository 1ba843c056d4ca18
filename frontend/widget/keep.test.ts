import { beforeEach, describe, expect, it } from "vitest";

import { dropPending, keep, newId, newToken, savedPending, savePending, tokenOf } from "./keep";

const blocked = (): Storage => {
  throw new DOMException("denied", "SecurityError");
};

beforeEach(() => localStorage.clear());

describe("the visitor's token", () => {
  it("is 32 random bytes in letters that need no escaping", () => {
    expect(newToken()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(newToken()).not.toBe(newToken());
  });

  it("is made once for each widget and found again", () => {
    const token = tokenOf(keep("a"));
    expect(localStorage.getItem("dianxiaoer:a")).toBe(token);
    expect(tokenOf(keep("a"))).toBe(token);
    expect(tokenOf(keep("b"))).not.toBe(token);
  });

  it("lives as long as the page where storage is blocked", () => {
    const memory = keep("a", blocked);
    expect(tokenOf(memory)).toBe(tokenOf(memory));
    expect(localStorage).toHaveLength(0);
  });
});

describe("messages that wait", () => {
  const first = { clientId: "1", text: "早餐几点", at: "2026-11-22T13:30:00Z" };
  const second = { clientId: "2", text: "几楼", at: "2026-11-22T13:31:00Z" };

  it("survive a reload in the order they were written, and go once they are sent", () => {
    savePending(keep("a"), second);
    savePending(keep("a"), first);
    expect(savedPending(keep("a"))).toEqual([first, second]);
    dropPending(keep("a"), "1");
    expect(savedPending(keep("a"))).toEqual([second]);
  });

  it("of one widget are no other's", () => {
    savePending(keep("a"), first);
    expect(savedPending(keep("ab"))).toEqual([]);
    expect(savedPending(keep(""))).toEqual([]);
  });

  it("of two tabs don't overwrite each other", () => {
    const [one, other] = [keep("a"), keep("a")];
    savePending(one, first);
    savePending(other, second);
    expect(savedPending(one)).toHaveLength(2);
  });

  it("that somebody broke are left out", () => {
    localStorage.setItem("dianxiaoer:a:out:x", "{");
    localStorage.setItem("dianxiaoer:a:out:y", "{}");
    expect(savedPending(keep("a"))).toEqual([]);
  });

  it("are kept in memory where storage is blocked or full", () => {
    const memory = keep("a", blocked);
    savePending(memory, first);
    expect(savedPending(memory)).toEqual([first]);
    dropPending(memory, "1");
    expect(savedPending(memory)).toEqual([]);
  });
});

it("ids are version 4 UUIDs, also on pages without TLS", () => {
  expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
