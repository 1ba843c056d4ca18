/** The hotel's facts as the desk's API tells them. Owns no screen. */
import { request } from "./api";

export type FactKind = "text" | "hours" | "money" | "clock" | "date" | "number";

export interface FactRow {
  name: string;
  /** What staff call it. */
  label: string;
  kind: FactKind;
  /** As it is written in its field; empty where nobody knows it. */
  value: string;
  /** It follows from the hotel's file, and is not changed here. */
  fixed: boolean;
  /** How many answers name it. */
  answers: number;
  changed_at: string | null;
  /** Null for the hotel's file. */
  changed_by: string | null;
}

/** Words that name it, now and with another value; null where a colleague is asked instead. */
export interface Said {
  kind: "point" | "waiting" | "welcome" | "keyword" | "button" | "sentence" | "phrase";
  id: string;
  title: string;
  before: string | null;
  after: string | null;
}

export interface FactChange {
  before: string;
  after: string;
  at: string;
  by: string | null;
}

export interface OpenedFact {
  fact: FactRow;
  said: Said[];
  history: FactChange[];
}

const part = encodeURIComponent;
const base = (hotel: string): string => `/hotels/${part(hotel)}/knowledge/facts`;
const one = (hotel: string, fact: string): string => `${base(hotel)}/${part(fact)}`;

export const listFacts = (hotel: string): Promise<{ facts: FactRow[] }> => request("GET", base(hotel));
export const readFact = (hotel: string, fact: string): Promise<OpenedFact> => request("GET", one(hotel, fact));
export const tryFact = (hotel: string, fact: string, value: string): Promise<{ said: Said[] }> =>
  request("POST", `${one(hotel, fact)}/preview`, { body: { value } });
export const changeFact = (hotel: string, known: FactRow, value: string): Promise<OpenedFact> =>
  request("POST", one(hotel, known.name), { body: { value, base: known.value } });

/** What somebody has written and not saved, by hotel and fact, until the page is left for good. */
export const unsavedFacts = new Map<string, string>();
