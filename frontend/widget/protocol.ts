/** What goes over the wire, as `/widget/v1` has it. Fields are only ever added. */

export interface Choice {
  title: string;
  text: string;
}

export interface Message {
  seq: number;
  from: "guest" | "assistant" | "staff" | "service";
  name: string | null;
  text: string;
  options: Choice[] | null;
  at: string;
  client_id: string | null;
}

export interface Speaker {
  kind: "assistant" | "waiting" | "staff" | "closed";
  name: string | null;
}

export type ServerFrame =
  | { type: "welcome"; seq: number; speaker: Speaker; messages: Message[] }
  | { type: "message"; message: Message }
  | { type: "sent"; client_id: string; seq: number; at: string }
  | { type: "speaker"; speaker: Speaker }
  | { type: "seq"; seq: number }
  | { type: "typing"; on: boolean }
  | { type: "error"; code: string; message: string; client_id?: string }
  | { type: "pong" };

export type ClientFrame =
  | { type: "hello"; token: string; after: number }
  | { type: "send"; client_id: string; text: string }
  | { type: "ping" };

export interface Config {
  hotel: { name: string; phone?: string };
  colour: string;
  locale: string;
  privacy: { url: string; version: string } | null;
  texts: Record<string, string>;
}

/** Closing codes after which trying the same again is useless. */
export const CLOSED_BAD_TOKEN = 4401;
export const CLOSED_FOREIGN_PAGE = 4403;
export const CLOSED_TOO_MANY = 4429;
