/** Times as people say them, in the hotel's zone. Pure but for the locale, which is an argument. */
import type { Locale } from "./preferences";

export interface Tongue {
  locale: Locale;
  zone: string;
}

const TAG: Record<Locale, string> = { zh: "zh-CN", en: "en-GB" };
const made = new Map<string, Intl.DateTimeFormat>();

function format(tongue: Tongue, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${tongue.locale}|${tongue.zone}|${name}`;
  let known = made.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat(TAG[tongue.locale], { timeZone: tongue.zone, hourCycle: "h23", ...options });
    made.set(key, known);
  }
  return known;
}

/** "14:05" */
export function clock(at: string | number, tongue: Tongue): string {
  return format(tongue, "clock", { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** "2026-11-22", to compare days of the hotel. */
export function dayKey(at: string | number, tongue: Tongue): string {
  return format({ ...tongue, locale: "en" }, "key", { year: "numeric", month: "2-digit", day: "2-digit" })
    .format(new Date(at))
    .split("/")
    .reverse()
    .join("-");
}

/** Days from `now` to `at` on the hotel's calendar: -1 is yesterday. */
export function daysAway(at: string | number, now: number, tongue: Tongue): number {
  const day = (key: string): number => Date.parse(`${key}T00:00:00Z`) / 86_400_000;
  return Math.round(day(dayKey(at, tongue)) - day(dayKey(now, tongue)));
}

/** "11月22日周日" */
export function date(at: string | number, tongue: Tongue): string {
  return format(tongue, "date", { month: monthStyle(tongue), day: "numeric", weekday: "short" }).format(new Date(at));
}

/** "11月22日", with the year once it could be another one. */
export function shortDate(at: string | number, now: number, tongue: Tongue): string {
  const far = Math.abs(daysAway(at, now, tongue)) > 300;
  const options: Intl.DateTimeFormatOptions = { month: monthStyle(tongue), day: "numeric" };
  const made = far ? format(tongue, "year", { ...options, year: "numeric" }) : format(tongue, "short", options);
  return made.format(new Date(at));
}

const monthStyle = (tongue: Tongue): "long" | "short" => (tongue.locale === "zh" ? "long" : "short");

/** The whole truth, for titles: "2026年11月22日 周日 14:05:09" */
export function full(at: string | number, tongue: Tongue): string {
  return format(tongue, "full", {
    year: "numeric",
    month: monthStyle(tongue),
    day: "numeric",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(new Date(at));
}

/** A stopwatch: "0:07", "12:40", "3:02:11". */
export function stopwatch(seconds: number): string {
  const pad = (n: number): string => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

export interface Span {
  days: number;
  hours: number;
  minutes: number;
}

export function span(milliseconds: number): Span {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  return { days: Math.floor(minutes / 1440), hours: Math.floor(minutes / 60) % 24, minutes: minutes % 60 };
}
