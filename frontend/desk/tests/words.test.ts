import { afterEach, describe, expect, it } from "vitest";

import type { Reply } from "../model";
import { preferences } from "../preferences";
import { en } from "../texts/en";
import { zh } from "../texts/zh";
import { stopwatch } from "../time";
import { ago, dueOf, guestName, happened, lead, limitsLine, moment, partsOf, proofLine, writesLine } from "../words";
import { writers } from "../thread";
import { before, event, ME, NOW, order } from "./made";

const TONGUE = { locale: "zh" as const, zone: "Asia/Shanghai" };
const reply = (limits: Reply["limits"], channel = "wechat"): Reply => ({ identity: "i", channel, limits });

afterEach(() => (preferences.locale = "zh"));

describe("times", () => {
  it("go from just now to minutes to the clock to the date", () => {
    expect(ago(before(20), NOW, TONGUE)).toBe("刚刚");
    expect(ago(before(3 * 60), NOW, TONGUE)).toBe("3 分钟前");
    expect(ago(before(3 * 3600), NOW, TONGUE)).toBe("18:30");
    expect(ago(before(400 * 24 * 3600), NOW, TONGUE)).toBe("2025年10月18日 21:30");
    expect(ago(before(24 * 3600), NOW, TONGUE)).toBe("昨天 21:30");
    expect(ago(before(5 * 24 * 3600), NOW, TONGUE)).toBe("11月17日 21:30");
  });

  it("name the hotel's day", () => {
    expect(moment("2026-11-22T23:00:00Z", NOW, TONGUE)).toBe("明天 07:00");
    expect(lead(9.5 * 3_600_000)).toBe("9 小时 30 分钟");
    expect(stopwatch(3671)).toBe("1:01:11");
  });

  it("count down to an order and up once it is late", () => {
    expect(dueOf(order({ due_at: before(-90) }), NOW, TONGUE)).toMatchObject({ left: "还有 1:30", late: false });
    expect(dueOf(order({ due_at: before(90) }), NOW, TONGUE)).toMatchObject({ left: "晚了 1:30", late: true });
    expect(dueOf(order(), NOW, TONGUE).text).toBe("尽快");
  });
});

describe("the line of limits", () => {
  it("says what a channel still takes", () => {
    const open = reply({ kind: "wechat", left: 3, closes_at: before(-41.5 * 3600), passive_only: false });
    expect(limitsLine(open, NOW)).toEqual({ text: "微信 · 还可发 3 条 · 剩 41 小时", tight: false });
    expect(limitsLine(reply({ kind: "none" }, "web"), NOW).text).toBe("网页 · 随时可以回复");
    const wecom = reply({ kind: "wecom", left: 5, closes_at: before(-47.5 * 3600) }, "wecom");
    expect(limitsLine(wecom, NOW).text).toBe("微信客服 · 还可发 5 条 · 剩 47 小时");
  });

  it("warns when little or nothing is left", () => {
    const limits = (left: number, seconds: number) =>
      limitsLine(reply({ kind: "wechat", left, closes_at: before(seconds), passive_only: false }), NOW);
    expect(limits(1, -7200).tight).toBe(true);
    expect(limits(3, -600)).toEqual({ text: "微信 · 还可发 3 条 · 剩 10 分钟", tight: true });
    expect(limits(0, -7200).text).toContain("客人下次发言时送达");
    expect(limits(3, 1).text).toContain("回复时限已过");
  });

  it("tells of accounts that can only answer, and of guests who left", () => {
    expect(limitsLine(reply({ kind: "wechat", passive_only: true }), NOW).text).toBe("微信 · 客人下次发言时送达");
    expect(limitsLine({ ...reply({ kind: "wechat" }), reachable: false }, NOW).text).toContain("取消关注");
    expect(limitsLine({ ...reply({ kind: "none" }, "web"), reachable: false }, NOW).text).toContain("资料已清除");
  });

  it("counts the parts of a long reply in bytes", () => {
    const wechat = { ...reply({ kind: "wechat" }), max_bytes: 2048 };
    expect(partsOf("好".repeat(682), wechat)).toBe(1);
    expect(partsOf("好".repeat(683), wechat)).toBe(2);
    expect(partsOf("好".repeat(5000), reply({ kind: "none" }, "web"))).toBe(1);
  });
});

describe("what happened", () => {
  const desk = {
    orders: new Map([["o1", order({ service: "wake_up_call" })]]),
    me: { id: ME },
  } as unknown as Parameters<typeof happened>[1];
  it("is said in words", () => {
    expect(happened(event(1, "handoff_requested", { body: { reason: "complain" } }), desk)).toBe("转人工：投诉");
    expect(
      happened(
        event(1, "order_done", { actor: { kind: "staff", id: "x", name: "王芳" }, body: { order: "o1" } }),
        desk,
      ),
    ).toBe("王芳已叫醒客人");
    const wang = { kind: "staff" as const, id: "x", name: "王芳" };
    const linked = { actor: wang, channel: "web", body: { proof: "staff_confirmed" } };
    expect(happened(event(1, "identity_linked", linked), desk)).toBe("王芳确认是同一位客人，关联了网页");
    expect(happened(event(1, "identity_unlinked", linked), desk)).toBe("王芳取消了网页的关联");
    const rated = event(1, "guest_rated", { body: { stars: 4, visit: 1 } });
    expect(happened(rated, desk)).toBe("客人评价 4 星 ★★★★☆");
    expect(happened({ ...rated, text: "很快" }, desk)).toBe("客人评价 4 星 ★★★★☆：很快");
    expect(happened(event(1, "something_new"), desk)).toBe("事件：something_new");
  });
});

describe("who it is", () => {
  const one = { id: "i", channel: "web", proof: null, by: null, at: null, signed: [], reachable: true };
  it("shows by what it is proven", () => {
    expect(proofLine(one)).toBe("首次联系的渠道");
    expect(proofLine({ ...one, signed: ["site"] })).toBe("酒店网站或 App 的登录证明");
    expect(proofLine({ ...one, proof: "one_time_code" })).toBe("绑定码证明");
    expect(proofLine({ ...one, proof: "staff_confirmed", by: "王芳" })).toBe("王芳确认");
  });

  it("is said in the language of the desk, and by name where there is one", () => {
    const guest = { id: "g-3f2a", name: null, label: "微信客人 …3f2a", channel: "wechat" };
    expect(guestName(guest)).toBe("微信客人 …3f2a");
    preferences.locale = "en";
    expect(guestName(guest)).toBe("WeChat guest …3f2a");
    expect(guestName({ ...guest, name: "王先生" })).toBe("王先生");
  });

  it("names who is writing, the guest before all others and never oneself", () => {
    const who = writers([`staff:${ME}`, "assistant", "guest", "staff:w"], ME);
    const known = [event(1, "staff_said", { actor: { kind: "staff", id: "w", name: "王芳" } })];
    const lines = ["客人正在输入…", "助手正在输入…", "王芳正在输入…"];
    expect(who.map((one) => writesLine(one, known))).toEqual(lines);
  });
});

describe("texts", () => {
  it("have the same placeholders in both languages", () => {
    const holes = (sentence: string): string[] => [...new Set(sentence.match(/\{\w+\}/g) ?? [])].sort();
    const differ = (Object.keys(zh) as (keyof typeof zh)[]).filter(
      (key) => key !== "context.by_assistant" && String(holes(zh[key])) !== String(holes(en[key])),
    );
    expect(differ).toEqual([]);
  });
});
