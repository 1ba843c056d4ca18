/**
 * What was just done, in words, with a way back for a few seconds. Words stay with the page they were said
 * on; whoever points at one, or has the keys on it, still reads it: its time stands still meanwhile.
 */
import { reactive } from "vue";

import { route } from "./route";
import { session } from "./session";
import { t } from "./texts";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  /** The page it belongs to. */
  place: string;
  undo?: () => void;
  gone: () => void;
}

interface Time {
  left: number;
  since: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const SHOWN = 6000;
/** Long enough to read, to see that it was wrong, and to get there. */
export const UNDO = 8000;
/** After one has looked away from it. */
const AFTER_HELD = 3000;
let last = 0;

export const toasts = reactive<Toast[]>([]);
const times = new Map<number, Time>();

export function place(): string {
  return session.phase === "in" ? `${route.hotel}/${route.page}` : session.phase;
}

/** Its time stands still. */
export function hold(id: number): void {
  const time = times.get(id);
  if (!time?.timer) return;
  clearTimeout(time.timer);
  time.timer = undefined;
  time.left -= Date.now() - time.since;
}

export function letGo(id: number): void {
  const time = times.get(id);
  if (time && !time.timer) run(id, Math.max(time.left, AFTER_HELD));
}

function run(id: number, left: number): void {
  times.set(id, { left, since: Date.now(), timer: setTimeout(() => dismiss(id), left) });
}

export function dismiss(id: number): void {
  clearTimeout(times.get(id)?.timer);
  times.delete(id);
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index < 0) return;
  const [toast] = toasts.splice(index, 1);
  toast?.gone();
}

interface Options {
  tone?: Toast["tone"];
  undo?: () => void;
  shown?: number;
  gone?: () => void;
}

export function say(text: string, options: Options = {}): number {
  const id = ++last;
  const { tone = "plain", undo, shown = SHOWN, gone = () => undefined } = options;
  toasts.push({ id, text, tone, place: place(), undo, gone });
  if (toasts.length > 4) dismiss(toasts[0]?.id ?? 0);
  run(id, shown);
  return id;
}

const waiting = new Map<number, (leaving: boolean) => void>();

/**
 * An act the service can't take back waits here until its undo is over; leaving the page does it at once.
 * `act` gets true when the page is going away and the request must outlive it.
 */
export function defer(text: string, act: (leaving: boolean) => void, undone: () => void, shown = UNDO): () => void {
  let open = true;
  const cancel = (): void => {
    open = false;
    waiting.delete(id);
    undone();
  };
  const id = say(text, {
    shown,
    undo: () => {
      cancel();
      say(t("toast.undone"), { shown: 2000 });
    },
    gone: () => waiting.get(id)?.(false),
  });
  waiting.set(id, (leaving) => {
    waiting.delete(id);
    if (open) act(leaving);
    open = false;
  });
  return () => {
    if (!open) return;
    cancel();
    dismiss(id);
  };
}

export function flushOnLeave(): void {
  window.addEventListener("pagehide", () => [...waiting.values()].forEach((act) => act(true)));
}
