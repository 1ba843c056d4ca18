/**
 * What staff wrote on its way to the service: shown at once, sent in the order it was written, tried until
 * the service answers, kept over a reload. The client id makes asking again safe.
 */
import { markRaw, reactive, shallowRef } from "vue";

import * as api from "./api";
import { Refusal, Unreachable } from "./api";
import { backoff } from "./backoff";
import { now } from "./clock";
import type { Event } from "./model";
import { refusalText } from "./refusals";
import { recall, remember } from "./storage";
import { t } from "./texts";
import { confirmed, type Unsent } from "./thread";

const LONGEST_WAIT = 8000;
const TRIES = 4;

export interface Port {
  /** The seq up to which a conversation is known. */
  seq(id: string): number;
  sent(id: string, answer: api.Said): void;
  /** Somebody else was faster: nothing went out. */
  lost(id: string, error: Refusal): void;
}

export interface Returned {
  id: string;
  text: string;
  kind: "reply" | "note" | "whisper";
}

export function openSending(hotel: string, me: string, port: Port) {
  const key = `unsent:${me}:${hotel}`;
  const unsent = reactive(new Map<string, Unsent[]>(left(key)));
  /** Words that come back to the box they were written in. */
  const returned = shallowRef<Returned | null>(null);
  const lines = new Map<string, Promise<unknown>>();
  let stopped = false;

  const of = (id: string): Unsent[] => unsent.get(id) ?? [];

  function keep(id: string, list: Unsent[]): void {
    unsent.set(id, list);
    store();
  }

  function store(): void {
    const words = ([id, list]: [string, Unsent[]]): [string, Unsent[]] => [
      id,
      list.filter((one) => one.kind !== "file"),
    ];
    const all = [...unsent].map(words).filter(([, list]) => list.length > 0);
    remember(key, all.length > 0 ? all : null);
  }

  /** Forgets what the events show to have arrived. */
  function settle(id: string, events: Event[]): void {
    const waiting = of(id).filter((message) => !confirmed(message, events, me));
    if (waiting.length < of(id).length) keep(id, waiting);
  }

  function discard(id: string, client: string): void {
    keep(
      id,
      of(id).filter((message) => message.client_id !== client),
    );
  }

  /** Sends a reply or a note; the answer tells whether it went out in the end. */
  function send(
    id: string,
    kind: Unsent["kind"],
    text: string,
    identity: string | null = null,
    mentions: string[] = [],
  ): Promise<boolean> {
    return begin(id, { kind, text, identity, mentions });
  }

  /** Files lie in this page only: a reload forgets those that were on their way. */
  function sendFile(id: string, file: File, identity: string | null): Promise<boolean> {
    return begin(id, { kind: "file", text: file.name, identity, file: markRaw(file) });
  }

  function begin(id: string, what: Pick<Unsent, "kind" | "text" | "identity" | "mentions" | "file">): Promise<boolean> {
    const at = new Date(now.value).toISOString();
    const after = port.seq(id);
    const message = reactive<Unsent>({ ...what, client_id: newId(), at, after, state: "sending", why: "" });
    keep(id, [...of(id), message]);
    return enqueue(id, message);
  }

  function enqueue(id: string, message: Unsent): Promise<boolean> {
    const sent = (lines.get(id) ?? Promise.resolve()).then(() => attempt(id, message));
    lines.set(id, sent);
    return sent;
  }

  function again(id: string, message: Unsent): void {
    message.state = "sending";
    message.why = "";
    void enqueue(id, message);
  }

  const listed = (id: string, message: Unsent): boolean => of(id).some((one) => one.client_id === message.client_id);

  async function attempt(id: string, message: Unsent): Promise<boolean> {
    let failures = 0;
    while (!stopped && listed(id, message)) {
      try {
        port.sent(id, await ask(id, message));
        discard(id, message.client_id);
        return true;
      } catch (error) {
        failures += 1;
        if (!retryable(error, failures)) return refuse(id, message, error);
        message.state = "retrying";
        message.why = navigator.onLine ? "unsent.retrying" : "unsent.offline";
        await pause(backoff(failures, Math.random, LONGEST_WAIT));
      }
    }
    return false;
  }

  function ask(id: string, { kind, text, client_id, identity = null, mentions, file }: Unsent): Promise<api.Said> {
    if (file) return api.sendFile(hotel, id, file, client_id, identity);
    if (kind === "whisper") return api.whisper(hotel, id, text, client_id);
    return kind === "note"
      ? api.note(hotel, id, text, client_id, mentions)
      : api.reply(hotel, id, text, client_id, identity);
  }

  function refuse(id: string, message: Unsent, error: unknown): false {
    if (!(error instanceof Refusal)) throw error;
    message.state = "refused";
    message.why = refusalText(error);
    if (error.status !== 409 || message.kind === "file") {
      store();
      return false;
    }
    discard(id, message.client_id);
    returned.value = { id, text: message.text, kind: message.kind };
    port.lost(id, error);
    return false;
  }

  function stop(): void {
    stopped = true;
  }

  return { unsent, returned, settle, discard, send, sendFile, again, stop };
}

function retryable(error: unknown, failures: number): boolean {
  if (error instanceof Unreachable) return true;
  return error instanceof Refusal && (error.status === 429 || (error.status >= 500 && failures < TRIES));
}

/** What a reload interrupted: whether it goes out now is for a person to say. */
function left(key: string): [string, Unsent[]][] {
  const why = t("unsent.left");
  const again = (message: Unsent): Unsent => ({ ...message, state: "refused", why });
  return recall<[string, Unsent[]][]>(key, []).map(([id, list]) => [id, list.map(again)]);
}

/** randomUUID exists in secure contexts only; a desk on a plain intranet address has none. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Waits, or until the network is back. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(finish, milliseconds);
    function finish(): void {
      clearTimeout(timer);
      window.removeEventListener("online", finish);
      done();
    }
    window.addEventListener("online", finish);
  });
}
