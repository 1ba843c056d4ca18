import { describe, expect, it } from "vitest";

import { contrast, palette, parse } from "./colour";
import { day, sameDay } from "./when";
import { localeOf, starters, wordsOf } from "./words";

const LIGHT = [240, 243, 246] as [number, number, number];
const DARK = [42, 47, 54] as [number, number, number];

function read(colour: string): [number, number, number] {
  return parse(colour) ?? [0, 0, 0];
}

describe("the hotel's colour", () => {
  const colours = ["#0b5f8a", "#ffffff", "#000000", "#ffd700", "#ff6600", "#777777", "#c8102e", "#00a86b", "#808000"];

  it.each(colours)("%s can be read as a surface and as text, by day and by night", (colour) => {
    const { accent, onAccent, accentText, accentTextDark } = palette(colour);
    expect(contrast(read(accent), read(onAccent))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(read(accentText), LIGHT)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(read(accentTextDark), DARK)).toBeGreaterThanOrEqual(4.5);
  });

  it("is taken as it is where it can be read", () => {
    expect(palette("#0b5f8a")).toMatchObject({ accent: "#0b5f8a", onAccent: "#ffffff", accentText: "#0b5f8a" });
  });

  it("is ours where it is no colour", () => {
    expect(palette("red;}").accent).toBe("#0b5f8a");
  });
});

describe("words", () => {
  it("are Chinese unless the page or the browser speaks something else", () => {
    expect(localeOf(undefined, "", "zh-Hans-CN")).toBe("zh");
    expect(localeOf("en", "zh", "zh")).toBe("en");
    expect(localeOf(null, "", "fr-FR")).toBe("en");
    expect(localeOf()).toBe("zh");
    expect(["zh-TW", "zh-HK", "zh-Hant-CN"].map((spoken) => localeOf(spoken))).toEqual(Array(3).fill("zh-Hant"));
  });

  it("set names off from the sentence and never read them as patterns", () => {
    const words = wordsOf({ widget_speaker_staff: "正在与 {name} 对话" });
    expect(words("speaker_staff", { name: "$& {name}" })).toBe("正在与 \u2068$& {name}\u2069 对话");
    expect(words("unknown")).toBe("");
  });

  it("begin a conversation by what is shown or by what it stands for", () => {
    expect(starters("早餐几点？｜Talk to staff=转人工")).toEqual([
      { title: "早餐几点？", text: "早餐几点？" },
      { title: "Talk to staff", text: "转人工" },
    ]);
    expect(starters("")).toEqual([]);
  });
});

describe("days", () => {
  const words = wordsOf({ widget_today: "今天", widget_yesterday: "昨天" });
  const now = new Date(2026, 10, 22, 0, 5);

  it("are counted from midnight to midnight", () => {
    expect(day(new Date(2026, 10, 22, 0, 1).toISOString(), now, "zh-CN", words)).toBe("今天");
    expect(day(new Date(2026, 10, 21, 23, 59).toISOString(), now, "zh-CN", words)).toBe("昨天");
    expect(day(new Date(2026, 10, 20, 12, 0).toISOString(), now, "zh-CN", words)).toContain("11月20日");
    expect(day(new Date(2025, 10, 20, 12, 0).toISOString(), now, "zh-CN", words)).toContain("2025");
  });

  it("differ at midnight", () => {
    const [late, early] = [new Date(2026, 10, 21, 23, 59), new Date(2026, 10, 22, 0, 0)];
    expect(sameDay(late.toISOString(), early.toISOString())).toBe(false);
    expect(sameDay(early.toISOString(), now.toISOString())).toBe(true);
  });
});
