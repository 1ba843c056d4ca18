/**
 * The conversation as this page knows it. Pure: frames and the guest's doings go in, a new thread comes out.
 *
 * `seq` is the resume point: everything up to it has been received. Only the server's stream moves it; the
 * receipt of our own message doesn't, since an earlier message of somebody else may still be on its way.
 */
import type { Choice, Message, ServerFrame, Speaker } from "./protocol";

/** A message of the guest that the server hasn't confirmed. `refused` tells why it never will be. */
export interface Pending {
  clientId: string;
  text: string;
  at: string;
  refused?: string;
}

export interface Thread {
  seq: number;
  messages: readonly Message[]; // by seq, each once
  pending: readonly Pending[];
  speaker: Speaker | null; // null: nothing heard yet
  typing: boolean;
  read: number; // the last seq that the guest has seen
}

const NONE: readonly Choice[] = [];

/** Array.prototype.at is missing where guests' phones are old. */
export function last<T>(list: readonly T[]): T | undefined {
  return list[list.length - 1];
}

export const EMPTY: Thread = { seq: 0, messages: [], pending: [], speaker: null, typing: false, read: 0 };

/** Codes of errors that pass by themselves: the message stays pending and is sent again. */
export const PASSING = new Set(["unavailable", "too_many", "internal"]);

export function receive(thread: Thread, frame: ServerFrame): Thread {
  switch (frame.type) {
    case "welcome":
      return welcome(thread, frame);
    case "message":
      return { ...merge(thread, [frame.message]), typing: thread.typing && frame.message.from === "guest" };
    case "sent":
      return confirm(thread, frame);
    case "speaker":
      return { ...thread, speaker: frame.speaker, typing: false };
    case "seq":
      return { ...thread, seq: Math.max(thread.seq, frame.seq) };
    case "typing":
      return { ...thread, typing: frame.on };
    case "error":
      return refuse(thread, frame);
    default:
      return thread;
  }
}

/** The server knows less than we do (it was restored, or the guest was erased): what it has is the truth. */
export function outdated(thread: Thread, frame: ServerFrame): boolean {
  return frame.type === "welcome" && frame.seq < thread.seq;
}

function welcome(thread: Thread, frame: Extract<ServerFrame, { type: "welcome" }>): Thread {
  const known = outdated(thread, frame) ? { ...EMPTY, pending: thread.pending } : thread;
  const merged = merge(known, frame.messages);
  // Cleared threads start at 0 again, so that the next hello asks for everything.
  const seq = outdated(thread, frame) ? 0 : Math.max(merged.seq, frame.seq);
  return { ...merged, seq, speaker: frame.speaker, typing: false };
}

function merge(thread: Thread, incoming: readonly Message[]): Thread {
  const bySeq = new Map(thread.messages.map((message) => [message.seq, message]));
  // The server's copy wins over ours: it has masked numbers that identify somebody.
  for (const message of incoming) bySeq.set(message.seq, message);
  const arrived = new Set(incoming.map((message) => message.client_id));
  return {
    ...thread,
    messages: [...bySeq.values()].sort((a, b) => a.seq - b.seq),
    pending: thread.pending.filter((pending) => !arrived.has(pending.clientId)),
    seq: incoming.reduce((seq, message) => Math.max(seq, message.seq), thread.seq),
  };
}

function confirm(thread: Thread, frame: Extract<ServerFrame, { type: "sent" }>): Thread {
  const mine = thread.pending.find((pending) => pending.clientId === frame.client_id);
  if (!mine) return thread;
  const said: Message = {
    seq: frame.seq,
    from: "guest",
    name: null,
    text: mine.text,
    options: null,
    at: frame.at,
    client_id: mine.clientId,
  };
  const known = thread.messages.some((message) => message.seq === frame.seq);
  return { ...merge(thread, known ? [] : [said]), pending: without(thread, mine.clientId), seq: thread.seq };
}

function refuse(thread: Thread, frame: Extract<ServerFrame, { type: "error" }>): Thread {
  if (!frame.client_id || PASSING.has(frame.code)) return thread;
  return changePending(thread, frame.client_id, (pending) => ({ ...pending, refused: frame.message }));
}

export function queue(thread: Thread, pending: Pending): Thread {
  if (thread.pending.some((known) => known.clientId === pending.clientId)) return thread;
  return { ...thread, pending: [...thread.pending, pending] };
}

/** The guest wants a refused message tried again. */
export function retry(thread: Thread, clientId: string): Thread {
  return changePending(thread, clientId, ({ text, at }) => ({ clientId, text, at }));
}

function changePending(thread: Thread, clientId: string, change: (pending: Pending) => Pending): Thread {
  const pending = thread.pending.map((known) => (known.clientId === clientId ? change(known) : known));
  return { ...thread, pending };
}

function without(thread: Thread, clientId: string): Pending[] {
  return thread.pending.filter((pending) => pending.clientId !== clientId);
}

export function toSend(thread: Thread): Pending[] {
  return thread.pending.filter((pending) => pending.refused === undefined);
}

export function markRead(thread: Thread, upTo: number = latest(thread)): Thread {
  return upTo > thread.read ? { ...thread, read: upTo } : thread;
}

export function latest(thread: Thread): number {
  return last(thread.messages)?.seq ?? 0;
}

/** What others said and the guest hasn't seen. */
export function unread(thread: Thread): Message[] {
  return thread.messages.filter((message) => message.from !== "guest" && message.seq > thread.read);
}

/** The quick replies still open: those of the last message, until the guest says anything. */
export function choices(thread: Thread): readonly Choice[] {
  if (thread.pending.length > 0) return NONE;
  return last(thread.messages)?.options ?? NONE;
}
