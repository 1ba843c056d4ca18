/** Knowledge points as the desk's API tells them, and what is asked of it. Owns no screen. */
import { request } from "./api";
import type { Person } from "./model";

export const STATES = ["draft", "changed", "active", "expiring", "expired", "upcoming", "retired"] as const;
export type PointState = (typeof STATES)[number];

export interface Entry {
  title: string;
  answer: string;
  variants: string[];
  topic: string | null;
  valid_from: string | null;
  valid_to: string | null;
  channels: string[];
}

export interface Version extends Entry {
  version: number;
  source: string;
  edited_at: string;
  edited_by: Person | null;
  approved_at: string | null;
  approved_by: Person | null;
}

export interface PointRow {
  id: string;
  state: PointState;
  latest: Version;
  /** The version that guests are told; null while there is none. */
  approved: number | null;
  missing: string[];
  /** The answer as a guest would read it; null where a fact is missing. */
  said?: string | null;
  retired_at: string | null;
  changed_at: string;
}

export interface Preview {
  text: string | null;
  missing: string[];
  broken: string | null;
}

export interface Precedence {
  text: string;
  kind: "service" | "person" | "several" | "own";
  /** The service, why a person is called, or the reading. */
  name: string | null;
}

export type PrecedenceOfSome = Pick<Precedence, "kind" | "name"> & { texts: string[] };

/** Words that the same thing goes before, together: one line is read where ten of the same are not. */
export function together(before: readonly Precedence[]): PrecedenceOfSome[] {
  const found = new Map<string, PrecedenceOfSome>();
  for (const { text, kind, name } of before) {
    const key = JSON.stringify([kind, name]);
    found.set(key, { kind, name, texts: [...(found.get(key)?.texts ?? []), text] });
  }
  return [...found.values()];
}

export interface Opened {
  point: PointRow;
  versions: Version[];
  preview: Preview;
  /** What guests are told now. */
  told?: Preview | null;
}

export interface Fact {
  placeholder: string;
  label: string;
  value: string;
}

export interface Overview {
  points: PointRow[];
  total: number;
  next: number | null;
  counts: Record<PointState, number>;
  topics: { name: string; title: string }[];
  channels: string[];
  facts: Fact[];
  indexing: { done: number; of: number };
}

export interface Asked {
  conversation: string;
  seq: number;
  at: string;
  why: string;
  text: string;
}

export interface Group {
  text: string;
  questions: Asked[];
}

export interface Plan {
  new: number;
  changed: number;
  unchanged: number;
  wrong_count: number;
  wrong: { row: number; message: string }[];
  changes: {
    row: number;
    id: string;
    title: string;
    answer: string;
    is_new: boolean;
    fields: { name: string; before: string; after: string }[];
  }[];
}

const part = encodeURIComponent;
const base = (hotel: string): string => `/hotels/${part(hotel)}/knowledge`;
const one = (hotel: string, id: string): string => `${base(hotel)}/points/${part(id)}`;
const event = (hotel: string, conversation: string, seq: number): string =>
  `/hotels/${part(hotel)}/conversations/${part(conversation)}/events/${seq}`;

export const list = (hotel: string, query: Record<string, string | number | undefined>): Promise<Overview> =>
  request("GET", base(hotel), { query });
export const read = (hotel: string, id: string): Promise<Opened> => request("GET", one(hotel, id));
export const create = (hotel: string, entry: Entry, questions: Asked[] = []): Promise<Opened> =>
  request("POST", `${base(hotel)}/points`, { body: { ...entry, questions } });
export const edit = (hotel: string, id: string, entry: Entry, from: number): Promise<Opened> =>
  request("POST", one(hotel, id), { body: { ...entry, base: from } });
export const approve = (hotel: string, id: string, version: number): Promise<Opened> =>
  request("POST", `${one(hotel, id)}/approve`, { body: { version } });
export const retire = (hotel: string, id: string, gone: boolean): Promise<Opened> =>
  request("POST", `${one(hotel, id)}/retire`, { body: { gone } });
export const preview = (hotel: string, answer: string): Promise<Preview> =>
  request("POST", `${base(hotel)}/preview`, { body: { answer } });
/** Which of these words something else goes before, so that no point answers them. */
export const readPrecedence = (hotel: string, texts: string[]): Promise<{ asked: boolean; before: Precedence[] }> =>
  request("POST", `${base(hotel)}/precedence`, { body: { texts } });
export const approveMany = (
  hotel: string,
  points: { id: string; version: number }[],
): Promise<{ approved: number; refused: Record<string, number> }> =>
  request("POST", `${base(hotel)}/approve`, { body: { points }, seconds: 120 });
export const takeFile = (hotel: string, file: File, dry: boolean): Promise<Plan> =>
  request("POST", `${base(hotel)}/import`, {
    query: { name: file.name, dry: dry ? 1 : 0 },
    file,
    seconds: 120,
  });
export const taking = (hotel: string): Promise<{ done: number; of: number }> => request("GET", `${base(hotel)}/import`);
export const exportAddress = (hotel: string): string => `/desk/v1${base(hotel)}/export`;
export const questions = (hotel: string): Promise<{ groups: Group[]; since: string; yesterday: number }> =>
  request("GET", `${base(hotel)}/questions`, { seconds: 60 });
export const settle = (hotel: string, asked: Asked[]): Promise<unknown> =>
  request("POST", `${base(hotel)}/questions/settle`, { body: { questions: asked } });
export const draftFrom = (hotel: string, conversation: string, seq: number): Promise<Opened> =>
  request("POST", `${event(hotel, conversation, seq)}/draft`, { body: {} });

export function emptyEntry(): Entry {
  return { title: "", answer: "", variants: [], topic: null, valid_from: null, valid_to: null, channels: [] };
}

export function entryOf(version: Version): Entry {
  const { title, answer, variants, topic, valid_from, valid_to, channels } = version;
  return { title, answer, variants: [...variants], topic, valid_from, valid_to, channels: [...channels] };
}

export function same(a: Entry, b: Entry): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What a new point begins with when it comes from a question that found no answer. */
export const begun: { entry: Entry | null; questions: Asked[] } = { entry: null, questions: [] };
