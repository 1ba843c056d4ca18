/** Rows, events and orders for tests: whole, and changed where a test cares. */
import type { Event, Order, Row } from "../model";

export const NOW = Date.parse("2026-11-22T13:30:00Z");
export const ME = "staff-me";

export function before(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

export function row(change: Partial<Row> = {}): Row {
  return {
    id: "c1",
    hotel: "xinghaihui",
    guest: { id: "g1", name: null, label: "微信客人 …3f2a" },
    channels: ["wechat"],
    state: "BOT",
    holder: null,
    held_since: null,
    waiting_since: null,
    reason: null,
    alarm_since: null,
    unheard_since: null,
    last: null,
    seq: 1,
    visit: 1,
    epoch: 0,
    unclear: 0,
    unread: 0,
    changed_at: before(0),
    opened_at: before(0),
    ...change,
  };
}

export function event(seq: number, type: string, change: Partial<Event> = {}): Event {
  const kind = type.startsWith("guest") ? "guest" : type.startsWith("staff") ? "staff" : "assistant";
  return {
    seq,
    type,
    at: new Date(NOW + seq * 1000).toISOString(),
    actor: { kind, id: kind === "staff" ? ME : null, name: null },
    channel: type.endsWith("_said") ? "wechat" : null,
    audience: "guest",
    text: type.endsWith("_said") ? `说了 ${seq}` : null,
    body: {},
    delivery: null,
    sealed: 0,
    ...change,
  };
}

export function order(change: Partial<Order> = {}): Order {
  return {
    id: "o1",
    conversation: "c1",
    guest: null,
    service: "request_supplies",
    service_name: "送物品",
    what: "两条毛巾",
    room: "1208",
    due_at: null,
    state: "open",
    placed_at: before(60),
    placed_by: "assistant",
    done_by: null,
    done_at: null,
    ...change,
  };
}
