/** Turns data into the sentences of the screens. Owns no state: language and zone come from outside. */
import type { Desk } from "./desk";
import type { Event, Guest, Hotel, Identity, Order, Person, Row, Way } from "./model";
import { preferences } from "./preferences";
import { t, tell, type Values } from "./texts";
import { clock, date, daysAway, shortDate, span, stopwatch, type Tongue } from "./time";

export function tongueOf(zone: string): Tongue {
  return { locale: preferences.locale, zone };
}

/** "刚刚", "3 分钟前", then the clock, then the date. */
export function ago(at: string, now: number, tongue: Tongue): string {
  const past = now - Date.parse(at);
  if (past < 60_000) return t("time.now");
  if (past < 3_600_000) return t("time.minutes", { n: Math.floor(past / 60_000) });
  const days = daysAway(at, now, tongue);
  if (days === 0) return clock(at, tongue);
  if (days === -1) return t("time.yesterday", { time: clock(at, tongue) });
  return `${shortDate(at, now, tongue)} ${clock(at, tongue)}`;
}

/** "今天 14:00", "明天 7:00", "11月25日 周三 7:00" */
export function moment(at: string, now: number, tongue: Tongue): string {
  return t("time.at", { day: dayName(at, now, tongue), time: clock(at, tongue) });
}

export function dayName(at: string, now: number, tongue: Tongue): string {
  const days = daysAway(at, now, tongue);
  if (days === 0) return t("time.today");
  if (days === 1) return t("time.tomorrow");
  if (days === -1) return t("time.yesterday_day");
  return Math.abs(days) > 300 ? shortDate(at, now, tongue) : date(at, tongue);
}

/** "2 天 3 小时", "9 小时 30 分钟", "12 分钟" */
export function lead(milliseconds: number): string {
  const { days, hours, minutes } = span(milliseconds);
  const parts: string[] = [];
  if (days) parts.push(t("time.d", { n: days }));
  if (hours) parts.push(t("time.h", { n: hours }));
  if (minutes && !days) parts.push(t("time.m", { n: minutes }));
  return parts.length > 0 ? parts.join(" ") : t("time.less");
}

/** What a guest is called: by name, else by where they came from and the end of their number. */
export function guestName(guest: Guest): string {
  if (guest.name || preferences.locale === "zh") return guest.name || guest.label;
  return tell("guest.", guest.channel, "guest.other", { tail: guest.id.slice(-4) });
}

export function hotelName(hotel: Hotel): string {
  return (preferences.locale === "en" && hotel.name_en) || hotel.name;
}

export function channelName(channel: string | null | undefined): string {
  return tell("channel.", channel, "channel.web");
}

export function reasonName(code: string | null | undefined): string {
  return tell("reason.", code, "reason.unknown");
}

export function stateName(row: Row, me: string): string {
  if (row.state !== "STAFF") return t(`state.${row.state}`);
  if (row.holder?.id === me) return t("state.STAFF_me");
  return row.holder?.name ? t("state.STAFF", { name: row.holder.name }) : t("state.STAFF_nobody");
}

export function orderTitle(order: Order): string {
  return order.what ? `${order.service_name} · ${order.what}` : order.service_name;
}

export interface Due {
  text: string;
  late: boolean;
  left: string;
}

/** When it is due and how long that is from now. What has no time was due when it was placed. */
export function dueOf(order: Pick<Order, "due_at" | "placed_at">, now: number, tongue: Tongue): Due {
  if (!order.due_at)
    return {
      text: t("orders.asap"),
      late: false,
      left: t("orders.placed", { ago: ago(order.placed_at, now, tongue) }),
    };
  const left = Date.parse(order.due_at) - now;
  const text = moment(order.due_at, now, tongue);
  if (left < 0) return { text, late: true, left: t("orders.late", { time: stopwatch(Math.floor(-left / 1000)) }) };
  const near = left < 3_600_000;
  return { text, late: false, left: t("orders.left", { time: near ? stopwatch(Math.ceil(left / 1000)) : lead(left) }) };
}

export function personName(who: string | Person | null): string {
  if (!who) return t("thread.service");
  return typeof who === "string" ? who : who.name;
}

export interface LimitsLine {
  text: string;
  tight: boolean;
}

