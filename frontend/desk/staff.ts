/** The people of a hotel, as its managers see them; giving roles, and ending somebody's access. */
import { request } from "./api";
import type { Guest, Order, Person, Row } from "./model";
import type { GuestPromise } from "./promises";

export interface Member extends Person {
  login: string;
  role: string;
  /** The last day of the role; null: for good. */
  until: string | null;
  expired: boolean;
  active: boolean;
  signed_in: boolean;
  conversations: number;
  promises: number;
  orders: number;
}

export interface Holds {
  conversations: Row[];
  promises: GuestPromise[];
  orders: Order[];
  /** Whom they know best: how often they said something to them, and when last. */
  guests: { id: string; guest: Guest; said: number; last_at: string }[];
  /** How many things in other hotels: those go back to everybody there. */
  elsewhere: number;
}

const part = encodeURIComponent;
const place = (hotel: string, id = ""): string => `/hotels/${part(hotel)}/staff${id ? `/${part(id)}` : ""}`;

export const listStaff = (hotel: string): Promise<{ staff: Member[] }> => request("GET", place(hotel));
export const readHolds = (hotel: string, id: string): Promise<Holds> => request("GET", `${place(hotel, id)}/holds`);
export const appoint = (hotel: string, id: string, role: string, until: string | null): Promise<unknown> =>
  request("POST", `${place(hotel, id)}/role`, { body: { role, until } });
/** `to`: who gets what; null, and what it doesn't name, is everybody's. */
export const deactivate = (
  hotel: string,
  id: string,
  to: Record<string, string | null>,
): Promise<{ handed_over: number }> => request("POST", `${place(hotel, id)}/deactivate`, { body: { to } });
