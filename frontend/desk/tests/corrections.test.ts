import { describe, expect, it } from "vitest";

import {
  answers,
  characters,
  inPlace,
  readingOf,
  search,
  spanned,
  standing,
  titleOf,
  withPlace,
  type Intent,
  type Place,
} from "../corrections";
import { lay } from "../thread";
import { event } from "./made";

const INTENTS: Intent[] = [
  { name: "ask_breakfast", titles: { zh: "问早餐", en: "ask about breakfast" } },
  { name: "ask_dining", titles: { zh: "问餐厅", en: "ask about the restaurants" } },
  { name: "book_room", titles: { zh: "订房", en: "book a room" } },
];

function marking(seq: number, about: number, intent: string | null = "ask_breakfast") {
  return event(seq, "reading_corrected", {
    actor: { kind: "staff", id: "s1", name: "王芳" },
    body: { seq: about, guest_seqs: [1], kind: intent ? "misread" : "wrong_answer", intent_was: "greet", intent },
  });
}

function reviewing(seq: number, about: number, verdict: string, intent: string | null) {
  return event(seq, "correction_reviewed", {
    actor: { kind: "staff", id: "s2", name: "李莉" },
    body: { seq: about, mark: 3, verdict, intent },
  });
}

describe("marks of a thread", () => {
  it("stand at the message they are about, the latest alone", () => {
    const marks = standing([marking(3, 2), marking(4, 2, "book_room"), marking(5, 7)]);
    expect([...marks.keys()]).toEqual([2, 7]);
    expect(marks.get(2)).toMatchObject({ intent: "book_room", by: { name: "王芳" }, review: null });
  });

  it("are gone once they are taken back, and new after that", () => {
    const back = event(4, "correction_withdrawn", { body: { seq: 2, mark: 3 } });
    expect(standing([marking(3, 2), back]).size).toBe(0);
    expect(standing([marking(3, 2), back, marking(5, 2)]).size).toBe(1);
  });

  it("carry their review, and lose it when they are made anew", () => {
    const reviewed = [marking(3, 2), reviewing(4, 2, "accepted", "ask_dining")];
    expect(standing(reviewed).get(2)).toMatchObject({
      intent: "ask_dining",
      review: { verdict: "accepted", by: { name: "李莉" } },
    });
    expect(standing([...reviewed, marking(5, 2)]).get(2)?.review).toBeNull();
    expect(standing([marking(3, 2), reviewing(4, 2, "refused", null)]).get(2)?.intent).toBe("ask_breakfast");
  });

  it("take no line of their own", () => {
    const events = [event(1, "guest_said"), event(2, "assistant_said"), marking(3, 2)];
    const lines = lay(events, { locale: "zh", zone: "Asia/Shanghai" }, null);
    expect(lines.some((line) => line.kind === "happened")).toBe(false);
  });
});

describe("what was read", () => {
  it("is told with how sure the assistant was", () => {
    const said = event(2, "assistant_said", { body: { intent: "greet", confidence: 0.618, through: 1 } });
    expect(readingOf(said)).toEqual({ intent: "greet", percent: 62 });
    expect(readingOf(event(2, "assistant_said", { body: { intent: "" } }))).toBeNull();
    expect(readingOf(event(2, "assistant_said"))).toBeNull();
  });

  it("can be wrong only where a guest was answered", () => {
    expect(answers(event(2, "assistant_said", { body: { through: 1 } }))).toBe(true);
    expect(answers(event(2, "assistant_said"))).toBe(false);
  });
});

describe("searching what guests want", () => {
  const names = (typed: string): string[] => search(INTENTS, typed).map((one) => one.name);

  it("finds by any language and by every word", () => {
    expect(names("早餐")).toEqual(["ask_breakfast"]);
    expect(names("问")).toEqual(["ask_breakfast", "ask_dining"]);
    expect(names("ASK about")).toEqual(["ask_breakfast", "ask_dining"]);
    expect(names("room book")).toEqual(["book_room"]);
    expect(names("  ")).toHaveLength(3);
    expect(names("泳池")).toEqual([]);
  });

  it("shows what it doesn't know as it is called", () => {
    expect(titleOf(INTENTS, "book_room")).toBe("订房");
    expect(titleOf(INTENTS, "nlu_fallback")).toBe("nlu_fallback");
    expect(titleOf(INTENTS, null)).toBe("");
  });
});

describe("a place in what was said", () => {
  it("is counted in characters over all messages of the turn", () => {
    const words = ["😀😀 早上好", "1208 要毛巾"];
    expect(inPlace(words, { start: 7, end: 11 })).toBe("1208");
  });
});

describe("a place that is added", () => {
  const said = characters(["😀 1208 要 毛巾", "两条"]);
  const room: Place = { start: 2, end: 6, entity: "room_number" };

  it("spans two characters, whichever comes first", () => {
    expect(spanned(said, [], 9, 10)).toEqual({ start: 9, end: 11 });
    expect(spanned(said, [], 10, 9)).toEqual({ start: 9, end: 11 });
    expect(spanned(said, [], 0, 0)).toEqual({ start: 0, end: 1 });
  });

  it("stays in one message and outside what is found", () => {
    expect(spanned(said, [], 9, 13)).toEqual({ start: 9, end: 11 });
    expect(spanned(said, [room], 9, 0)).toEqual({ start: 6, end: 10 });
    expect(spanned(said, [room], 3, 9)).toBeNull();
    expect(spanned(said, [], 11, 12)).toBeNull();
    expect(spanned(said, [], 12, 99)).toEqual({ start: 12, end: 14 });
  });

  it("stands in order, without the spaces around it", () => {
    const towels = { start: 8, end: 11 };
    expect(withPlace(said, [], towels, "item")).toEqual([{ start: 9, end: 11, entity: "item" }]);
    const both = withPlace(said, [{ start: 9, end: 11, entity: "item" }], { start: 2, end: 6 }, "room_number");
    expect(both.map((place) => place.entity)).toEqual(["room_number", "item"]);
    expect(withPlace(said, [room], { start: 6, end: 7 }, "item")).toEqual([room]);
  });

  it("ends where the model stops reading", () => {
    const long = characters(["早".repeat(600)]);
    expect(spanned(long, [], 400, 599)).toEqual({ start: 400, end: 500 });
  });
});
