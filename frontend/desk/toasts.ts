/** What was just done, in words, with a way back for a few seconds. */
import { reactive } from "vue";

import { t } from "./texts";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  undo?: () => void;
  gone: () => void;
}

const SHOWN = 6000;
let last = 0;

export const toasts = reactive<Toast[]>([]);

export function dismiss(id: number): void {
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
  toasts.push({ id, text, tone, undo, gone });
  if (toasts.length > 4) dismiss(toasts[0]?.id ?? 0);
  setTimeout(() => dismiss(id), shown);
  return id;
}

const waiting = new Map<number, (leaving: boolean) => void>();

/**
 * An act the service can't take back waits here until its undo is over; leaving the page does it at once.
 * `act` gets true when the page is going away and the request must outlive it.
 */
export function defer(text: string, act: (leaving: boolean) => void, undone: () => void, shown = 5000): () => void {
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
