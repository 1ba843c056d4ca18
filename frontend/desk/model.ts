/** The words of the desk's API as the browser sees them. Fields may be added by the server at any time. */

import type { Post } from "./posts";
import type { GuestPromise, Offer } from "./promises";
import type { Mention } from "./together";

export type State = "BOT" | "WAITING" | "STAFF" | "CLOSED";
export type Channel = "wechat" | "web" | "app" | (string & {});
export type Speaker = "guest" | "assistant" | "staff" | "service";

export interface Person {
  id: string;
  name: string;
}

export interface Staff extends Person {
  login: string;
  /** What guests read; null is the name. */
  guest_name?: string | null;
  must_change_password: boolean;
}

export interface Hotel {
  id: string;
  name: string;
  name_en?: string | null;
  timezone: string;
  role: string;
  /** Permissions of this role, as permissions.ts names them. */
  may?: string[];
  /** Seconds a guest may wait before the clock changes colour; the defaults stand in queue.ts. */
  targets?: { claim?: number; answer?: number; lapse?: number };
}

/** Six digits beside the password: set up, to be had, and whether nothing opens before it is set up. */
export interface SecondFactor {
  on: boolean;
  offered: boolean;
  must: boolean;
}

export interface Session {
  staff: Staff;
  hotels: Hotel[];
  /** Seconds without input after which the desk locks; 0: never. */
  lock_after?: number;
  has_pin?: boolean;
  second_factor?: SecondFactor;
  /** The service's own clock, ISO; what the browser's clock is off by follows from it. */
  now?: string;
}

/** A desk that is locked: who may open it with a PIN, and that there is an alarm, but not whose. */
export interface LockedDesk {
  locked: true;
  login: string;
  people: { login: string; name: string; pin: boolean }[];
  alarm: boolean;
  now?: string;
}

export interface Guest {
  id: string;
  name: string | null;
  /** What they are called while they have no name, in the hotel's own words. */
  label: string;
  /** Where they first wrote. */
  channel?: Channel;
  /** Where they stay, while they do. */
  room?: string | null;
}

export interface Row {
  id: string;
  hotel: string;
  guest: Guest;
  channels: Channel[];
  state: State;
  holder: Person | null;
  held_since: string | null;
  waiting_since: string | null;
  reason: string | null;
  alarm_since: string | null;
  unheard_since: string | null;
  /** The next target of its people, in their department's hours, and when it is missed. */
  due?: { clock: "claim" | "answer"; at: string } | null;
  /** By whom the holder was handed it, and with which note. */
  handed_over?: { by: Person; at: string; note: string | null } | null;
  /** `kind` is what it was when it had no words: image, voice and so on. */
  last: { text: string | null; at: string; speaker: Speaker; kind?: string | null } | null;
  seq: number;
  visit: number;
  epoch: number;
  unclear: number;
  /** Trainees' replies that nobody has decided on, by seq. */
  drafts?: number[];
  /** Some of them are for me to decide on; found by this page. */
  review?: boolean;
  unread: number;
  /** How the guest rated the visit that is over. */
  stars?: number | null;
  /** To which it was handed off, where the hotel has departments. */
  department?: string | null;
  /** Who is asked to take it, and until when; anybody else still may. */
  assigned?: (Person & { until: string }) | null;
  /** Why it could be assigned to nobody when that was last tried. */
  nobody?: string | null;
  urgent?: string | null;
  vip?: boolean;
  /** Who has seen the alert about it, and until when it isn't told again. */
  seen?: { by: Person; at: string; until: string } | null;
  /** It goes on in that conversation, and is in no list. */
  ended_into?: string | null;
  changed_at: string;
  opened_at: string | null;
  alarm_kind?: string | null;
  /** Who put it aside, until when; null for the guest's next word. */
  snoozed?: { by: string; until: string | null } | null;
  /** A note in it names me; found by this page. */
  named?: Mention;
  /** A promise to this guest that is late and mine to keep, or nobody's; found by this page. */
  owed?: GuestPromise;
}

/** The last message with the words that were searched for. */
export interface Found {
  seq: number;
  text: string;
}

export type DeliveryState = "queued" | "sending" | "waiting" | "unclear" | "accepted" | "delivered" | "read" | "failed";

export interface Delivery {
  state: DeliveryState;
  why: string | null;
}

