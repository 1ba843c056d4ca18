/**
 * The conversation as this page knows it. Pure: frames and the guest's doings go in, a new thread comes out.
 *
 * `seq` is the resume point: everything up to it has been received. Only the server's stream moves it; the
 * receipt of our own message doesn't, since an earlier message of somebody else may still be on its way.
 */
import type { Choice, Kept, Message, ServerFrame, Speaker } from "./protocol";

/** A message of the guest that the server hasn't confirmed. `refused` tells why it never will be. */
export interface Pending {
  clientId: string;
  text: string;
  at: string;
  refused?: string;
  file?: Kept; // its address is this page's own, and empty once the page is gone
}

export interface Thread {
  conversation: string | null; // seqs are of this one
  seq: number;
  messages: readonly Message[]; // by seq, each once
  pending: readonly Pending[];
  speaker: Speaker | null; // null: nothing heard yet
  typing: boolean;
  read: string; // when the last message was said that the guest has seen
}

const NONE: readonly Choice[] = [];

/** Array.prototype.at is missing where guests' phones are old. */
export function last<T>(list: readonly T[]): T | undefined {
  return list[list.length - 1];
}

export const EMPTY: Thread = {
  conversation: null,
  seq: 0,
  messages: [],
  pending: [],
  speaker: null,
  typing: false,
  read: "",
};

/** Codes of errors that pass by themselves: the message stays pending and is sent again. */
export const PASSING = new Set(["unavailable", "too_many", "internal"]);

export function receive(thread: Thread, frame: ServerFrame): Thread {
  switch (frame.type) {
    case "welcome":
      return welcome(thread, frame);
    case "message":
      return said(thread, frame.message);
    case "sent":
      return confirm(thread, frame);
    case "speaker":
      return { ...thread, speaker: frame.speaker, typing: false };
    case "seq":
      return { ...thread, ...resume(thread, frame.seq, frame.conversation) };
    case "typing":
      return { ...thread, typing: frame.on };
    case "error":
      return refuse(thread, frame);
    default:
      return thread;
  }
}

function resume(thread: Thread, seq: number, conversation = thread.conversation): Pick<Thread, "seq" | "conversation"> {
  return { seq: Math.max(thread.seq, seq), conversation };
}

function said(thread: Thread, message: Message): Thread {
  const merged = merge(thread, [message]);
  const typing = thread.typing && message.from === "guest";
  const conversation = message.id?.split(":")[0] ?? thread.conversation;
  return { ...merged, conversation, seq: Math.max(thread.seq, message.seq), typing };
}

/** `reset`: what the server has is all there is. The conversation is another one, or its guest was erased. */
function welcome(thread: Thread, frame: Extract<ServerFrame, { type: "welcome" }>): Thread {
  const known = frame.reset ? { ...EMPTY, pending: thread.pending, read: thread.read } : thread;
  const merged = merge(known, frame.messages);
  const conversation = frame.conversation ?? merged.conversation;
  const { speaker, typing = false } = frame;
  return { ...merged, conversation, seq: Math.max(known.seq, frame.seq), speaker, typing };
}

function merge(thread: Thread, incoming: readonly Message[]): Thread {
  const arrived = new Set(incoming.map((message) => message.client_id).filter(Boolean));
  const mine = thread.messages.filter(({ client_id }) => !client_id || !arrived.has(client_id));
  const byId = new Map(mine.map((message) => [idOf(message), message]));
  // The server's copy wins over ours: it has masked numbers that identify somebody.
  for (const message of incoming) byId.set(idOf(message), message);
  return {
    ...thread,
    messages: [...byId.values()].sort((a, b) => compare(a.at, b.at) || a.seq - b.seq),
    pending: thread.pending.filter((pending) => !arrived.has(pending.clientId)),
  };
}

/** Unique also where two conversations have become one. */
function idOf(message: Message): string {
  return message.id ?? String(message.seq);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function confirm(thread: Thread, frame: Extract<ServerFrame, { type: "sent" }>): Thread {
  const mine = thread.pending.find((pending) => pending.clientId === frame.client_id);
  if (!mine) return thread;
  const said: Message = {
    id: frame.id,
    seq: frame.seq,
    from: "guest",
    name: null,
    text: mine.text,
    options: null,
    file: mine.file,
    at: frame.at,
    client_id: mine.clientId,
  };
  const known = thread.messages.some((message) => message.client_id === mine.clientId);
  return { ...merge(thread, known ? [] : [said]), pending: without(thread, mine.clientId) };
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
  return changePending(thread, clientId, ({ text, at, file }) => ({ clientId, text, at, file }));
}

/** The guest gives a message up. */
export function drop(thread: Thread, clientId: string): Thread {
  return { ...thread, pending: without(thread, clientId) };
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

export function markRead(thread: Thread, upTo: string = latest(thread)): Thread {
  return upTo > thread.read ? { ...thread, read: upTo } : thread;
}

/** When the newest message was said. */
export function latest(thread: Thread): string {
  return last(thread.messages)?.at ?? "";
}

/** What others said and the guest hasn't seen. */
export function unread(thread: Thread): Message[] {
  return thread.messages.filter((message) => message.from !== "guest" && message.at > thread.read);
}

/** The quick replies still open: those of the last message, until the guest says anything. */
export function choices(thread: Thread): readonly Choice[] {
  if (thread.pending.length > 0) return NONE;
  return last(thread.messages)?.options ?? NONE;
}
