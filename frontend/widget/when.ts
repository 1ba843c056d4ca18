/** Times as a guest reads them: the clock, and a line for each new day. */
import type { Words } from "./words";

const DAY = 86_400_000;

export function clock(at: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hour12: false }).format(new Date(at));
}

export function full(at: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" }).format(new Date(at));
}

export function day(at: string, now: Date, locale: string, words: Words): string {
  const then = new Date(at);
  const days = Math.round((midnight(now) - midnight(then)) / DAY);
  if (days === 0) return words("today");
  if (days === 1) return words("yesterday");
  const sameYear = then.getFullYear() === now.getFullYear();
  const year = sameYear ? {} : ({ year: "numeric" } as const);
  return new Intl.DateTimeFormat(locale, { ...year, month: "long", day: "numeric", weekday: "short" }).format(then);
}

export function sameDay(a: string, b: string): boolean {
  return midnight(new Date(a)) === midnight(new Date(b));
}

function midnight(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
