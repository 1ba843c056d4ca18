import { describe, expect, it } from "vitest";

import { named, namedIn, naming, openMentions, type Mention } from "../together";

const PEOPLE = [
  { id: "w", name: "王芳", spelt: "wang fang", signed_in: true, holds: 0 },
  { id: "l", name: "李雷", spelt: "li lei", signed_in: false, holds: 0 },
];

describe("naming a colleague", () => {
  it("begins with an @ and ends with a space", () => {
    expect(naming("问一下 @wf", 7)).toEqual({ from: 4, typed: "wf" });
    expect(naming("＠", 1)).toEqual({ from: 0, typed: "" });
    expect(naming("@王芳 好", 5)).toBeNull();
    expect(naming("没有人", 3)).toBeNull();
  });

  it("finds names as they are typed", () => {
    expect(named(PEOPLE, "wf").map((one) => one.id)).toEqual(["w"]);
    expect(named(PEOPLE, "雷").map((one) => one.id)).toEqual(["l"]);
    expect(named(PEOPLE, "")).toHaveLength(2);
  });

  it("names whose whole name stands there", () => {
    expect(namedIn("@王芳 @李 看一下", PEOPLE)).toEqual(["w"]);
  });
});

it("rings once for each note that names me", () => {
  const rung: number[] = [];
  const mentions = openMentions((one) => rung.push(one.seq));
  const one = (seq: number): Mention => ({
    conversation: "c",
    seq,
    at: "",
    by: { id: "w", name: "王芳" },
    text: "",
    guest: null,
  });
  mentions.take([one(3)]);
  mentions.take([one(3), one(5)]);
  expect(mentions.first.value.get("c")?.seq).toBe(3);
  mentions.take([one(5)]);
  expect(rung).toEqual([3, 5]);
});
