import { describe, expect, it } from "vitest";

import { arrange, byDue, lapsesFrom, late, leftOf, listed, matches, passes, waitsSince } from "../queue";
import type { Row } from "../model";
import { before, ME, NOW, order, row } from "./made";

const TARGETS = { claim: 60, answer: 180, lapse: 300 };
const mine = { state: "STAFF" as const, holder: { id: ME, name: "我" }, held_since: before(900) };
const other = { state: "STAFF" as const, holder: { id: "staff-other", name: "王芳" }, held_since: before(900) };

describe("the order of the queue", () => {
  it("puts alarms first, then mine overdue, waiting by age, mine, colleagues', the assistant's, closed", () => {
    const rows = [
      row({ id: "closed", state: "CLOSED" }),
      row({ id: "bot" }),
      row({ id: "other", ...other }),
      row({ id: "mine", ...mine }),
      row({ id: "young", state: "WAITING", waiting_since: before(5) }),
      row({ id: "old", state: "WAITING", waiting_since: before(400) }),
      row({ id: "overdue", ...mine, unheard_since: before(200) }),
      row({ id: "alarm", state: "WAITING", waiting_since: before(1), alarm_since: before(1) }),
    ];
    const order = arrange(rows, ME, NOW, TARGETS).flatMap((bundle) => bundle.rows.map((one) => one.id));
    expect(order).toEqual(["alarm", "overdue", "old", "young", "mine", "other", "bot", "closed"]);
  });

  it("shows the latest word first where nobody waits", () => {
    const said = (id: string, seconds: number) =>
      row({ id, last: { text: "好", at: before(seconds), speaker: "assistant" } });
    const [bundle] = arrange([said("older", 60), said("newer", 5)], ME, NOW, TARGETS);
    expect(bundle?.rows.map((one) => one.id)).toEqual(["newer", "older"]);
  });
});

describe("being late", () => {
  it("begins at the target and not before", () => {
    expect(late(row({ state: "WAITING", waiting_since: before(59) }), NOW, TARGETS)).toBe(false);
    expect(late(row({ state: "WAITING", waiting_since: before(60) }), NOW, TARGETS)).toBe(true);
  });

  it("goes on over a claim until the guest has had a word; the lapse counts from the claim", () => {
    const claimed = row({ ...mine, held_since: before(10), unheard_since: before(600) });
    expect(waitsSince(claimed)).toBe(before(600));
    expect(late(claimed, NOW, TARGETS)).toBe(true);
    expect(lapsesFrom(claimed)).toBe(before(10));
    const lapsed = row({ state: "WAITING", waiting_since: before(5), unheard_since: before(600) });
    expect(waitsSince(lapsed)).toBe(before(600));
  });

  it("is over once the guest has been answered", () => {
    expect(waitsSince(row({ ...mine, held_since: before(10), unheard_since: null }))).toBeNull();
  });

  it("is nobody's matter while the assistant has it or the guest has been heard", () => {
    expect(late(row({ unheard_since: before(900) }), NOW, TARGETS)).toBe(false);
    expect(late(row(mine), NOW, TARGETS)).toBe(false);
  });
});

describe("a target", () => {
  it("counts down where one runs, in the department's hours, and makes late when it is over", () => {
    const waits = { state: "WAITING" as const, waiting_since: before(9000) };
    const at = (seconds: number): Row["due"] => ({ clock: "claim", at: before(seconds) });
    expect(leftOf(row({ ...waits, due: at(-30) }), NOW)).toBe(30_000);
    expect(late(row({ ...waits, due: at(-30) }), NOW, TARGETS)).toBe(false);
    expect(late(row({ ...waits, due: at(0) }), NOW, TARGETS)).toBe(true);
    expect(leftOf(row({ due: at(0) }), NOW)).toBeNull();
    expect(leftOf(row(waits), NOW)).toBeNull();
  });
});

describe("filters", () => {
  it("keep an emergency on every list, but count it where it belongs", () => {
    const alarm = row({ ...other, alarm_since: before(1) });
    expect(passes(alarm, "mine", ME)).toBe(true);
    expect(listed(alarm, "mine", ME)).toBe(false);
  });

  it("tell mine from a colleague's", () => {
    expect(passes(row(mine), "mine", ME)).toBe(true);
    expect(passes(row(other), "mine", ME)).toBe(false);
    expect(passes(row(other), "colleagues", ME)).toBe(true);
  });

  it("leave closed ones out of what is going on", () => {
    expect(passes(row({ state: "CLOSED" }), "all", ME)).toBe(false);
  });
});

describe("searching", () => {
  it("looks at label, last words and rooms, whatever the case", () => {
    const said = row({ last: { text: "Where is the Gym", at: before(1), speaker: "guest" } });
    expect(matches(said, "gym")).toBe(true);
    expect(matches(said, "3f2a")).toBe(true);
    expect(matches(said, "1208", ["1208"])).toBe(true);
    expect(matches(said, "泳池")).toBe(false);
  });
});

describe("orders", () => {
  it("come by what is due next, ringing ones first", () => {
    const all = [
      order({ id: "tomorrow", due_at: before(-36000) }),
      order({ id: "soon" }),
      order({ id: "done", state: "done", done_at: before(1) }),
      order({ id: "ringing", state: "ringing", due_at: before(-1) }),
      order({ id: "late", due_at: before(3600) }),
    ];
    expect(all.sort(byDue).map((one) => one.id)).toEqual(["ringing", "late", "soon", "tomorrow", "done"]);
  });
});
