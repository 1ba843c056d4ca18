/**
 * One hotel's desk: rows, orders and threads as the service tells them. What staff do with them stands in
 * acts, what they write in sending, what rings in announcing.
 */
import { computed, inject, ref, shallowReactive, type InjectionKey } from "vue";

import { openActs } from "./acts";
import { openAnnouncing } from "./announcing";
import * as api from "./api";
import { Refusal } from "./api";
import { minute, notBefore, now, setTime } from "./clock";
import { Feed, type Link } from "./feed";
import type { Event, Frame, Hotel, Identity, Order, Reply, Row, Staff } from "./model";
import { may } from "./permissions";
import { openPosts } from "./posts";
import { openPromises } from "./promises";
import { arrange, byDue, targetsOf, waitsSince } from "./queue";
import { holderName, refusalText } from "./refusals";
import { play } from "./rings";
import { openSending } from "./sending";
import { t } from "./texts";
import { merge, writers } from "./thread";
import * as together from "./together";
import { say } from "./toasts";
import { guestName } from "./words";

export interface Thread {
  id: string;
  events: Event[];
  /** Of conversations that go on in this one. */
  earlier: Event[];
  seq: number;
  reply: Reply | null;
  identities: Identity[];
  /** The conversation in which this one has ended. */
  endedInto: string | null;
  phase: "loading" | "ready" | "failed" | "gone";
  /** Up to here everything had been read when it was opened; null when nothing was new. */
  unreadAfter: number | null;
}

const LIMIT_EVENTS = /^(guest_|identity_|transferred|staff_said|assistant_said|channel_event|delivery_|resend)/;
/** After these a conversation holds what others held, or no longer does. */
const MERGES = new Set(["identity_linked", "identity_unlinked", "ended"]);
const TYPING_EVERY = 3000;
const KEPT_THREADS = 30;
const MOVING = new Set(["queued", "sending"]);
const LOOK_EVERY = 5000;

export type Desk = ReturnType<typeof openDesk>;
export const DESK: InjectionKey<Desk> = Symbol("desk");

export function useDesk(): Desk {
  const desk = inject(DESK);
  if (!desk) throw new Error("no desk above this component");
  return desk;
}

export function nameOf(row: Pick<Row, "guest">): string {
  return guestName(row.guest);
}

