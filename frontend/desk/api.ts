/** Talks to the service over HTTP. Owns headers and the meaning of failures; knows no screen. */
import type {
  CloseReason,
  Colleague,
  ConversationAnswer,
  Event,
  Found,
  Frame,
  LockedDesk,
  Order,
  Row,
  Session,
} from "./model";

/** The service answered and said no. `message` is for people, `code` for us, `detail` is the whole error. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly detail: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** No answer came: the network or the service is away. Nothing is known about what was asked. */
export class Unreachable extends Error {}

type Value = string | number | undefined;
type Query = Record<string, Value | string[]>;

let heardDate: (serverTime: number) => void = () => undefined;
let sessionLost: () => void = () => undefined;
let deskLocked: () => void = () => undefined;

/** Called with the service's time (ms) whenever an answer shows it. */
export function onServerDate(listener: (serverTime: number) => void): void {
  heardDate = listener;
}

/** Called when the service no longer knows who we are. */
export function onSessionLost(listener: () => void): void {
  sessionLost = listener;
}

/** Called when the desk has been locked, here or in another tab. */
export function onDeskLocked(listener: () => void): void {
  deskLocked = listener;
}

function address(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== "") search.append(key, String(one));
    }
  }
  return String(search) ? `/desk/v1${path}?${search}` : `/desk/v1${path}`;
}