export interface Event {
  /** Of another conversation of the same guest, which has ended in this one. */
  conversation?: string;
  seq: number;
  type: string;
  at: string;
  actor: { kind: Speaker; id: string | null; name: string | null };
  channel: Channel | null;
  audience: "guest" | "staff";
  text: string | null;
  body: Record<string, unknown>;
  details?: Record<string, unknown> | null;
  delivery: Delivery | null;
  sealed: number;
  file?: Kept | null;
  /** Its file lies with the platform still. */
  fetching?: boolean;
  /** What it may promise; told to its writer alone. */
  offer?: Offer | null;
  /** Why its file will never come. */
  lost?: string | null;
}

/** A kept file. Pixels, bytes, seconds; the address runs out. */
export interface Kept {
  id: string;
  kind: "image" | "voice" | "video" | "file";
  type: string;
  size: number;
  name?: string | null;
  width?: number | null;
  height?: number | null;
  seconds?: number | null;
  address: string;
}

export interface Limits {
  kind: "none" | "wechat" | (string & {});
  left?: number | null;
  closes_at?: string | null;
  passive_only?: boolean;
}

/** One of the guest's channels, and what it takes. */
export interface Way {
  identity: string | null;
  channel: Channel | null;
  limits: Limits;
  /** False once the guest has unfollowed: nothing reaches them then. */
  reachable?: boolean;
  /** UTF-8 bytes of one message; longer ones go in parts. */
  max_bytes?: number | null;
  /** Kinds of files that it carries; others go as an address. */
  media?: string[];
  /** When the guest last wrote there. */
  last_at?: string | null;
}

/** A channel of the guest's, and what shows that it is theirs; no proof where this conversation began. */
export interface Identity {
  id: string;
  channel: Channel;
  proof: "signed_subject" | "one_time_code" | "staff_confirmed" | (string & {}) | null;
  /** The colleague whose word it is. */
  by: string | null;
  at: string | null;
  /** Who vouches for it: "site" for the hotel's own, "wechat" for its sign-in. */
  signed: string[];
  reachable: boolean;
}

/** Where the guest last wrote, and all ways there are. */
export interface Reply extends Way {
  ways?: Way[];
  file_limits?: Record<string, number>;
}

export interface Colleague extends Person {
  /** How the name is typed, syllable by syllable. */
  spelt?: string;
  signed_in: boolean;
  holds: number;
}

export type OrderState = "open" | "ringing" | "done" | "cancelled";

export interface Order {
  id: string;
  conversation: string | null;
  guest: Guest | null;
  service: string;
  service_name: string;
  what: string | null;
  room: string | null;
  due_at: string | null;
  state: OrderState;
  placed_at: string;
  placed_by: string | Person | null;
  /** Who took it on; nobody: whoever is at the desk. */
  owner?: Person | null;
  /** Whose it was before they left. */
  left_by?: string | null;
  done_by: string | Person | null;
  done_at: string | null;
  /** Which sees to it, where the hotel has departments. */
  department?: string | null;
  /** The event it was placed with. */
  seq?: number | null;
}

export interface ConversationAnswer {
  conversation: Row;
  events: Event[];
  /** What was said in conversations that go on in this one; told with the whole thread only. */
  earlier?: Event[];
  /** The conversation of the same guest in which this one has ended. */
  ended_into?: string | null;
  identities?: Identity[];
  seq: number;
  reply: Reply | null;
  orders: Order[];
  /** What the guest has been promised, ever. */
  promises?: GuestPromise[];
}

export type Frame =
  | {
      type: "snapshot";
      conversations: Row[];
      orders: Order[];
      promises?: GuestPromise[];
      posts?: Post[] | null;
      cursor: string;
      now?: string;
    }
  | { type: "conversation"; conversation: Row; cursor?: string; now?: string }
  | { type: "events"; conversation: string; events: Event[]; now?: string }
  | { type: "order"; order: Order; cursor?: string; now?: string }
  | { type: "promise"; promise: GuestPromise; cursor?: string; now?: string }
  | { type: "mentions"; mentions: Mention[]; now?: string }
  | { type: "posts"; posts: Post[]; now?: string }
  | { type: "looking"; looking: Record<string, Person[]>; now?: string }
  | { type: "typing"; conversation: string; who: string[]; now?: string }
  | { type: "pong"; now?: string };

export type CloseReason = "solved" | "no_answer" | "spam" | "other";
export const CLOSE_REASONS: CloseReason[] = ["solved", "no_answer", "spam", "other"];
