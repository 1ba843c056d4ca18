/** Shift handover as the desk's API tells it. Owns no screen. */
import { request } from "./api";
import type { Guest, Person } from "./model";

export interface Line {
  conversation: string;
  seq: number;
  guest: Guest | null;
  text: string;
  state?: string;
  holder?: Person | null;
  owner?: Person | null;
  since?: string | null;
  alarm?: string | null;
  /** Put aside until then. */
  until?: string | null;
  reason?: string | null;
  marks?: string[];
  promise?: string;
  order?: string;
  service_name?: string;
  room?: string | null;
  due_at?: string | null;
  placed_at?: string;
}

export const SECTIONS = ["unusual", "waiting", "held", "promises", "orders"] as const;
export type SectionName = (typeof SECTIONS)[number];
export type Sections = Record<SectionName, Line[]>;

type Signature = Person & { at: string };

export interface Entry {
  id: string;
  number: number;
  shift: string | null;
  left: Signature;
  came: Signature | null;
  note: string | null;
  /** A guest whom it names was erased, and the note with them. */
  erased: boolean;
  counts: Record<SectionName, number>;
  hash: string;
}

export type Handover = Entry & { sections: Sections };

export interface Now {
  now: string;
  shift: string | null;
  since: string | null;
  sections: Sections;
  /** Signed by who left, not yet by who comes. */
  pending: Entry[];
}

const part = encodeURIComponent;
const place = (hotel: string, rest = ""): string => `/hotels/${part(hotel)}/handovers${rest}`;

export const readNow = (hotel: string): Promise<Now> => request("GET", place(hotel, "/now"));
export const listPast = (hotel: string, before: number | null): Promise<{ handovers: Entry[]; next: number | null }> =>
  request("GET", place(hotel), { query: { before: before === null ? "" : String(before) } });
export const readHandover = (hotel: string, id: string): Promise<{ handover: Handover }> =>
  request("GET", place(hotel, `/${part(id)}`));
export const signLeaving = (hotel: string, note: string): Promise<{ handover: Handover }> =>
  request("POST", place(hotel), { body: { note } });
/** Without a login it is whoever is signed in here. */
export const signComing = (
  hotel: string,
  id: string,
  login: string,
  password: string,
): Promise<{ handover: Handover }> =>
  request("POST", place(hotel, `/${part(id)}/sign`), { body: login ? { login, password } : {} });