async function ask(url: string, init: RequestInit, seconds: number, signal?: AbortSignal): Promise<Response> {
  const stop = new AbortController();
  const clock = setTimeout(() => stop.abort(), seconds * 1000);
  const onAbort = (): void => stop.abort();
  signal?.addEventListener("abort", onAbort);
  try {
    return await fetch(url, { ...init, credentials: "same-origin", signal: stop.signal });
  } catch {
    throw new Unreachable("no answer");
  } finally {
    clearTimeout(clock);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function body(response: Response): Promise<Record<string, unknown>> {
  try {
    return (await response.json()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

async function refusal(response: Response): Promise<Refusal> {
  const answer = await body(response);
  const error = (answer.error ?? {}) as Record<string, unknown>;
  const code = typeof error.code === "string" ? error.code : `http_${response.status}`;
  const message = typeof error.message === "string" ? error.message : "";
  return new Refusal(response.status, code, message, { ...answer, ...error });
}

interface Options {
  query?: Query;
  body?: unknown;
  /** Sent as it is, instead of a body. */
  file?: Blob;
  keepalive?: boolean;
  seconds?: number;
  signal?: AbortSignal;
}

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Desk"] = "1";
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers, keepalive: options.keepalive };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.file) init.body = options.file;
  const response = await ask(address(path, options.query), init, options.seconds ?? 15, options.signal);
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (!Number.isNaN(date)) heardDate(date);
  // A gateway that finds nobody behind it is the same to us as no answer at all.
  if ([502, 503, 504].includes(response.status)) throw new Unreachable(`status ${response.status}`);
  if (!response.ok) {
    const error = await refusal(response);
    if (error.code === "desk_locked") deskLocked();
    else if (error.status === 401 && path !== "/session") sessionLost();
    throw error;
  }
  return (response.status === 204 ? {} : await body(response)) as T;
}

const part = encodeURIComponent;
const place = (hotel: string, id: string): string => `/hotels/${part(hotel)}/conversations/${part(id)}`;

export const readSession = (): Promise<Session | LockedDesk> => request("GET", "/session");
export const lockDesk = (): Promise<LockedDesk> => request("POST", "/session/lock", { body: {} });
export const openDesk = (login: string, pin: string): Promise<Session> =>
  request("POST", "/session/open", { body: { login, pin } });
export const setPin = (password: string, pin: string): Promise<unknown> =>
  request("POST", "/pin", { body: { password, pin } });
export const chooseGuestName = (name: string): Promise<{ guest_name: string | null }> =>
  request("POST", "/guest-name", { body: { name } });
export const signIn = (login: string, password: string, code = ""): Promise<Session> =>
  request("POST", "/session", { body: { login, password, code } });
export const signOut = (): Promise<unknown> => request("DELETE", "/session");
export const changePassword = (old: string, fresh: string): Promise<Session> =>
  request("POST", "/password", { body: { old, new: fresh } });

export interface Page {
  conversations: Row[];
  next: string | null;
}

export const listConversations = (hotel: string, query: Query): Promise<Page> =>
  request("GET", `/hotels/${part(hotel)}/conversations`, { query });
/** The words go in the body: an address is written down on its way. */
export const search = (
  hotel: string,
  q: string,
  after: string | null,
): Promise<{ conversations: (Row & { found: Found | null })[]; next: string | null }> =>
  request("POST", `/hotels/${part(hotel)}/search`, { body: { q, after } });
export const readConversation = (hotel: string, id: string, after: number): Promise<ConversationAnswer> =>
  request("GET", place(hotel, id), { query: { after } });
export const claim = (hotel: string, id: string): Promise<{ conversation: Row }> =>
  request("POST", `${place(hotel, id)}/claim`, { body: {} });
export const release = (hotel: string, id: string, keepalive = false): Promise<{ conversation?: Row }> =>
  request("POST", `${place(hotel, id)}/release`, { body: {}, keepalive });
export const acknowledge = (hotel: string, id: string): Promise<{ conversation?: Row }> =>
  request("POST", `${place(hotel, id)}/acknowledge`, { body: {} });
export const resend = (hotel: string, id: string, seq: number): Promise<unknown> =>
  request("POST", `${place(hotel, id)}/resend`, { body: { seq } });
export const markRead = (hotel: string, id: string, seq: number): Promise<unknown> =>
  request("POST", `${place(hotel, id)}/read`, { body: { seq } });

export interface Said {
  event?: Event;
  conversation?: Row;
}

export const reply = (
  hotel: string,
  id: string,
  text: string,
  client_id: string,
  identity: string | null = null,
): Promise<Said> =>
  request("POST", `${place(hotel, id)}/reply`, {
    body: { text, client_id, take_over: true, identity: identity ?? "" },
  });
export const sendFile = (
  hotel: string,
  id: string,
  file: File,
  client_id: string,
  identity: string | null,
): Promise<Said> =>
  request("POST", `${place(hotel, id)}/files`, {
    query: { client_id, name: file.name, identity: identity ?? "" },
    file,
    seconds: 180,
  });
export const listColleagues = (hotel: string): Promise<{ colleagues: Colleague[] }> =>
  request("GET", `/hotels/${part(hotel)}/colleagues`);
export const transfer = (
  hotel: string,
  id: string,
  to: string,
  words: string,
  client_id: string,
): Promise<{ conversation: Row }> =>
  request("POST", `${place(hotel, id)}/transfer`, { body: { to, note: words, client_id } });
/** A colleague's word that two guests are one; the conversation that goes on. */
export const link = (hotel: string, guest: string, other: string): Promise<{ conversation: string }> =>
  request("POST", `/hotels/${part(hotel)}/guests/${part(guest)}/link`, { body: { guest: other } });
export const unlink = (hotel: string, identity: string): Promise<{ conversation: string }> =>
  request("POST", `/hotels/${part(hotel)}/identities/${part(identity)}/unlink`, { body: {} });
export const note = (
  hotel: string,
  id: string,
  text: string,
  client_id: string,
  mentions: string[] = [],
): Promise<Said> => request("POST", `${place(hotel, id)}/note`, { body: { text, client_id, mentions } });
/** A supervisor's word to whoever holds it. */
export const whisper = (hotel: string, id: string, text: string, client_id: string): Promise<Said> =>
  request("POST", `${place(hotel, id)}/whisper`, { body: { text, client_id } });

/** `keepalive` lets the request outlive the page: an act that waited for its undo is flushed on leaving. */
/** What could be left for colleagues at the end of a visit; empty where it tells nothing. */
export const closingWords = async (hotel: string, id: string): Promise<string> =>
  (await request<{ words: string }>("GET", `${place(hotel, id)}/closing`)).words;

export const close = (
  hotel: string,
  id: string,
  reason: CloseReason,
  words: string,
  keepalive = false,
): Promise<{ conversation?: Row }> =>
  request("POST", `${place(hotel, id)}/close`, {
    body: words ? { reason, note: words } : { reason },
    keepalive,
  });
export const finishOrder = (hotel: string, id: string, keepalive = false): Promise<{ order?: Order }> =>
  request("POST", `/hotels/${part(hotel)}/orders/${part(id)}/done`, { body: {}, keepalive });
/** `owner` null gives it back to the desk. */
export const takeOrder = (hotel: string, id: string, owner: string | null): Promise<{ order?: Order }> =>
  request("POST", `/hotels/${part(hotel)}/orders/${part(id)}/take`, { body: { owner } });

export interface Opened {
  values: { kind: string; value: string }[];
}

export const openSealed = (hotel: string, id: string, seq: number): Promise<Opened> =>
  request("POST", `${place(hotel, id)}/events/${seq}/sealed`, { body: {} });

export const poll = (
  hotel: string,
  cursor: string | null,
  follow: string[],
  signal: AbortSignal,
): Promise<{ frames: Frame[] }> =>
  request("GET", `/hotels/${part(hotel)}/feed/poll`, {
    query: { cursor: cursor ?? "", follow },
    seconds: 40,
    signal,
  });
