/** What has been promised to guests: what the service tells of it, and what staff do with it. Knows no screen. */
import { computed, reactive, shallowReactive } from "vue";

import { request } from "./api";
import type { Event, Guest, Person } from "./model";
import { t } from "./texts";
import { dayKey, clock as clockOf, type Tongue } from "./time";
import { defer, say } from "./toasts";

export interface GuestPromise {
  id: string;
  conversation: string;
  guest: Guest;
  /** The message that promised it. */
  seq: number;
  /** Null once the guest has been erased. */
  words: string | null;
  state: "open" | "kept" | "broken";
  due_at: string;
  /** Nobody named the time. */
  guessed: boolean;
  /** Null: whoever is at the desk. */
  owner: Person | null;
  /** Whose it was, if they don't work here any more. */
  left_by: string | null;
  made_by: Person | null;
  made_at: string;
  reminded_at: string | null;
  /** Whom it rang for; null was the whole desk. */
  reminded_to: string | null;
  ended_at: string | null;
  ended_by: string | null;
}

/** What a reply may promise, until its writer has decided. */
export interface Offer {
  due_at: string;
  guessed: boolean;
}

export interface Terms {
  due_at: string;
  owner: string | null;
  words?: string;
}

interface Told {
  promise: GuestPromise;
}

const part = encodeURIComponent;
const within = (hotel: string, rest: string): string => `/hotels/${part(hotel)}/${rest}`;
const make = (hotel: string, id: string, body: Terms & { seq: number; guessed: boolean }): Promise<Told> =>
  request("POST", within(hotel, `conversations/${part(id)}/promises`), { body });
const decline = (hotel: string, id: string, seq: number, keepalive: boolean): Promise<unknown> =>
  request("POST", within(hotel, `conversations/${part(id)}/events/${seq}/no-promise`), { body: {}, keepalive });
const alter = (hotel: string, id: string, body: Terms): Promise<Told> =>
  request("POST", within(hotel, `promises/${part(id)}`), { body });
const finish = (hotel: string, id: string, how: "kept" | "broken", keepalive: boolean): Promise<Told> =>
  request("POST", within(hotel, `promises/${part(id)}/${how}`), { body: {}, keepalive });

const STANDS = 3_600_000;
const DECIDED = new Set(["promise_made", "promise_declined"]);

/** The newest reply of mine that may promise something and that nobody has decided about. */
export function offeredIn(events: Event[], me: string, now: number): (Event & { offer: Offer }) | null {
  for (let index = events.length - 1; index >= 0; index -= 1) {
    const event = events[index];
    if (!event || now - Date.parse(event.at) > STANDS) return null;
    if (event.type !== "staff_said" || event.actor.id !== me) continue;
    const over = events.some((later) => DECIDED.has(later.type) && later.body.seq === event.seq);
    return event.offer && !over ? { ...event, offer: event.offer } : null;
  }
  return null;
}

/** The instant that a clock in the hotel's zone shows as this day and time. */
export function instantOf(day: string, time: string, tongue: Tongue): string | null {
  const wanted = Date.parse(`${day}T${time}:00Z`);
  if (Number.isNaN(wanted)) return null;
  const shown = Date.parse(`${dayKey(wanted, tongue)}T${clockOf(wanted, tongue)}:00Z`);
  return new Date(wanted - (shown - wanted)).toISOString();
}

/** Ringing is for whoever sees to it; for everybody, where nobody does. */
export function ringsFor(one: GuestPromise, before: GuestPromise | undefined, me: string): boolean {
  if (one.state !== "open" || !one.reminded_at || one.reminded_at === before?.reminded_at) return false;
  return one.reminded_to === null || one.reminded_to === me;
}

interface Around {
  complain(error: unknown): void;
  ring(one: GuestPromise): void;
}

export function openPromises(hotel: string, me: Person, around: Around) {
  const all = shallowReactive(new Map<string, GuestPromise>());
  /** Ended or declined here, while that can be undone. */
  const hidden = reactive(new Set<string>());

  const live = computed(() =>
    [...all.values()]
      .filter((one) => one.state === "open" && !hidden.has(one.id))
      .sort((a, b) => Date.parse(a.due_at) - Date.parse(b.due_at) || (a.id < b.id ? -1 : 1)),
  );

  function snapshot(told: GuestPromise[]): void {
    for (const [id, one] of all) if (one.state === "open") all.delete(id);
    told.forEach((one) => all.set(one.id, one));
  }

  function take(one: GuestPromise): void {
    const before = all.get(one.id);
    all.set(one.id, one);
    if (ringsFor(one, before, me.id)) around.ring(one);
  }

  function takeAll(told: GuestPromise[] | undefined): void {
    told?.forEach((one) => all.set(one.id, one));
  }

  /** The first of a guest's promises that is late and mine, or nobody's. */
  function lateFor(guest: string, now: number): GuestPromise | undefined {
    return live.value.find(
      (one) => one.guest.id === guest && Date.parse(one.due_at) <= now && (!one.owner || one.owner.id === me.id),
    );
  }

  /** Whether anything is late that was promised here, whoever is to keep it. */
  function overdueIn(conversation: string, now: number): boolean {
    return live.value.some((one) => one.conversation === conversation && Date.parse(one.due_at) <= now);
  }

  async function tried(run: () => Promise<Told>): Promise<boolean> {
    try {
      all.set(...pair((await run()).promise));
      return true;
    } catch (error) {
      around.complain(error);
      return false;
    }
  }
  const pair = (one: GuestPromise): [string, GuestPromise] => [one.id, one];

  async function note(conversation: string, seq: number, terms: Terms, guessed: boolean): Promise<boolean> {
    const done = await tried(() => make(hotel, conversation, { ...terms, seq, guessed }));
    if (done) say(t("promise.noted"), { shown: 3000 });
    return done;
  }

  const change = (one: GuestPromise, terms: Terms): Promise<boolean> => tried(() => alter(hotel, one.id, terms));

  const keyOf = (conversation: string, seq: number): string => `${conversation}#${seq}`;

  function refuse(conversation: string, seq: number): void {
    const key = keyOf(conversation, seq);
    hidden.add(key);
    defer(
      t("promise.refused"),
      (leaving) => void decline(hotel, conversation, seq, leaving).catch(around.complain),
      () => hidden.delete(key),
    );
  }

  function end(one: GuestPromise, how: "kept" | "broken"): void {
    hidden.add(one.id);
    defer(
      t(`promise.toast_${how}`, { words: one.words ?? t("promise.erased") }),
      (leaving) => void tried(() => finish(hotel, one.id, how, leaving)).finally(() => hidden.delete(one.id)),
      () => hidden.delete(one.id),
    );
  }

  const refused = (conversation: string, seq: number): boolean => hidden.has(keyOf(conversation, seq));
  const isNoted = (conversation: string, seq: number): boolean =>
    [...all.values()].some((one) => one.conversation === conversation && one.seq === seq);
  return { isNoted, all, live, snapshot, take, takeAll, lateFor, overdueIn, note, change, refuse, refused, end };
}
