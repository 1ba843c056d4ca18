/** Locks the desk after a time without input, in whichever of this browser's tabs that was. */
import { onBeforeUnmount, onMounted } from "vue";

import { lock, session } from "./session";
import { recall, remember } from "./storage";

const INPUT = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"] as const;
const LOOK = 2000;

export function useIdleLock(): void {
  let seen = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;

  function touch(): void {
    const at = Date.now();
    if (at - seen < LOOK && timer) return;
    // After a sleep the clock comes first: whoever wakes the machine isn't who left it.
    if (!expire()) remember("input", (seen = at));
  }

  function expire(): boolean {
    const last = Math.max(seen, recall<number>("input", 0));
    if (session.lockAfter <= 0 || Date.now() - last < session.lockAfter * 1000) return false;
    void lock();
    return true;
  }

  onMounted(() => {
    remember("input", (seen = Date.now()));
    INPUT.forEach((name) => window.addEventListener(name, touch, { capture: true, passive: true }));
    timer = setInterval(expire, LOOK);
  });
  onBeforeUnmount(() => {
    INPUT.forEach((name) => window.removeEventListener(name, touch, { capture: true }));
    clearInterval(timer);
  });
}
