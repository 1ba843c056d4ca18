/**
 * A conversation's log as one reads it. Pure: merges events, carries delivery marks to the message they
 * are about, and lays everything out as lines of the thread.
 */
import type { Channel, Delivery, DeliveryState, Event, Speaker } from "./model";
import { dayKey, type Tongue } from "./time";

/** The ladder never goes down. `unclear` and `waiting` are left upwards only. */
const STEP: Record<DeliveryState, number> = {
  queued: 0,
  waiting: 1,
  sending: 2,
  unclear: 3,
  failed: 3,
  accepted: 4,
  delivered: 5,
  read: 6,
};

const SPOKEN = new Set(["guest_said", "assistant_said", "staff_said"]);
/** What stands at the message it is about. */
const SILENT = new Set([
  "delivery_accepted",
  "delivery_unclear",
  "delivery_failed",
  "delivery_read",
  "reading_corrected",
  "correction_withdrawn",
  "correction_reviewed",
  "media_kept",
  "media_lost",
  "reply_flagged",
  "reply_refused",
  "rating_thanked",
]);

export const spoken = (event: Event): boolean => SPOKEN.has(event.type);
export const ours = (event: Event): boolean => event.type === "assistant_said" || event.type === "staff_said";

function mark(event: Event): Delivery | null {
  const why = typeof event.body.why === "string" ? event.body.why : null;
  switch (event.type) {
    case "delivery_accepted":
      return { state: "accepted", why: null };
    case "delivery_read":
      return { state: "read", why: null };
    case "delivery_unclear":
      return { state: "unclear", why };
    case "delivery_failed":
      return { state: "failed", why };
    case "resend_requested":
      return { state: "queued", why: null };
    default:
      return null;
  }
}

function about(event: Event): number | null {
  const seq = event.body.seq ?? event.body.of;
  return typeof seq === "number" ? seq : null;
}

function climbed(before: Delivery | null, after: Delivery, force: boolean): Delivery {
  if (force || !before) return after;
  return STEP[after.state] >= STEP[before.state] ? after : before;
}