/** "微信 · 还可发 3 条 · 剩 41 小时" */
export function limitsLine(reply: Way, now: number): LimitsLine {
  if (reply.reachable === false) return { text: unreachable(reply), tight: true };
  const channel = channelName(reply.channel);
  const { kind, left, closes_at, passive_only } = reply.limits;
  if (passive_only) return { text: `${channel} · ${t("limits.passive")}`, tight: false };
  if (kind === "none") return { text: t("limits.none", { channel }), tight: false };
  const time = closes_at ? Date.parse(closes_at) - now : null;
  if (time !== null && time <= 0) return { text: `${channel} · ${t("limits.closed")}`, tight: true };
  if (left === 0) return { text: `${channel} · ${t("limits.used_up")}`, tight: true };
  const parts = [channel];
  if (left != null) parts.push(left === 1 ? t("limits.last") : t("limits.left", { n: left }));
  if (time !== null) parts.push(timeLeft(time));
  return { text: parts.join(" · "), tight: left === 1 || (time !== null && time < 3_600_000) };
}

/** Only who follows an account can leave it; elsewhere there is nobody to reach once they were erased. */
export function unreachable(way: Way | null | undefined): string {
  return t(way?.channel === "wechat" ? "limits.unreachable" : "limits.unreachable_other");
}

function timeLeft(time: number): string {
  if (time >= 3_600_000) return t("limits.time_hours", { n: Math.floor(time / 3_600_000) });
  return t("limits.time_minutes", { n: Math.max(1, Math.floor(time / 60_000)) });
}

/** How many messages a text takes on this way: a longer one goes out in parts, each of which counts. */
export function partsOf(text: string, way: Way | null | undefined): number {
  if (!way?.max_bytes) return 1;
  return Math.max(1, Math.ceil(new TextEncoder().encode(text).length / way.max_bytes));
}

/** "1.4 MB" */
export function sizeOf(bytes: number): string {
  if (bytes >= 1_000_000) return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;
  return `${Math.max(1, Math.round(bytes / 1000))} kB`;
}

/** "客人正在输入…"; `who` is "guest", "assistant" or "staff:<id>". */
export function writesLine(who: string, events: Event[]): string {
  if (who === "guest" || who === "assistant") return t("thread.types", { who: t(`thread.${who}`) });
  const known = events.find((event) => `staff:${event.actor.id}` === who && event.actor.name);
  return t("thread.types", { who: known?.actor.name ?? t("thread.colleague") });
}

/** "★★★★☆" */
export function starsOf(count: number): string {
  const full = Math.max(0, Math.min(5, Math.round(count)));
  return "★".repeat(full) + "☆".repeat(5 - full);
}

/** What shows that a channel is this guest's. */
export function proofLine(identity: Identity): string {
  if (identity.proof === "staff_confirmed") return t("who.proof_staff", { name: identity.by ?? t("thread.colleague") });
  if (identity.proof) return tell("who.proof_", identity.proof, "who.proof_signed_subject");
  if (identity.signed.includes("site")) return t("who.signed_site");
  return t(identity.signed.includes("wechat") ? "who.signed_wechat" : "who.began_here");
}

