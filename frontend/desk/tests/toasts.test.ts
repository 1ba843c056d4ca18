import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { defer, dismiss, flushOnLeave, toasts } from "../toasts";

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