/** Old and new events as one list by seq. A later copy of an event replaces the earlier one. */
export function merge(known: Event[], arrived: Event[]): Event[] {
  const bySeq = new Map(known.map((event) => [event.seq, event]));
  for (const event of arrived) {
    const before = bySeq.get(event.seq);
    const delivery = before?.delivery && event.delivery ? climbed(before.delivery, event.delivery, false) : null;
    bySeq.set(event.seq, { ...event, ...brought(before, event), ...(delivery ? { delivery } : {}) });
  }
  bringFiles(bySeq, arrived);
  for (const event of [...arrived].sort((a, b) => a.seq - b.seq)) {
    const next = mark(event);
    const seq = about(event);
    const target = seq === null ? undefined : bySeq.get(seq);
    if (!next || !target) continue;
    // Sending again starts a new ladder, unless the message itself came later and knows better.
    const again = event.type === "resend_requested" && !arrived.some((e) => e.seq === seq);
    bySeq.set(target.seq, { ...target, delivery: climbed(target.delivery, next, again) });
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

/** What an event brought later stays with a message, whichever copy of it comes. */
function brought(before: Event | undefined, event: Event): Partial<Event> {
  if (!before || event.file || !(before.file || before.lost)) return {};
  return { file: before.file ?? null, lost: before.lost ?? null, fetching: false };
}

/** The file that a platform kept for us comes with an event of its own, or never. */
function bringFiles(bySeq: Map<number, Event>, arrived: Event[]): void {
  for (const event of arrived) {
    if (event.type !== "media_kept" && event.type !== "media_lost") continue;
    const target = bySeq.get(about(event) ?? 0);
    if (!target) continue;
    const lost = event.type === "media_lost" ? String(event.body.why ?? "other") : null;
    bySeq.set(target.seq, { ...target, file: event.file ?? target.file ?? null, lost, fetching: false });
  }
}

/** A message of ours that the service has not confirmed yet. */
export interface Unsent {
  client_id: string;
  kind: "reply" | "note" | "whisper" | "file";
  /** Of a file, its name. */
  text: string;
  /** The way it goes; null leaves that to the service. */
  identity?: string | null;
  /** Whom a note names. */
  mentions?: string[];
  file?: File;
  at: string;
  after: number;
  state: "sending" | "retrying" | "refused";
  why: string;
}

export function confirmed(unsent: Unsent, events: Event[], me: string): boolean {
  const replies = ["staff_said", "reply_drafted"];
  const types = { note: ["staff_noted"], whisper: ["whispered"], reply: replies, file: replies }[unsent.kind];
  return events.some((event) => {
    if (!types.includes(event.type)) return false;
    if (typeof event.body.client_id === "string") return event.body.client_id === unsent.client_id;
    return event.seq > unsent.after && event.actor.id === me && event.text === unsent.text;
  });
}

/** Who writes, as the feed names them, but for ourselves: the guest first. */
export function writers(who: string[], me: string): string[] {
  const others = who.filter((one) => one !== `staff:${me}`);
  return others.sort((a, b) => Number(b === "guest") - Number(a === "guest") || (a < b ? -1 : 1));
}

export type Line =
  | { kind: "day"; key: string; at: string }
  | { kind: "visit"; key: string; visit: number; at: string }
  | { kind: "channel"; key: string; channel: Channel }
  | { kind: "new"; key: string }
  | { kind: "said"; key: string; event: Event; speaker: Speaker; first: boolean; last: boolean }
  | { kind: "note"; key: string; event: Event }
  | { kind: "draft"; key: string; event: Event }
  | { kind: "trial"; key: string; event: Event }
  | { kind: "happened"; key: string; events: Event[] };

const PAUSE = 5 * 60_000;

const keyOf = (event: Event): string => (event.conversation ? `${event.conversation}:${event.seq}` : String(event.seq));

/** What was said in several conversations of one guest, as it was said. */
export function together(earlier: Event[], events: Event[]): Event[] {
  if (earlier.length === 0) return events;
  return [...earlier, ...events].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function speakerOf(event: Event): Speaker {
  if (event.type === "guest_said") return "guest";
  return event.type === "staff_said" ? "staff" : "assistant";
}

function continues(previous: Line | undefined, event: Event): boolean {
  if (previous?.kind !== "said" || previous.speaker !== speakerOf(event)) return false;
  // Who approved a trainee's words stands above them.
  if (previous.event.actor.id !== event.actor.id || event.body.draft) return false;
  return Date.parse(event.at) - Date.parse(previous.event.at) < PAUSE;
}

/** A draft that is offered elsewhere or that somebody sent as it was isn't shown as a draft. */
function shown(event: Event, offered: number | undefined, said: Set<string | null>): boolean {
  if (SILENT.has(event.type)) return false;
  // Where it goes on is where one is.
  if (event.type === "ended" && event.conversation) return false;
  if (event.type !== "assistant_drafted") return true;
  return event.seq !== offered && Boolean(event.text) && !said.has(event.text);
}

/**
 * Lines for the events, oldest first. `unreadAfter` is the seq up to which all had been read on opening,
 * `offered` the draft that is shown elsewhere.
 */
export function lay(events: Event[], tongue: Tongue, unreadAfter: number | null, offered?: number): Line[] {
  const lines: Line[] = [];
  const ofStaff = events.filter((event) => event.type === "staff_said");
  const said = new Set(ofStaff.map((event) => event.text));
  /** A trainee's reply that went out as it was stands there as what was said. */
  const sent = new Set(ofStaff.filter((event) => !event.body.edited).map((event) => event.body.draft));
  let day = "";
  let channel: Channel | null = null;
  let visit = 1;
  let marked = unreadAfter === null;
  for (const event of events) {
    if (!shown(event, offered, said) || (event.type === "reply_drafted" && sent.has(event.seq))) continue;
    const today = dayKey(event.at, tongue);
    if (today !== day) lines.push({ kind: "day", key: `d${today}-${keyOf(event)}`, at: event.at });
    day = today;
    if (event.type === "reopened") lines.push({ kind: "visit", key: `v${keyOf(event)}`, visit: ++visit, at: event.at });
    if (!marked && event.seq > (unreadAfter ?? 0) && event.type === "guest_said") {
      lines.push({ kind: "new", key: "new" });
      marked = true;
    }
    if (spoken(event) && event.channel && event.channel !== channel) {
      lines.push({ kind: "channel", key: `c${keyOf(event)}`, channel: event.channel });
      channel = event.channel;
    }
    push(lines, event);
  }
  return lines;
}

function push(lines: Line[], event: Event): void {
  const previous = lines[lines.length - 1];
  if (spoken(event)) {
    const first = !continues(previous, event);
    if (!first && previous?.kind === "said") previous.last = false;
    lines.push({ kind: "said", key: `e${keyOf(event)}`, event, speaker: speakerOf(event), first, last: true });
  } else if (event.type === "staff_noted" || event.type === "whispered")
    lines.push({ kind: "note", key: `e${keyOf(event)}`, event });
  else if (event.type === "reply_drafted") lines.push({ kind: "trial", key: `e${keyOf(event)}`, event });
  else if (event.type === "assistant_drafted") lines.push({ kind: "draft", key: `e${keyOf(event)}`, event });
  else if (event.type !== "reopened") {
    if (previous?.kind === "happened" && previous.events.length < 4) previous.events.push(event);
    else lines.push({ kind: "happened", key: `e${keyOf(event)}`, events: [event] });
  }
}

const HEARD = new Set(["staff_said", "released", "closed", "reopened"]);

/**
 * The first word of the guest that waits for a person, or null: the one that somebody was asked for about,
 * whatever the assistant said to it since; otherwise the first since the guest waits.
 */
export function unanswered(events: Event[], unheardSince: string | null): Event | null {
  if (!unheardSince) return null;
  let start = events.length;
  while (start > 0 && !HEARD.has(events[start - 1]?.type ?? "")) start -= 1;
  const open = events.slice(start);
  const asked = open.findIndex((event) => event.type === "handoff_requested");
  const before = open.slice(0, asked + 1).filter((event) => event.type === "guest_said");
  if (before.length > 0) return before[before.length - 1] ?? null;
  const said = open.filter((event) => event.type === "guest_said");
  const since = Date.parse(unheardSince);
  return said.find((event) => Date.parse(event.at) >= since) ?? said[said.length - 1] ?? null;
}

/** What the assistant would have said to the guest's latest words, while nobody has answered them. */
export function suggestion(events: Event[]): Event | null {
  for (let index = events.length - 1; index >= 0; index -= 1) {
    const event = events[index];
    if (!event) continue;
    if (ours(event)) return null;
    if (event.type === "assistant_drafted" && event.text) return event;
  }
  return null;
}

export interface Visit {
  number: number;
  from: string;
  until: string | null;
  first: number;
  messages: number;
  reasons: { seq: number; code: string }[];
  people: string[];
  closing: string | null;
  /** What whoever ended it left for colleagues. */
  words: string | null;
}

/** The visits of a conversation, latest first. */
export function visits(events: Event[]): Visit[] {
  const found: Visit[] = [];
  let open: Visit | null = null;
  for (const event of events) {
    if (!open || event.type === "reopened") {
      open = begin(found.length + 1, event);
      found.push(open);
    }
    note(open, event);
  }
  return found.reverse();
}

function begin(number: number, event: Event): Visit {
  const { at, seq } = event;
  const ended = { until: null, closing: null, words: null };
  return { number, from: at, first: seq, messages: 0, reasons: [], people: [], ...ended };
}

function note(visit: Visit, event: Event): void {
  if (spoken(event)) visit.messages += 1;
  if (event.type === "handoff_requested") visit.reasons.push({ seq: event.seq, code: String(event.body.reason ?? "") });
  const took = event.type === "claimed" || event.type === "staff_said";
  const name = took ? event.actor.name : null;
  if (name && !visit.people.includes(name)) visit.people.push(name);
  if (event.type === "closed" || event.type === "ended") {
    visit.until = event.at;
    visit.closing = String(event.body.reason ?? "");
  }
  if (event.type === "staff_noted" && event.body.about === "closing") visit.words = event.text ?? null;
}

/** The event that an order was placed with, to lead there. */
export function placedAt(events: Event[], order: string): number | null {
  const found = events.find((event) => event.type === "order_placed" && event.body.order === order);
  return found?.seq ?? null;
}