/** One grey line for what happened. */
export function happened(event: Event, desk: Pick<Desk, "orders" | "me" | "posts">): string {
  const who = whoDid(event, desk.me.id);
  const values: Values = { who, ...plain(event.body) };
  switch (event.type) {
    case "handoff_requested":
      return t("event.handoff_requested", { reason: reasonName(String(event.body.reason ?? "")) });
    case "alarm_raised":
      return t("event.alarm_raised", { kind: alarmKind(event.body.kind) });
    case "lapsed":
      if (event.body.why === "passed_on")
        return t("event.passed_on", { who, department: desk.posts.nameOf(String(event.body.department ?? "")) });
      return t(event.body.why === "holder_inactive" ? "event.lapsed_gone" : "event.lapsed");
    case "assigned":
      return t("event.assigned", { name: String(event.body.to_name ?? t("thread.colleague")) });
    case "assignment_ended":
      return tell("event.assignment_", String(event.body.why), "event.assignment_away", {
        name: String(event.body.to_name ?? t("thread.colleague")),
      });
    case "nobody_found":
      return t("event.nobody_found", { why: tell("nobody.", String(event.body.why), "nobody.away") });
    case "vip_marked":
      return t(event.body.vip ? "event.vip_marked" : "event.vip_unmarked", { who });
    case "closed":
      if (event.actor.kind !== "staff") return t("event.closed_service");
      return t("event.closed", { who, reason: tell("close.", String(event.body.reason ?? ""), "close.other") });
    case "transferred":
      if (event.body.why === "taken_over") return t("event.taken_over", { who });
      if (event.body.why === "holder_inactive")
        return t("event.transferred_gone", { holder: String(event.body.holder_name ?? t("thread.colleague")) });
      return t("event.transferred", { who, holder: String(event.body.holder_name ?? t("thread.colleague")) });
    case "identity_linked":
      return tell("event.linked_", plain(event.body).proof as string, "event.identity_linked", {
        who,
        channel: channelName(event.channel),
      });
    case "guest_opted":
      return t(event.body.in ? "event.opted_in" : "event.opted_out");
    case "identity_unlinked":
      return t("event.identity_unlinked", { who, channel: channelName(event.channel) });
    case "guest_rated": {
      const rated = t("event.guest_rated", { n: values.stars ?? 0, stars: starsOf(Number(values.stars)) });
      return event.text ? t("event.guest_rated_words", { rated, text: event.text }) : rated;
    }
    case "preference_remembered":
      return t("event.preference_remembered", { text: event.text ?? String(event.body.preference ?? "") });
    case "voice_heard":
      return t("event.voice_heard", { text: event.text ?? "" });
    case "promise_made":
      return t("event.promise_made", { who, words: event.text ?? t("promise.erased") });
    case "promise_changed":
    case "promise_handed_over": {
      const name = String(event.body.owner_name ?? t("promise.desk"));
      return t(`event.${event.type}`, { who, name });
    }
    case "order_taken":
    case "order_handed_over": {
      const name = String(event.body.owner_name ?? t("promise.desk"));
      return t(event.body.owner || event.type !== "order_taken" ? `event.${event.type}` : "event.order_taken_nobody", {
        who,
        name,
      });
    }
    case "guest_handed_over":
      return t(event.body.to ? "event.guest_handed_over" : "event.guest_left", {
        name: String(event.body.to_name ?? t("thread.colleague")),
      });
    case "target_neared":
      return t("event.target_neared", { what: tell("today.clock_", String(event.body.clock), "today.clock_claim") });
    case "snooze_ended":
      return t(event.body.why === "due" ? "event.snooze_due" : "event.snooze_taken_back", { who });
    case "promise_reminded":
      return t(event.body.late ? "event.promise_late" : "event.promise_soon");
    case "order_placed":
    case "order_changed":
    case "order_cancelled":
    case "order_rung":
    case "order_done":
      return orderHappened(event, who, desk);
  }
  return tell("event.", event.type, "event.unknown", { type: event.type, ...values });
}

function orderHappened(event: Event, who: string, desk: Pick<Desk, "orders">): string {
  const order = desk.orders.get(String(event.body.order ?? ""));
  const service = String(event.body.service_name ?? order?.service_name ?? "");
  const room = event.details?.room ?? order?.room;
  const called = (order?.service ?? event.body.service) === "wake_up_call";
  if (event.type === "order_done" && called) return t("event.order_called", { who });
  const detail = event.details?.what ?? event.text ?? order?.what;
  const what = [room, service, detail].filter(Boolean).join(" · ") || t("orders.title");
  return tell("event.", event.type, "event.unknown", { who, what });
}

export function alarmKind(kind: unknown): string {
  return tell("alarm.kind_", String(kind ?? ""), "reason.emergency");
}

export function whoDid(event: Event, me: string): string {
  if (event.actor.kind === "staff")
    return event.actor.id === me ? t("thread.me") : (event.actor.name ?? t("thread.colleague"));
  if (event.actor.kind === "assistant") return t("thread.assistant");
  return event.actor.kind === "guest" ? (event.actor.name ?? t("thread.guest")) : t("thread.service");
}

function plain(body: Record<string, unknown>): Values {
  const entries = Object.entries(body).filter((entry): entry is [string, string | number] =>
    ["string", "number"].includes(typeof entry[1]),
  );
  return Object.fromEntries(entries);
}