export function openDesk(hotel: Hotel, me: Staff) {
  const rows = shallowReactive(new Map<string, Row>());
  const orders = shallowReactive(new Map<string, Order>());
  const threads = shallowReactive(new Map<string, Thread>());
  const link = ref<Link>("connecting");
  const loaded = ref(false);
  const current = ref<string | null>(null);
  /** Who writes in the conversation that is open, besides me. */
  const writing = ref<string[]>([]);
  const sending = openSending(hotel.id, me.id, { seq: (id) => threads.get(id)?.seq ?? 0, sent, lost });
  const targets = targetsOf(hotel);
  const approves = may(hotel, "approve");
  const acts = openActs(hotel.id, { rows, orders, load, isLoaded: (id) => threads.has(id), takeRow: takeRowQuietly });
  const { deferred, finishing } = acts;
  const announcing = openAnnouncing(me, approves, {
    isOpen: (id) => id === current.value,
    wokenByMe: acts.wokenByMe,
  });
  const mentions = together.openMentions(announcing.named);
  const looking = together.openLooking();
  const posts = openPosts(hotel.id, me.id, () => [...rows.values()]);
  const promises = openPromises(hotel.id, me, { complain: acts.complain, ring: announcing.promise });

  const url = new URL(`/desk/v1/hotels/${encodeURIComponent(hotel.id)}/feed`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const feed = new Feed(
    url.href,
    {
      open: (address) => new WebSocket(address),
      poll: (cursor, follow, signal) => api.poll(hotel.id, cursor, follow, signal),
    },
    hear,
    (next) => {
      link.value = next;
      if (next === "live") return;
      writing.value = [];
      looking.take({});
    },
  );

  // ---- what the service tells

  function hear(frame: Frame): void {
    setTime(frame.now);
    switch (frame.type) {
      case "snapshot":
        promises.snapshot(frame.promises ?? []);
        posts.take(frame.posts);
        if (!posts.used.value) void posts.load();
        return takeSnapshot(frame.conversations, frame.orders);
      case "conversation":
        return takeRow(frame.conversation);
      case "events":
        return takeEvents(frame.conversation, frame.events);
      case "order":
        return takeOrder(frame.order);
      case "posts":
        return posts.take(frame.posts);
      case "promise":
        return promises.take(frame.promise);
      case "mentions":
        return mentions.take(frame.mentions);
      case "looking":
        return looking.take(frame.looking);
      case "typing":
        if (frame.conversation === current.value) writing.value = writers(frame.who, me.id);
    }
  }

  function takeSnapshot(all: Row[], allOrders: Order[]): void {
    const first = !loaded.value;
    const before = new Map(rows);
    const present = new Set(all.map((row) => row.id));
    // What the snapshot leaves out is over, or was only found by searching.
    for (const [id, row] of before)
      if (!present.has(id) && row.state !== "CLOSED" && id !== current.value) rows.delete(id);
    all.forEach((row) => rows.set(row.id, row));
    for (const [id, order] of orders) if (order.state === "open" || order.state === "ringing") orders.delete(id);
    allOrders.forEach((order) => orders.set(order.id, order));
    loaded.value = true;
    const fresh = all.filter((row) => row.state === "WAITING" && before.get(row.id)?.state !== "WAITING");
    if (fresh.length > 0) announcing.waiting(fresh[0] as Row, first);
  }

  function takeRow(row: Row): void {
    const before = rows.get(row.id);
    if (before && row.seq < before.seq) return;
    notBefore(row.changed_at);
    if (row.ended_into && row.id !== current.value) return void rows.delete(row.id);
    rows.set(row.id, row);
    acts.keepFromClosing(row, before);
    if (loaded.value) announcing.changed(row, before);
  }

  function takeOrder(order: Order): void {
    const before = orders.get(order.id);
    orders.set(order.id, order);
    if (loaded.value && order.state === "open" && !before) play("order");
  }

  function takeEvents(id: string, arrived: Event[]): void {
    const thread = threads.get(id);
    if (!thread || arrived.length === 0) return;
    thread.events = merge(thread.events, arrived);
    thread.seq = Math.max(thread.seq, ...arrived.map((event) => event.seq));
    sending.settle(id, thread.events);
    if (arrived.some((event) => MERGES.has(event.type))) void load(id, true);
    else if (id === current.value && arrived.some((event) => LIMIT_EVENTS.test(event.type))) refreshSoon(id);
  }

  // ---- threads

  async function open(id: string): Promise<void> {
    if (current.value && current.value !== id) leave(current.value);
    if (current.value !== id) writing.value = [];
    current.value = id;
    await load(id);
  }

  function shut(): void {
    if (current.value) leave(current.value);
    current.value = null;
    writing.value = [];
  }

  function leave(id: string): void {
    feed.unfollow(id);
    if (rows.get(id)?.ended_into) rows.delete(id);
  }

  let told = { id: "", at: 0 };
  /** The guest is shown that somebody writes, while somebody does. */
  function typing(id: string): void {
    const at = Date.now();
    if (told.id === id && at - told.at < TYPING_EVERY) return;
    told = { id, at };
    feed.typing(id);
  }

  function threadOf(id: string): Thread {
    const known = threads.get(id);
    if (known) return known;
    const fresh = shallowReactive<Thread>({
      id,
      events: [],
      earlier: [],
      seq: 0,
      reply: null,
      identities: [],
      endedInto: null,
      phase: "loading",
      unreadAfter: null,
    });
    threads.set(id, fresh);
    const oldest = [...threads.keys()].find((key) => key !== id && key !== current.value);
    if (threads.size > KEPT_THREADS && oldest) threads.delete(oldest);
    return fresh;
  }

  /** `whole`: also what was said in other conversations of the guest's. */
  async function load(id: string, whole = false): Promise<void> {
    const thread = threadOf(id);
    if (thread.phase === "failed") thread.phase = "loading";
    try {
      const after = whole ? 0 : unsettledFrom(thread);
      const answer = await api.readConversation(hotel.id, id, after);
      if (thread.phase !== "ready") thread.unreadAfter = firstUnread(answer.conversation, answer.events);
      absorb(thread, answer);
      if (after === 0) thread.earlier = answer.earlier ?? [];
      thread.phase = "ready";
      if (id === current.value) feed.follow(id, thread.seq);
    } catch (error) {
      if (thread.phase === "ready") return;
      thread.phase = error instanceof Refusal && [403, 404].includes(error.status) ? "gone" : "failed";
    }
  }

  function absorb(thread: Thread, answer: Awaited<ReturnType<typeof api.readConversation>>): void {
    thread.events = merge(thread.events, answer.events);
    thread.seq = Math.max(thread.seq, answer.seq, ...answer.events.map((event) => event.seq));
    thread.reply = answer.reply;
    thread.identities = answer.identities ?? [];
    thread.endedInto = answer.ended_into ?? null;
    takeRowQuietly(answer.conversation);
    answer.orders.forEach((order) => orders.set(order.id, order));
    promises.takeAll(answer.promises);
    sending.settle(thread.id, thread.events);
  }

  function takeRowQuietly(row: Row | undefined): void {
    const listed = row && (!row.ended_into || row.id === current.value);
    if (listed && row.seq >= (rows.get(row.id)?.seq ?? 0)) rows.set(row.id, row);
  }

  let refreshing: ReturnType<typeof setTimeout> | undefined;
  function refreshSoon(id: string): void {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => id === current.value && void load(id), 250);
  }

  /** Where reading must begin to learn how our latest messages fared: some channels tell no event of it. */
  function unsettledFrom(thread: Thread): number {
    const moving = thread.events.slice(-40).find((e) => e.delivery && MOVING.has(e.delivery.state));
    return moving ? Math.min(moving.seq - 1, thread.seq) : thread.seq;
  }

  function lookAtDeliveries(): void {
    const thread = current.value ? threads.get(current.value) : undefined;
    if (thread?.phase !== "ready" || document.visibilityState !== "visible") return;
    if (unsettledFrom(thread) < thread.seq) void load(thread.id);
  }

  const reads = new Map<string, number>();
  function markRead(id: string): void {
    const thread = threads.get(id);
    const row = rows.get(id);
    if (!thread || thread.phase !== "ready" || (reads.get(id) ?? 0) >= thread.seq) return;
    reads.set(id, thread.seq);
    if (row?.unread) rows.set(id, { ...row, unread: 0 });
    api.markRead(hotel.id, id, thread.seq).catch(() => reads.delete(id));
  }

  // ---- writing

  function send(
    id: string,
    kind: "reply" | "note" | "whisper",
    text: string,
    identity: string | null = null,
    mentions: string[] = [],
  ): Promise<boolean> {
    if (kind === "reply") acts.takeBack(id);
    return sending.send(id, kind, text, identity, mentions);
  }

  function sendFile(id: string, file: File, identity: string | null): Promise<boolean> {
    acts.takeBack(id);
    return sending.sendFile(id, file, identity);
  }

  /** Reads one event again: the address of its file has run out. */
  async function again(id: string, seq: number): Promise<void> {
    const thread = threads.get(id);
    if (!thread) return;
    try {
      const { events } = await api.readConversation(hotel.id, id, seq - 1);
      thread.events = merge(thread.events, events);
    } catch (error) {
      acts.complain(error);
    }
  }

  /** The answer shows one event of perhaps several, so it doesn't say up to where the thread is known. */
  function sent(id: string, answer: api.Said): void {
    takeRowQuietly(answer.conversation);
    const thread = threads.get(id);
    if (thread && answer.event) thread.events = merge(thread.events, [answer.event]);
  }

  function lost(id: string, error: Refusal): void {
    const name = holderName(error.detail.holder);
    say(name ? t("toast.held_draft", { name }) : refusalText(error), { tone: "bad" });
    void load(id);
  }

  // ---- the screens' view

  const shownRows = computed(() =>
    [...rows.values()].map((row): Row => {
      const waits = deferred.get(row.id);
      const owed = promises.lateFor(row.guest.id, minute.value);
      const review = approves && Boolean(row.drafts?.length);
      const named = mentions.first.value.get(row.id);
      if (!waits && !owed && !review && !named) return row;
      const marks = { owed, named, ...(review ? { review } : {}) };
      return { ...row, ...marks, ...(waits ? { state: waits.state, holder: null } : {}) };
    }),
  );
  const alarms = computed(() =>
    shownRows.value
      .filter((row) => row.alarm_since)
      .sort((a, b) => (a.alarm_since ?? "").localeCompare(b.alarm_since ?? "")),
  );
  const waiting = computed(() => shownRows.value.filter((row) => row.state === "WAITING"));
  const held = computed(() => shownRows.value.filter((row) => row.state === "STAFF" && row.holder?.id === me.id));
  const liveOrders = computed(() =>
    [...orders.values()]
      .filter((order) => (order.state === "open" || order.state === "ringing") && !finishing.has(order.id))
      .sort(byDue),
  );
  const ringing = computed(() => liveOrders.value.filter((order) => order.state === "ringing"));

  function ordersOf(id: string): Order[] {
    return [...orders.values()].filter((order) => order.conversation === id).sort(byDue);
  }

  /** The row that needs me first, besides the one that is open. */
  function firstDue(): Row | null {
    const bundles = arrange(shownRows.value, me.id, now.value, targets);
    const all = bundles
      .filter((bundle) => ["alarm", "overdue", "review", "waiting", "named", "mine"].includes(bundle.group))
      .flatMap((bundle) => bundle.rows);
    const due = all.filter(
      (row) => row.state === "WAITING" || row.alarm_since || row.owed || row.review || row.named || waitsSince(row),
    );
    return due.find((row) => row.id !== current.value) ?? due[0] ?? null;
  }

  let checking: ReturnType<typeof setInterval> | undefined;

  function start(): void {
    feed.start();
    checking = setInterval(lookAtDeliveries, LOOK_EVERY);
    window.addEventListener("online", hurry);
    window.addEventListener("offline", hurry);
    document.addEventListener("visibilitychange", onVisible);
  }

  function stop(): void {
    sending.stop();
    feed.stop();
    clearInterval(checking);
    window.removeEventListener("online", hurry);
    window.removeEventListener("offline", hurry);
    document.removeEventListener("visibilitychange", onVisible);
  }

  const hurry = (): void => feed.hurry();
  const onVisible = (): void => {
    if (document.visibilityState === "visible") feed.hurry();
  };

  return {
    ...acts,
    hotel,
    me,
    targets,
    rows,
    shownRows,
    orders,
    promises,
    posts,
    threads,
    link,
    loaded,
    current,
    announced: announcing.announced,
    writing,
    unsent: sending.unsent,
    returned: sending.returned,
    alarms,
    waiting,
    held,
    liveOrders,
    ringing,
    start,
    stop,
    hurry,
    open,
    shut,
    load,
    takeRowQuietly,
    takeNoted: sent,
    markRead,
    mentions,
    looking,
    typing,
    send,
    sendFile,
    refetch: again,
    again: sending.again,
    discard: sending.discard,
    ordersOf,
    firstDue,
  };
}

function firstUnread(row: Row, events: Event[]): number | null {
  if (row.unread <= 0) return null;
  const said = events.filter((event) => event.type === "guest_said");
  const first = said[Math.max(0, said.length - row.unread)];
  return first ? first.seq - 1 : null;
}
