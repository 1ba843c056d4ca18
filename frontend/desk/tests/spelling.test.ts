import { describe, expect, it } from "vitest";

import { finds, sounds } from "../spelling";

describe("how words are typed", () => {
  it.each(["wf", "wangfang", "wangf", "wfang", "fang", "f", "W F", "wang'fang"])("%s finds 王芳", (typed) => {
    expect(sounds("wang fang", typed)).toBe(true);
  });
  it.each(["fw", "angfang", "wfx", "王", ""])("%s doesn't, by its sound", (typed) => {
    expect(sounds("wang fang", typed)).toBe(false);
  });
  it("finds words as they are written, too", () => {
    expect(finds(["请稍等 OK"], ["qing shao deng ok"], "稍等")).toBe(true);
    expect(finds(["请稍等 OK"], ["qing shao deng ok"], "ok")).toBe(true);
    expect(finds(["请稍等"], ["qing shao deng"], "qsd")).toBe(true);
    expect(finds(["请稍等"], ["qing shao deng"], "晚安")).toBe(false);
  });
});
