/** What needs me first: the order of the queue, its groups and its clocks. Pure; `now` is an argument. */
import type { Hotel, Order, Row } from "./model";
import type { Filter } from "./preferences";

export type Group =
  "alarm" | "overdue" | "review" | "waiting" | "named" | "mine" | "aside" | "colleagues" | "assistant" | "closed";

export const GROUPS: Group[] = [
  "alarm",
  "overdue",
  "review",
  "waiting",
  "named",
  "mine",
  "aside",
  "colleagues",
  "assistant",
  "closed",
];

/** Seconds: to be claimed, to be answered by whoever holds it, and until a held one goes back. */
export interface Targets {
  claim: number;
  answer: number;
  lapse: number;
}

const DEFAULTS: Targets = { claim: 60, answer: 180, lapse: 300 };

export function targetsOf(hotel: Hotel): Targets {
  return { ...DEFAULTS, ...hotel.targets };
}

const ms = (iso: string | null | undefined): number => (iso ? Date.parse(iso) : 0);

/** Since when the guest of this row waits for a word, or null when nobody is owed one. Claiming is no word. */
export function waitsSince(row: Row): string | null {
  if (row.state === "WAITING") return row.unheard_since ?? row.waiting_since;
  return row.state === "STAFF" ? row.unheard_since : null;
}

export function seconds(since: string | null, now: number): number {
  return since ? Math.max(0, Math.floor((now - ms(since)) / 1000)) : 0;
}

/** When a held conversation lapses is counted from the later of the guest's word and the claim. */
export function lapsesFrom(row: Row): string | null {
  if (!row.unheard_since) return null;
  return ms(row.held_since) > ms(row.unheard_since) ? row.held_since : row.unheard_since;
}

/** Milliseconds until the target that runs is missed; null where none does. */
export function leftOf(row: Row, now: number): number | null {
  return row.due && waitsSince(row) !== null ? ms(row.due.at) - now : null;
}

export function late(row: Row, now: number, targets: Targets): boolean {
  const left = leftOf(row, now);
  if (left !== null) return left <= 0;
  const target = row.state === "WAITING" ? targets.claim : targets.answer;
  const since = waitsSince(row);
  return since !== null && seconds(since, now) >= target;
}

/** Somebody has seen the alert about it, and it isn't told again yet. */
export function heeded(row: Row, now: number): boolean {
  return ms(row.seen?.until) > now;
}

export function groupOf(row: Row, me: string, now: number, targets: Targets): Group {
  if (row.alarm_since) return "alarm";
  if (row.owed) return "overdue";
  if (row.review) return "review";
  if (row.named && row.state !== "WAITING") return "named";
  if (row.state === "CLOSED") return "closed";
  if (row.state === "BOT") return "assistant";
  if (row.state === "WAITING") return "waiting";
  if (row.holder?.id !== me) return "colleagues";
  if (row.snoozed) return "aside";
  return late(row, now, targets) ? "overdue" : "mine";
}

/** Within a group: who has waited longest first; where nobody waits, the latest word first. */
function byAge(group: Group): (a: Row, b: Row) => number {
  const since = (row: Row): number => {
    if (group === "alarm") return ms(row.alarm_since);
    if (row.owed) return Math.min(ms(row.owed.due_at), ms(waitsSince(row)) || Number.MAX_SAFE_INTEGER);
    const waits =
      group === "waiting" || group === "overdue" || group === "review" || group === "mine" ? waitsSince(row) : null;
    return waits ? ms(waits) : Number.MAX_SAFE_INTEGER;
  };
  const latest = (row: Row): number => ms(row.last?.at ?? row.changed_at);
  return (a, b) => since(a) - since(b) || latest(b) - latest(a) || (a.id < b.id ? -1 : 1);
}

export interface Bundle {
  group: Group;
  rows: Row[];
}

export function arrange(rows: Iterable<Row>, me: string, now: number, targets: Targets): Bundle[] {
  const bundles = new Map<Group, Row[]>(GROUPS.map((group) => [group, []]));
  for (const row of rows) bundles.get(groupOf(row, me, now, targets))?.push(row);
  return GROUPS.map((group) => ({ group, rows: (bundles.get(group) ?? []).sort(byAge(group)) })).filter(
    (bundle) => bundle.rows.length > 0,
  );
}

/** An emergency is on every list until somebody has seen it, a late promise until it is kept, a trainee's reply
 * until it is decided on. */
export function passes(row: Row, filter: Filter, me: string, ours?: ReadonlySet<string>): boolean {
  const marked = row.alarm_since !== null || row.owed !== undefined || row.named !== undefined;
  return marked || row.review === true || listed(row, filter, me, ours);
}

/** `ours`: the departments I work in; what has none is everybody's. */
export function listed(row: Row, filter: Filter, me: string, ours?: ReadonlySet<string>): boolean {
  switch (filter) {
    case "all":
      return row.state !== "CLOSED";
    case "waiting":
      return row.state === "WAITING";
    case "ours":
      if (row.assigned?.id === me) return true;
      return ["WAITING", "STAFF"].includes(row.state) && (!row.department || (ours?.has(row.department) ?? true));
    case "mine":
      return row.state === "STAFF" && row.holder?.id === me;
    case "colleagues":
      return row.state === "STAFF" && row.holder?.id !== me;
    case "assistant":
      return row.state === "BOT";
    case "closed":
      return row.state === "CLOSED";
  }
}

/** `more` is what else is known of the guest, such as rooms. */
export function matches(row: Row, words: string, more: (string | null)[] = []): boolean {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return true;
  const hay = [row.guest.name, row.guest.label, row.last?.text, row.holder?.name, ...more];
  return hay.some((text) => text?.toLowerCase().includes(wanted));
}

const ORDER_RANK: Record<string, number> = { ringing: 0, open: 1, done: 2, cancelled: 3 };

/** Ringing first, then by when it is due; what has no time is due when it was placed. */
export function byDue(a: Order, b: Order): number {
  const rank = (ORDER_RANK[a.state] ?? 9) - (ORDER_RANK[b.state] ?? 9);
  if (rank) return rank;
  if (a.state === "done" || a.state === "cancelled") return ms(b.done_at ?? b.placed_at) - ms(a.done_at ?? a.placed_at);
  return ms(a.due_at ?? a.placed_at) - ms(b.due_at ?? b.placed_at) || (a.id < b.id ? -1 : 1);
}
