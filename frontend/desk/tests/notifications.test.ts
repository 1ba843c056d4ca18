import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { allowed, notify } from "../notifications";
import { preferences } from "../preferences";

const shown: string[] = [];
let visibility = "hidden";

class Told {
  static permission = "granted";
  onclick = null;
  constructor(title: string) {
    shown.push(title);
  }
}

describe("a browser notification", () => {
  beforeEach(() => {
    shown.length = 0;
    visibility = "hidden";
    vi.stubGlobal("Notification", Told);
    vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility as DocumentVisibilityState);
    allowed.value = preferences.notify = true;
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("comes while nobody looks, and names nobody", () => {
    notify("waiting");
    expect(shown).toEqual(["有客人在等人接"]);
  });

  it("doesn't come while the page is seen, nor unless it was turned on and allowed", () => {
    visibility = "visible";
    notify("alarm");
    visibility = "hidden";
    preferences.notify = false;
    notify("alarm");
    preferences.notify = true;
    allowed.value = false;
    notify("alarm");
    expect(shown).toEqual([]);
  });
});
