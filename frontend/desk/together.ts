/** Several people at one conversation: who is named, what is put aside, taking over. Knows no screen. */
import { computed, shallowRef } from "vue";

import { request } from "./api";
import type { Colleague, Guest, Person, Row } from "./model";
import { finds } from "./spelling";
import { t } from "./texts";

/** A note that names me and that I haven't seen. */
export interface Mention {
  conversation: string;
  seq: number;
  at: string;
  by: Person;
  /** Null once it has been erased. */
  text: string | null;
  guest: Guest | null;
}

const part = encodeURIComponent;
const place = (hotel: string, id: string, what: string): string =>
  `/hotels/${part(hotel)}/conversations/${part(id)}/${what}`;

type Told = Promise<{ conversation: Row }>;
/** `until` null: the guest's next word. */
export const snooze = (hotel: string, id: string, until: string | null): Told =>
  request("POST", place(hotel, id, "snooze"), { body: { until } });
export const wake = (hotel: string, id: string): Told => request("POST", place(hotel, id, "wake"), { body: {} });
export const takeOver = (hotel: string, id: string, from: string): Told =>
  request("POST", place(hotel, id, "take-over"), { body: { from } });

export function openMentions(ring: (one: Mention) => void) {
  const all = shallowRef<Mention[]>([]);
  const rung = new Set<string>();
  const first = computed(() => {
    const found = new Map<string, Mention>();
    for (const one of all.value) if (!found.has(one.conversation)) found.set(one.conversation, one);
    return found;
  });

  function take(told: Mention[]): void {
    const keyOf = (one: Mention): string => `${one.conversation}#${one.seq}`;
    const fresh = told.filter((one) => !rung.has(keyOf(one)));
    told.forEach((one) => rung.add(keyOf(one)));
    all.value = told;
    const last = fresh[fresh.length - 1];
    if (last) ring(last);
  }

  return { all, first, take };
}

/** Who of the others has which conversation open, as the service tells it. */
export function openLooking() {
  const all = shallowRef<Record<string, Person[]>>({});
  const take = (told: Record<string, Person[]>): void => void (all.value = told);
  const at = (id: string): Person[] => all.value[id] ?? [];
  return { at, take };
}

/** "李莉也在看"; more than two by their number. Without `too` it is said to somebody who isn't looking. */
export function lookingLine(people: Person[], too = true): string {
  const names = people.slice(0, 2).map((one) => one.name);
  const words = { name: names.join(t("looking.and")), n: people.length };
  return t(
    people.length > 2 ? (too ? "looking.too_many" : "looking.many") : too ? "looking.too" : "looking.one",
    words,
  );
}

/** The name that is being written after an @, and where it begins; null where none is. */
export function naming(text: string, caret: number): { from: number; typed: string } | null {
  const found = /[@＠]([^\s@＠]{0,12})$/.exec(text.slice(0, caret));
  return found ? { from: found.index, typed: found[1] ?? "" } : null;
}

export const named = (people: Colleague[], typed: string): Colleague[] =>
  people.filter((one) => finds([one.name], [one.spelt ?? ""], typed));

/** Whom a note names: everybody whose whole name stands in it after an @. */
export const namedIn = (text: string, people: Person[]): string[] =>
  people.filter((one) => text.includes(`@${one.name}`) || text.includes(`＠${one.name}`)).map((one) => one.id);
