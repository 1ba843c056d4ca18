import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { go } from "../route";
import { session } from "../session";
import { defer, dismiss, flushOnLeave, hold, letGo, place, say, toasts, UNDO } from "../toasts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  [...toasts].forEach((toast) => dismiss(toast.id));
  vi.useRealTimers();
});

describe("an act that waits for its undo", () => {
  it("is done when the time is over", () => {
    const [act, undone] = [vi.fn(), vi.fn()];
    defer("已结束", act, undone, 5000);
    vi.advanceTimersByTime(4999);
    expect(act).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledExactlyOnceWith(false);
    expect(undone).not.toHaveBeenCalled();
  });

  it("leaves eight seconds, and more while somebody looks at it", () => {
    const act = vi.fn();
    defer("已结束", act, vi.fn());
    expect(UNDO).toBeGreaterThanOrEqual(8000);
    vi.advanceTimersByTime(UNDO - 1000);
    const id = toasts[toasts.length - 1]?.id ?? 0;
    hold(id);
    vi.advanceTimersByTime(60_000);
    expect(act).not.toHaveBeenCalled();
    letGo(id);
    vi.advanceTimersByTime(2999);
    expect(act).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledOnce();
  });

  it("is never done once it was undone", () => {
    const [act, undone] = [vi.fn(), vi.fn()];
    defer("已结束", act, undone);
    const toast = toasts[toasts.length - 1];
    toast?.undo?.();
    dismiss(toast?.id ?? 0);
    vi.advanceTimersByTime(60_000);
    window.dispatchEvent(new Event("pagehide"));
    expect(act).not.toHaveBeenCalled();
    expect(undone).toHaveBeenCalledOnce();
  });

  it("is done at once, and once, when the page goes away", () => {
    flushOnLeave();
    const act = vi.fn();
    defer("已叫醒", act, vi.fn());
    window.dispatchEvent(new Event("pagehide"));
    vi.advanceTimersByTime(60_000);
    expect(act).toHaveBeenCalledExactlyOnceWith(true);
  });
});

it("words belong to the page they were said on", () => {
  Object.assign(session, { phase: "in" });
  say("已保存");
  const said = toasts[toasts.length - 1];
  expect(said?.place).toBe(place());
  go({ hotel: "xinghaihui", page: "knowledge" });
  expect(said?.place).not.toBe(place());
});
