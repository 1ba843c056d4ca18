/**
 * What staff do with conversations, orders and guests. The service decides; an act that a guest would hear of
 * waits for its undo, and every list shows it as done meanwhile.
 */
import { reactive } from "vue";

import * as api from "./api";
import { Refusal, Unreachable } from "./api";
import { now } from "./clock";
import type { CloseReason, Order, Person, Row, State } from "./model";
import { refusalText } from "./refusals";
import { t } from "./texts";
import { defer, say } from "./toasts";
import * as together from "./together";
import { guestName } from "./words";

/** What the desk knows, and how it learns more. */
interface Known {
  rows: Map<string, Row>;
  orders: Map<string, Order>;
  load: (id: string, whole?: boolean) => Promise<void>;
  isLoaded: (id: string) => boolean;
  takeRow: (row: Row | undefined) => void;
}

export function openActs(hotel: string, desk: Known) {
  /** Acts that wait for their undo: every list shows them as done, and `cancel` takes them back. */
  const deferred = reactive(new Map<string, { state: State; cancel: () => void }>());
  const finishing = reactive(new Set<string>());
  const taking = new Set<string>();

  /** Tells in words what went wrong with an act. */
  function complain(error: unknown, id?: string): void {
    if (error instanceof Unreachable) say(t("toast.offline"), { tone: "bad" });
    else if (error instanceof Refusal) say(refusalText(error), { tone: "bad" });
    else throw error;
    if (id && error instanceof Refusal) void desk.load(id);
  }

  async function act<T extends { conversation?: Row }>(id: string, run: () => Promise<T>): Promise<boolean> {
    try {
      const answer = await run();
      desk.takeRow(answer.conversation);
      return true;
    } catch (error) {
      complain(error, id);
      return false;
    }
  }

  /** Not undone by a release: that would speak to the guest and lose the place in the queue. */
  async function claim(id: string): Promise<void> {
    takeBack(id);
    const done = await act(id, () => api.claim(hotel, id));
    const row = desk.rows.get(id);
    if (done && row) say(t("toast.claimed", { who: guestName(row.guest) }), { shown: 3000 });
  }

  async function snooze(id: string, until: string | null): Promise<boolean> {
    const row = desk.rows.get(id);
    const done = await act(id, () => together.snooze(hotel, id, until));
    if (done && row) say(t("toast.snoozed", { who: guestName(row.guest) }), { undo: () => void wake(id) });
    return done;
  }

  async function wake(id: string): Promise<void> {
    taking.add(id);
    await act(id, () => together.wake(hotel, id));
  }

  /** Whoever had it is told; they have been asked about only where somebody had the time. */
  async function takeOver(id: string, from: Person): Promise<void> {
    const row = desk.rows.get(id);
    const done = await act(id, () => together.takeOver(hotel, id, from.id));
    if (done && row) say(t("toast.taken", { who: guestName(row.guest), name: from.name }));
  }

  /** The colleague is rung at once, so there is no undo: they can hand it back. */
  async function transfer(id: string, to: Person, note: string, client: string): Promise<boolean> {
    takeBack(id);
    const row = desk.rows.get(id);
    const done = await act(id, () => api.transfer(hotel, id, to.id, note, client));
    if (done && row) say(t("toast.transferred", { who: guestName(row.guest), name: to.name }));
    return done;
  }

  /** The guest hears of it, so it waits for its undo. */
  function release(id: string): void {
    const row = desk.rows.get(id);
    if (!row || deferred.has(id)) return;
    const words = t("toast.released", { who: guestName(row.guest) });
    later(id, "BOT", words, (leaving) => act(id, () => api.release(hotel, id, leaving)));
  }

  function close(id: string, reason: CloseReason, note: string): void {
    const row = desk.rows.get(id);
    if (!row) return;
    takeBack(id);
    const words = t("toast.closed", { who: guestName(row.guest) });
    later(id, "CLOSED", words, (leaving) => act(id, () => api.close(hotel, id, reason, note, leaving)));
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
    const row = desk.rows.get(id);
    if (!row) return null;
    try {
      const { conversation } = await api.link(hotel, row.guest.id, other.guest.id);
      await Promise.all([id, other.id].map((one) => desk.isLoaded(one) && desk.load(one, true)));
      desk.rows.delete(conversation === id ? other.id : id);
      say(t("toast.linked"));
      return conversation;
    } catch (error) {
      complain(error, id);
      return null;
    }
  }

  async function unlink(id: string, identity: string): Promise<void> {
    try {
      await api.unlink(hotel, identity);
      await desk.load(id, true);
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
      const answer = await api.finishOrder(hotel, order.id, leaving);
      const known = desk.orders.get(order.id) ?? order;
      desk.orders.set(
        order.id,
        answer.order ?? { ...known, state: "done", done_at: new Date(now.value).toISOString() },
      );
    } catch (error) {
      complain(error);
    } finally {
      finishing.delete(order.id);
    }
  }

  async function own(order: Order, owner: string | null): Promise<void> {
    try {
      const answer = await api.takeOrder(hotel, order.id, owner);
      if (answer.order) desk.orders.set(order.id, answer.order);
    } catch (error) {
      complain(error);
    }
  }

  async function acknowledge(id: string): Promise<void> {
    const row = desk.rows.get(id);
    const done = await act(id, () => api.acknowledge(hotel, id));
    if (!done) return;
    if (row && desk.rows.get(id)?.alarm_since) desk.rows.set(id, { ...row, alarm_since: null });
    say(t(row?.alarm_since ? "alarm.acked" : "seen.done"));
  }

  async function resend(id: string, seq: number): Promise<void> {
    try {
      await api.resend(hotel, id, seq);
      say(t("toast.resent"));
      await desk.load(id);
    } catch (error) {
      complain(error, id);
    }
  }

  /** The guest spoke while the closing could still be undone: then it isn't over. */
  function keepFromClosing(row: Row, before: Row | undefined): void {
    const waits = deferred.get(row.id);
    if (waits?.state !== "CLOSED" || row.last?.speaker !== "guest" || row.last.at === before?.last?.at) return;
    waits.cancel();
    say(t("toast.close_kept", { who: guestName(row.guest) }));
  }

  /** Whether I took it back myself, which is told once. */
  const wokenByMe = (id: string): boolean => taking.delete(id);

  return {
    deferred,
    finishing,
    complain,
    claim,
    release,
    close,
    transfer,
    snooze,
    wake,
    wokenByMe,
    takeOver,
    takeBack,
    keepFromClosing,
    linkGuest,
    unlink,
    finish,
    own,
    acknowledge,
    resend,
  };
}
