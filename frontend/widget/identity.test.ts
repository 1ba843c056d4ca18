import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { claimsOf, Identity } from "./identity";

function token(sub: unknown, exp = Math.floor(Date.now() / 1000) + 600): string {
  const part = (value: object): string => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  return [part({ alg: "HS256" }), part({ sub, exp }), "signature"].join(".");
}

let told: (string | null)[];
let identity: Identity;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  identity = new Identity((subject) => told.push(subject));
});

afterEach(() => vi.useRealTimers());

describe("who the site says its visitor is", () => {
  it("is read from the token, in any letters", () => {
    expect(claimsOf(token("客人-王"))?.sub).toBe("客人-王");
    for (const wrong of ["", "x", "a.b.c", token(""), token(7), token(null)]) expect(claimsOf(wrong)).toBeNull();
  });

  it("is told with each token, and with none", async () => {
    await identity.use(token("a"));
    expect(identity.token).toBe(token("a"));
    await identity.use(null);
    expect(told).toEqual(["a", null]);
    expect(identity.token).toBeNull();
  });

  it("is asked for again before the token ends", async () => {
    const give = vi.fn(() => token("a"));
    await identity.use(give);
    await vi.advanceTimersByTimeAsync(530_000);
    expect(give).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(give).toHaveBeenCalledTimes(2);
  });

  it("stays who it was while the site can't say", async () => {
    await identity.use(token("a"));
    await identity.use(() => Promise.reject(new Error("offline")));
    expect(told).toEqual(["a"]);
    expect(identity.token).toBe(token("a"));
  });

  it("is asked for anew when it isn't believed, and not all the time", async () => {
    const give = vi.fn(() => token("a"));
    await identity.use(give);
    await vi.advanceTimersByTimeAsync(31_000);
    for (let time = 0; time < 3; time += 1) identity.refused();
    expect(give).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(0);
    await identity.use(token("a"));
    identity.refused();
    expect(told).toHaveLength(3);
  });

  it("is the last one who signed in, whoever answers first", async () => {
    let answer: (value: string) => void = () => undefined;
    const slow = identity.use(() => new Promise((done) => (answer = done)));
    await identity.use(token("b"));
    answer(token("a"));
    await slow;
    expect(told).toEqual(["b"]);
  });
});
