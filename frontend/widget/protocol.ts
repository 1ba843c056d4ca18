/** What goes over the wire, as `/widget/v1` has it. Fields are only ever added. */

export interface Choice {
  title: string;
  text: string;
}

/** A file at an address that runs out after an hour or more; pixels, bytes, seconds. */
export interface Kept {
  id?: string;
  kind: "image" | "voice" | "video" | "file";
  size: number;
  name?: string;
  width?: number;
  height?: number;
  seconds?: number;
  address: string;
}

/** What a message of the assistant has set going, and how it stands now. */
export interface Card {
  kind: "order";
  service: string;
  what: string | null;
  room: string | null;
  due_at: string | null;
  state: "open" | "ringing" | "done" | "cancelled";
}

export interface Message {
  id?: string; // "<conversation>:<seq>"
  seq: number;
  from: "guest" | "assistant" | "staff" | "service";
  name: string | null;
  text: string;
  options: Choice[] | null;
  file?: Kept | null;
  cards?: Card[];
  at: string;
  client_id: string | null;
}

export interface Speaker {
  kind: "assistant" | "waiting" | "staff" | "closed";
  name: string | null;
  rate?: number; // the visit that the guest may rate
}

export interface View {
  conversation?: string | null;
  seq: number;
  reset?: boolean; // what the page shows is to be replaced
  speaker: Speaker;
  messages: Message[];
  typing?: boolean;
}

/** Where to resume, and who it is. */
export interface Hello {
  token: string;
  after: number;
  conversation?: string | null;
  typing?: boolean;
  lang?: string;
  identity?: string | null; // signed by the hotel's site
  signed?: string; // a sign-in that works once
}

export type ServerFrame =
  | ({ type: "welcome" } & View)
  | { type: "message"; message: Message }
  | { type: "sent"; client_id: string; id?: string; seq: number; at: string }
  | { type: "speaker"; speaker: Speaker }
  | { type: "seq"; seq: number; conversation?: string | null }
  | { type: "unidentified"; code: string }
  | { type: "typing"; on: boolean }
  | { type: "error"; code: string; message: string; client_id?: string }
  | { type: "pong" };

export type ClientFrame =
  | ({ type: "hello" } & Hello)
  | { type: "identify"; identity: string | null }
  | { type: "send"; client_id: string; text: string }
  | { type: "typing" }
  | { type: "ping" };

export interface Config {
  hotel: { name: string; phone?: string };
  colour: string;
  locale: string;
  privacy: { url: string; version: string } | null;
  texts: Record<string, string>;
  theme?: string;
  greeting?: boolean;
  limits?: { files: Record<string, number> };
}

/** Closing codes after which trying the same again is useless. */
export const CLOSED_BAD_TOKEN = 4401;
export const CLOSED_FOREIGN_PAGE = 4403;
export const CLOSED_TOO_MANY = 4429;

/** The same, said by the status of an answer. */
export const CLOSING: Record<number, number> = {
  401: CLOSED_BAD_TOKEN,
  403: CLOSED_FOREIGN_PAGE,
  429: CLOSED_TOO_MANY,
};
