/** Keys of the whole desk. A part of the screen registers what a key does while it is there. */
import { onBeforeUnmount } from "vue";

import { preferences } from "./preferences";

type Act = () => void;
const bound = new Map<string, Act[]>();

/** While the component lives, `key` (as in KeyboardEvent.key) does this. The latest one wins. */
export function onKey(key: string, act: Act): void {
  const acts = bound.get(key) ?? [];
  acts.push(act);
  bound.set(key, acts);
  onBeforeUnmount(() =>
    bound.set(
      key,
      (bound.get(key) ?? []).filter((other) => other !== act),
    ),
  );
}

const WRITES = "input, textarea, select, [contenteditable]";

function elsewhere(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.keyCode === 229) return true;
  if (target.closest(WRITES)) return true;
  // A dialog or a menu has the keys while it is open.
  return document.querySelector(".el-overlay:not([style*='display: none']) [role='dialog']") !== null;
}

export function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || elsewhere(event)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!preferences.singleKeys && event.key !== "?") return;
  // Enter and the space bar belong to whatever button has the focus.
  if ((key === "Enter" || key === " ") && (event.target as HTMLElement).closest("button, a")) return;
  const act = (bound.get(key) ?? []).slice(-1)[0];
  if (!act) return;
  event.preventDefault();
  act();
}
