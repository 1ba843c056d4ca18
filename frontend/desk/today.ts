/** A hotel's day as the desk's API tells it. Owns no screen. */
import { request } from "./api";
import type { Guest } from "./model";

export interface Numbers {
  messages: number;
  guests: number;
  answered: number;
  handed_over: number;
  /** Seconds; null when nobody needed a person. */
  longest_wait: number | null;
  unclear: number;
}

export interface Hour {
  guest: number;
  assistant: number;
  staff: number;
}

interface Place {
  conversation: string;
  guest: Guest;
  seq: number;
  at: string;
}

export interface Wait extends Place {
  reason: string;
  seconds: number;
  waiting: boolean;
  by: string | null;
}

export interface Day {
  day: string;
  today: string;
  now: string;
  numbers: Numbers;
  before: Numbers;
  hours: Hour[];
  talks: (Place & { count: number })[];
  answers: Record<string, number>;
  waits: Wait[];
  unclear: (Place & { open: boolean })[];
  questions: (Place & { why: string; text: string })[];
  questions_total: number;
  /** What trainees drafted, by what became of it. */
  trainees?: { name: string; drafted: number; sent: number; edited: number; refused: number; open: number }[];
  /** The latest first. */
  ratings: (Place & { stars: number; text: string | null })[];
  ratings_total: number;
  /** Replies that invite to a private contact, or insult; the latest first. */
  flags: (Place & { kinds: string[]; by: string | null; text: string | null })[];
  /** How soon people were there, by department; cases that began on the day. */
  clocks: Clocks[];
  /** On average; null when nobody has rated. */
  stars: number | null;
}

/** Seconds of opening time. */
export interface Figure {
  target: number | null;
  median: number | null;
  count: number;
  in_time: number;
}

export interface Clocks {
  department: string | null;
  name: string | null;
  claim: Figure;
  answer: Figure;
  resolve: Figure;
}

export const CLOCKS = ["claim", "answer", "resolve"] as const;

/** The five numbers, each of which leads to its list. */
export const NUMBERS = ["messages", "answered", "handed_over", "longest_wait", "unclear"] as const;
export type NumberName = (typeof NUMBERS)[number];

export const readDay = (hotel: string, day: string | null): Promise<Day> =>
  request("GET", `/hotels/${encodeURIComponent(hotel)}/today`, { query: { day: day ?? "" }, seconds: 30 });

/** The hour with most messages of guests, and how many; null on a silent day. */
export function busiest(hours: Hour[]): { hour: number; count: number } | null {
  const most = hours.reduce((best, hour, at) => (hour.guest > (hours[best]?.guest ?? 0) ? at : best), 0);
  const count = hours[most]?.guest ?? 0;
  return count > 0 ? { hour: most, count } : null;
}

/** Of those whom anybody had to answer, the share that the assistant did by itself; null when there were none. */
export function share(numbers: Numbers): number | null {
  const all = numbers.answered + numbers.handed_over;
  return all > 0 ? Math.round((100 * numbers.answered) / all) : null;
}

/** The day before or after, as a key. */
export function nextDay(day: string, by: number): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) + by * 86_400_000).toISOString().slice(0, 10);
}
