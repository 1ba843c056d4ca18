import { describe, expect, it } from "vitest";

import { Log } from "./log";
import type { Message } from "./protocol";
import { EMPTY, receive } from "./thread";
import { wordsOf } from "./words";

const PICTURE: Message = {
  seq: 1,
  from: "guest",
  name: null,
  text: "",
  options: null,
  at: "2026-11-22T13:30:00.000Z",
  client_id: "c1",
  file: { id: "f1", kind: "image", size: 2048, width: 20, height: 10, address: "files/f1?until=1" },
};

function log(): { log: Log; told: string[] } {
  const told: string[] = [];
  const nothing = (): void => undefined;
  const made = new Log(wordsOf({}), "zh", {
    say: nothing,
    retry: nothing,
    remove: nothing,
    view: nothing,
    resolve: (address) => `https://hotel.example/${address}`,
    stale: () => told.push("stale"),
  });
  made.show(receive(EMPTY, { type: "message", message: PICTURE }));
  return { log: made, told };
}

describe("a picture that didn't load", () => {
  it("stands there as a link, and is tried again once the line stands", () => {
    const { log: shown, told } = log();
    for (let round = 1; round <= 2; round++) {
      shown.element.querySelector("img")?.dispatchEvent(new Event("error"));
      expect(shown.element.querySelector(".pic")).toBeNull();
      expect(shown.element.querySelector("a.file")).not.toBeNull();
      expect(told).toHaveLength(round);
      shown.mend();
      expect(shown.element.querySelectorAll(".pic")).toHaveLength(1);
      expect(shown.element.querySelector("a.file")).toBeNull();
    }
    shown.mend();
    expect(shown.element.querySelectorAll(".pic")).toHaveLength(1);
  });
});
