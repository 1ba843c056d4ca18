/**
 * What staff say the assistant got wrong, as the desk's API tells it, and what stands of it in a thread.
 * Owns no screen; whether somebody may mark or review is the service's to say.
 */
import { request } from "./api";
import type { Event, Person, Row } from "./model";
import { preferences } from "./preferences";

export type Kind = "misread" | "wrong_answer";
export type Verdict = "accepted" | "refused";
export type MarkState = "open" | Verdict;
export const MARK_STATES: MarkState[] = ["open", "accepted", "refused"];

export interface Intent {
  name: string;
  titles: Record<string, string>;
}

/** What may stand in a guest's words, in the order in which a reviewer chooses from it. */
export const ENTITIES = [
  "item",
  "device",
  "room_number",
  "date",
  "time",
  "quantity",
  "room_type",
  "person",
  "phone",
  "order_number",
  "amount",
] as const;
export type Entity = (typeof ENTITIES)[number];

/** Where something stands in the guest's words, joined by line ends; counted in characters, not in UTF-16. */
export interface Place {
  start: number;
  end: number;
  entity: Entity;
}

/** A mark that stands on a message of the thread. */
export interface Mark {
  kind: Kind;
  intent: string | null;
  by: Event["actor"];
  at: string;
  review: { verdict: Verdict; by: Event["actor"] } | null;
}

/** A mark as the list for review has it. `mark` is what a review answers to. */
export interface Correction {
  conversation: string;
  seq: number;
  mark: number;
  kind: Kind;
  words: string[];
  answer: string;
  intent_was: string;
  confidence: number | null;
  intent: string | null;
  by: Person;
  at: string;
  own: boolean;
  entities: Place[];
  review: { verdict: Verdict; intent: string | null; by: Person; at: string } | null;
}

export interface Corrections {
  corrections: Correction[];
  counts: Record<MarkState, number>;
  next: number | null;
}

export interface Noted {
  conversation?: Row;
  event?: Event;
}

const part = encodeURIComponent;
const event = (hotel: string, conversation: string, seq: number): string =>
  `/hotels/${part(hotel)}/conversations/${part(conversation)}/events/${seq}`;

export const list = (hotel: string, state: MarkState, after = 0): Promise<Corrections> =>
  request("GET", `/hotels/${part(hotel)}/corrections`, { query: { state, after } });
export const mark = (
  hotel: string,
  conversation: string,
  seq: number,
  kind: Kind,
  intent: string | null,
): Promise<Noted> => request("POST", `${event(hotel, conversation, seq)}/correct`, { body: { kind, intent } });
export const withdraw = (hotel: string, conversation: string, seq: number): Promise<Noted> =>
  request("DELETE", `${event(hotel, conversation, seq)}/correct`);
export const review = (
  hotel: string,
  one: Correction,
  verdict: Verdict,
  intent: string | null,
  entities?: Place[],
): Promise<Noted> =>
  request("POST", `${event(hotel, one.conversation, one.seq)}/review`, {
    body: { mark: one.mark, verdict, intent, entities },
  });

/** What of a turn the model reads: no place lies behind it. */
const LONGEST = 500;

/** A guest's words, character by character, as places count them. */
export const characters = (words: string[]): string[] => Array.from(words.join("\n")).slice(0, LONGEST);

export type Span = Pick<Place, "start" | "end">;

export const inPlace = (words: string[], { start, end }: Span): string => characters(words).slice(start, end).join("");

/** From one character to another, both included: as far as it stays in one message and outside what is found. */
export function spanned(said: string[], found: Place[], from: number, to: number): Span | null {
  const free = (at: number): boolean =>
    said[at] !== undefined && said[at] !== "\n" && !found.some(({ start, end }) => start <= at && at < end);
  if (!free(from)) return null;
  const step = to < from ? -1 : 1;
  let last = from;
  while (last !== to && free(last + step)) last += step;
  return { start: Math.min(from, last), end: Math.max(from, last) + 1 };
}

/** The found with one more, which leaves the spaces around it out; as they were where nothing is left of it. */
export function withPlace(said: string[], found: Place[], span: Span, entity: Entity): Place[] {
  const blank = (at: number): boolean => !said[at]?.trim();
  let { start, end } = span;
  while (start < end && blank(start)) start += 1;
  while (start < end && blank(end - 1)) end -= 1;
  if (start === end) return found;
  return [...found, { start, end, entity }].sort((one, other) => one.start - other.start);
}

const asked = new Map<string, Promise<Intent[]>>();

/** What a guest may have wanted; asked for once, and again after a failure. */
export function readIntents(hotel: string): Promise<Intent[]> {
  const known = asked.get(hotel);
  if (known) return known;
  const asking = request<{ intents: Intent[] }>("GET", `/hotels/${part(hotel)}/intents`).then((all) => all.intents);
  asked.set(hotel, asking);
  asking.catch(() => asked.delete(hotel));
  return asking;
}

export function titleOf(intents: Intent[], name: string | null): string {
  const found = intents.find((one) => one.name === name);
  return found?.titles[preferences.locale] ?? found?.titles.zh ?? name ?? "";
}

/** Those whose name, in any language, holds every word that was typed. */
export function search(intents: Intent[], typed: string): Intent[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return intents.filter((one) => {
    const names = [one.name, ...Object.values(one.titles)].join("\n").toLowerCase();
    return words.every((word) => names.includes(word));
  });
}

/** The marks that stand, by the seq of the message they are about. */
export function standing(events: Event[]): Map<number, Mark> {
  const marks = new Map<number, Mark>();
  for (const one of events) {
    const seq = Number(one.body.seq);
    const known = marks.get(seq);
    if (one.type === "reading_corrected") marks.set(seq, marked(one));
    else if (one.type === "correction_withdrawn") marks.delete(seq);
    else if (one.type === "correction_reviewed" && known) {
      const verdict = one.body.verdict as Verdict;
      const intent = verdict === "accepted" ? (one.body.intent as string | null) : known.intent;
      marks.set(seq, { ...known, intent, review: { verdict, by: one.actor } });
    }
  }
  return marks;
}

function marked(one: Event): Mark {
  const { kind, intent } = one.body as { kind: Kind; intent: string | null };
  return { kind, intent, by: one.actor, at: one.at, review: null };
}

/** What the assistant took the guest's words for, where it told. */
export function readingOf(said: Event): { intent: string; percent: number | null } | null {
  const { intent, confidence } = said.body;
  if (typeof intent !== "string" || !intent) return null;
  return { intent, percent: typeof confidence === "number" ? Math.round(confidence * 100) : null };
}

/** Whether it answered a guest at all; what it says by itself can't have been misread. */
export const answers = (said: Event): boolean => Number(said.body.through ?? 0) > 0;
