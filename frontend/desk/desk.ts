/**
 * One hotel's desk: rows, orders and threads as the service tells them, and what staff do with them.
 * The service decides everything; what is done here ahead of its answer is undone when it says no.
 */
import { computed, inject, reactive, ref, shallowReactive, type InjectionKey } from "vue";

import * as api from "./api";
import { Refusal, Unreachable } from "./api";
import { minute, notBefore, now, setTime } from "./clock";
import { Feed, type Link } from "./feed";
import type { CloseReason, Event, Frame, Hotel, Identity, Order, Person, Reply, Row, Staff, State } from "./model";
import { may } from "./permissions";
import { openPosts } from "./posts";
import { openPromises, type GuestPromise } from "./promises";
import { arrange, byDue, targetsOf, waitsSince } from "./queue";
import { holderName, refusalText } from "./refusals";
import { play } from "./rings";
import { openSending } from "./sending";
import { t } from "./texts";
import { merge, writers } from "./thread";
import * as together from "./together";
import { defer, say } from "./toasts";
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
  const announced = ref("");
  /** Acts that wait for their undo: every list shows them as done, and `cancel` takes them back. */
  const deferred = reactive(new Map<string, { state: State; cancel: () => void }>());
  const finishing = reactive(new Set<string>());
  /** Who writes in the conversation that is open, besides me. */
  const writing = ref<string[]>([]);
  const sending = openSending(hotel.id, me.id, { seq: (id) => threads.get(id)?.seq ?? 0, sent, lost });
  const targets = targetsOf(hotel);
  const approves = may(hotel, "approve");
  const mentions = together.openMentions(ringForNamed);
  const looking = together.openLooking();
  const posts = openPosts(hotel.id, me.id, () => [...rows.values()]);
  const promises = openPromises(hotel.id, me, { complain: (error) => complain(error), ring: ringForPromise });

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
    if (fresh.length > 0) ringFor(fresh[0] as Row, first);
  }

  function takeRow(row: Row): void {
    const before = rows.get(row.id);
    if (before && row.seq < before.seq) return;
    notBefore(row.changed_at);
    if (row.ended_into && row.id !== current.value) return void rows.delete(row.id);
    rows.set(row.id, row);
    keepFromClosing(row, before);
    if (!loaded.value) return;
    if (row.state === "WAITING" && before?.state !== "WAITING") ringFor(row, false);
    else if (approves && (row.drafts?.length ?? 0) > (before?.drafts?.length ?? 0)) ringForDraft(row);
    else if (handedToMe(row, before)) ringForHanded(row);
    else if (before?.snoozed?.by === me.id && !row.snoozed) ringForBack(row);
    else if (heardWord(row, before)) play("word");
    if (takenFromMe(row, before)) say(t("toast.taken_over", { who: nameOf(row), name: row.holder?.name ?? "" }));
  }

  function takenFromMe(row: Row, before: Row | undefined): boolean {
    const given = row.handed_over?.by.id === me.id;
    return before?.holder?.id === me.id && row.state === "STAFF" && row.holder?.id !== me.id && !given;
  }

  /** What I put aside: its time has come, or the guest has written. Taking it back myself says nothing. */
  function ringForBack(row: Row): void {
    if (row.state === "CLOSED" || row.state === "BOT" || taking.delete(row.id)) return;
    play("word");
    announced.value = t("toast.back", { who: nameOf(row) });
    say(announced.value, { shown: 12_000 });
  }

  function ringForNamed(one: together.Mention): void {
    play("word");
    const who = one.guest ? guestName(one.guest) : "";
    announced.value = t("toast.named", { name: one.by.name, who, text: one.text ?? t("promise.erased") });
    say(announced.value, { shown: 12_000 });
  }

  function ringFor(row: Row, quietly: boolean): void {
    play("waiting");
    if (!quietly) announced.value = t("aria.new_waiting", { who: nameOf(row) });
  }

  function ringForDraft(row: Row): void {
    play("order");
    announced.value = t("trial.rings", { who: nameOf(row) });
  }

  function handedToMe(row: Row, before: Row | undefined): boolean {
    const mine = row.state === "STAFF" && row.holder?.id === me.id;
    return mine && Boolean(row.handed_over) && row.handed_over?.at !== before?.handed_over?.at;
  }

  function ringForHanded(row: Row): void {
    const words = { name: row.handed_over?.by.name ?? "", who: nameOf(row) };
    play("waiting");
    announced.value = t("toast.handed_to_me", words);
    const note = row.handed_over?.note;
    say(note ? t("toast.handed_to_me_note", { ...words, note }) : t("toast.handed_to_me", words), { shown: 12_000 });
  }

  function ringForPromise(one: GuestPromise): void {
    const late = Date.parse(one.due_at) <= now.value;
    play("waiting");
    announced.value = t(late ? "promise.rings_late" : "promise.rings", {
      words: one.words ?? t("promise.erased"),
      who: guestName(one.guest),
    });
    say(announced.value, { shown: 12_000 });
  }

  function heardWord(row: Row, before: Row | undefined): boolean {
    const mine = row.state === "STAFF" && row.holder?.id === me.id;
    const spoke = row.last?.speaker === "guest" && row.last.at !== before?.last?.at;
    return mine && spoke && (row.id !== current.value || document.visibilityState === "hidden");
  }

  /** The guest spoke while the closing could still be undone: then it isn't over. */
  function keepFromClosing(row: Row, before: Row | undefined): void {
    const waits = deferred.get(row.id);
    if (waits?.state !== "CLOSED" || row.last?.speaker !== "guest" || row.last.at === before?.last?.at) return;
    waits.cancel();
    say(t("toast.close_kept", { who: nameOf(row) }));
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

  // ---- what staff do

  /** Tells in words what went wrong with an act. */
  function complain(error: unknown, id?: string): void {
    if (error instanceof Unreachable) say(t("toast.offline"), { tone: "bad" });
    else if (error instanceof Refusal) say(refusalText(error), { tone: "bad" });
    else throw error;
    if (id && error instanceof Refusal) void load(id);
  }

  async function act<T extends { conversation?: Row }>(id: string, run: () => Promise<T>): Promise<boolean> {
    try {
      const answer = await run();
      takeRowQuietly(answer.conversation);
      return true;
    } catch (error) {
      complain(error, id);
      return false;
    }
  }

  /** Not undone by a release: that would speak to the guest and lose the place in the queue. */
  async function claim(id: string): Promise<void> {
    takeBack(id);
    const done = await act(id, () => api.claim(hotel.id, id));
    const row = rows.get(id);
    if (done && row) say(t("toast.claimed", { who: nameOf(row) }), { shown: 3000 });
  }

  const taking = new Set<string>();

  async function snooze(id: string, until: string | null): Promise<boolean> {
    const row = rows.get(id);
    const done = await act(id, () => together.snooze(hotel.id, id, until));
    if (done && row) say(t("toast.snoozed", { who: nameOf(row) }), { undo: () => void wake(id) });
    return done;
  }

  async function wake(id: string): Promise<void> {
    taking.add(id);
    await act(id, () => together.wake(hotel.id, id));
  }

  /** Whoever had it is told; they have been asked about only where somebody had the time. */
  async function takeOver(id: string, from: Person): Promise<void> {
    const row = rows.get(id);
    const done = await act(id, () => together.takeOver(hotel.id, id, from.id));
    if (done && row) say(t("toast.taken", { who: nameOf(row), name: from.name }));
  }

  /** The colleague is rung at once, so there is no undo: they can hand it back. */
  async function transfer(id: string, to: Person, note: string, client: string): Promise<boolean> {
    takeBack(id);
    const row = rows.get(id);
    const done = await act(id, () => api.transfer(hotel.id, id, to.id, note, client));
    if (done && row) say(t("toast.transferred", { who: nameOf(row), name: to.name }));
    return done;
  }

  /** The guest hears of it, so it waits for its undo. */
  function release(id: string): void {
    const row = rows.get(id);
    if (!row || deferred.has(id)) return;
    const words = t("toast.released", { who: nameOf(row) });
    later(id, "BOT", words, (leaving) => act(id, () => api.release(hotel.id, id, leaving)));
  }

  function close(id: string, reason: CloseReason, note: string): void {
    const row = rows.get(id);
    if (!row) return;
    takeBack(id);
    const words = t("toast.closed", { who: nameOf(row) });
    later(id, "CLOSED", words, (leaving) => act(id, () => api.close(hotel.id, id, reason, note, leaving)));
  }

  function later(id: string, state: State, words: string, run: (leaving: boolean) => Promise<unknown>): void {
    const over = (): void => void deferred.delete(id);
    const cancel = defer(words, (leaving) => void run(leaving).then(over), over);
    deferred.set(id, { state, cancel });
  }

  /** Whoever goes on with a conversation doesn't want to be rid of it. */
  function takeBack(id: string): void {
    deferred.get(id)?.cancel();
  }

  /** Two guests become one; the conversation that goes on, or null. */
  async function linkGuest(id: string, other: Row): Promise<string | null> {
    const row = rows.get(id);
    if (!row) return null;
    try {
      const { conversation } = await api.link(hotel.id, row.guest.id, other.guest.id);
      await Promise.all([id, other.id].map((one) => threads.has(one) && load(one, true)));
      rows.delete(conversation === id ? other.id : id);
      say(t("toast.linked"));
      return conversation;
    } catch (error) {
      complain(error, id);
      return null;
    }
  }

  async function unlink(id: string, identity: string): Promise<void> {
    try {
      await api.unlink(hotel.id, identity);
      await load(id, true);
      say(t("toast.unlinked"));
    } catch (error) {
      complain(error, id);
    }
  }

  function finish(order: Order): void {
    const called = order.service === "wake_up_call";
    const words = called
      ? t("toast.called", { room: order.room ?? order.service_name })
      : t("toast.order_done", { what: order.what || order.service_name });
    finishing.add(order.id);
    defer(
      words,
      (leaving) => void finishNow(order, leaving),
      () => finishing.delete(order.id),
    );
  }

  async function finishNow(order: Order, leaving: boolean): Promise<void> {
    try {
      const answer = await api.finishOrder(hotel.id, order.id, leaving);
      const known = orders.get(order.id) ?? order;
      orders.set(order.id, answer.order ?? { ...known, state: "done", done_at: new Date(now.value).toISOString() });
    } catch (error) {
      complain(error);
    } finally {
      finishing.delete(order.id);
    }
  }

  async function own(order: Order, owner: string | null): Promise<void> {
    try {
      const answer = await api.takeOrder(hotel.id, order.id, owner);
      if (answer.order) orders.set(order.id, answer.order);
    } catch (error) {
      complain(error);
    }
  }

  async function acknowledge(id: string): Promise<void> {
    const row = rows.get(id);
    const done = await act(id, () => api.acknowledge(hotel.id, id));
    if (!done) return;
    if (row && rows.get(id)?.alarm_since) rows.set(id, { ...row, alarm_since: null });
    say(t(row?.alarm_since ? "alarm.acked" : "seen.done"));
  }

  async function resend(id: string, seq: number): Promise<void> {
    try {
      await api.resend(hotel.id, id, seq);
      say(t("toast.resent"));
      await load(id);
    } catch (error) {
      complain(error, id);
    }
  }

  // ---- writing

  function send(
    id: string,
    kind: "reply" | "note" | "whisper",
    text: string,
    identity: string | null = null,
    mentions: string[] = [],
  ): Promise<boolean> {
    if (kind === "reply") takeBack(id);
    return sending.send(id, kind, text, identity, mentions);
  }

  function sendFile(id: string, file: File, identity: string | null): Promise<boolean> {
    takeBack(id);
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
      complain(error);
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
    announced,
    writing,
    deferred,
    finishing,
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
    claim,
    release,
    close,
    transfer,
    snooze,
    wake,
    takeOver,
    mentions,
    looking,
    linkGuest,
    unlink,
    typing,
    finish,
    own,
    acknowledge,
    resend,
    send,
    sendFile,
    refetch: again,
    again: sending.again,
    discard: sending.discard,
    ordersOf,
    firstDue,
    complain,
  };
}

function firstUnread(row: Row, events: Event[]): number | null {
  if (row.unread <= 0) return null;
  const said = events.filter((event) => event.type === "guest_said");
  const first = said[Math.max(0, said.length - row.unread)];
  return first ? first.seq - 1 : null;
}
