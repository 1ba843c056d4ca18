/**
 * A hotel's app as a client: sign a token, write, follow, send a picture, show who one is elsewhere.
 *
 * Needs nothing but Node 24 or newer. In a real app `sign` runs on the hotel's backend, which alone knows
 * the key; the app asks it for a token and does the rest.
 */
import { createHmac, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { createInterface } from "node:readline";

const LIFE = 600; // seconds; 15 minutes at most

export interface Key {
  account: string;
  kid: string;
  secret: string;
}

export interface Message {
  id: string;
  seq: number;
  channel: string;
  from: "guest" | "assistant" | "staff";
  name: string | null;
  text: string;
  options: { title: string; text: string }[] | null;
  file: { kind: string; type: string; address: string } | null;
  at: string;
  client_id: string | null;
}

export interface Page {
  messages: Message[];
  cursor: string | null;
  earlier: string | null;
  reset: boolean;
}

/** What the service said against it: its own words for the guest, and a code for the program. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** On the backend: who the guest is. `about`: name, room, room_until (seconds since 1970). */
export function sign(key: Key, subject: string, about: Record<string, string | number> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = part({ alg: "HS256", typ: "JWT", kid: key.kid });
  const claims = part({ sub: subject, aud: key.account, iat: now, exp: now + LIFE, ...about });
  const signature = createHmac("sha256", key.secret).update(`${header}.${claims}`).digest("base64url");
  return `${header}.${claims}.${signature}`;
}

/** One guest of one hotel. `token` asks your backend. */
export class HotelApp {
  readonly #base: string;
  readonly #token: () => string | Promise<string>;

  constructor(base: string, token: () => string | Promise<string>) {
    this.#base = base.replace(/\/$/, "");
    this.#token = token;
  }

  /** With the same clientId a second try after a broken line says nothing twice. */
  async write(text: string, clientId: string = randomUUID()): Promise<string> {
    const body = JSON.stringify({ client_id: clientId, text });
    return (await this.#call<{ id: string }>("POST", "messages", body)).id;
  }

  async upload(path: string, clientId: string = randomUUID()): Promise<string> {
    const query = new URLSearchParams({ client_id: clientId, name: basename(path) });
    return (await this.#call<{ id: string }>("POST", `files?${query.toString()}`, await readFile(path))).id;
  }

  history(before?: string): Promise<Page> {
    return this.#call("GET", before ? `messages?before=${before}` : "messages");
  }

  /** Eight digits that the guest writes on WeChat or on the web page within ten minutes. */
  async linkCode(): Promise<string> {
    return (await this.#call<{ code: string }>("POST", "link-codes")).code;
  }

  async redeem(code: string): Promise<boolean> {
    return (await this.#call<{ linked: boolean }>("POST", "link-codes/redeem", JSON.stringify({ code }))).linked;
  }

  /** Tells of messages from a cursor on, until `stop` is called; comes back by itself when the line breaks. */
  follow(heard: (message: Message) => void, after: string | null = null): { stop: () => void } {
    let cursor = after;
    let socket: WebSocket | undefined;
    let stopped = false;
    const open = async (): Promise<void> => {
      const token = await this.#token();
      socket = new WebSocket(`${this.#base.replace(/^http/, "ws")}/app/v1/socket`);
      socket.onopen = () => socket?.send(JSON.stringify({ type: "hello", token, after: cursor }));
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(String(data)) as Partial<Page>;
        cursor = frame.cursor ?? cursor;
        frame.messages?.forEach(heard);
      };
      socket.onclose = () => {
        if (!stopped) setTimeout(() => void open(), 1000);
      };
    };
    void open();
    return {
      stop: () => {
        stopped = true;
        socket?.close();
      },
    };
  }

  async #call<T>(method: string, path: string, body?: string | Uint8Array<ArrayBuffer>): Promise<T> {
    const headers = { Authorization: `Bearer ${await this.#token()}`, "Accept-Language": "zh-CN" };
    const answer = await fetch(`${this.#base}/app/v1/${path}`, { method, headers, body: body ?? null });
    const said = (await answer.json()) as T & { error?: { code: string; message: string } };
    if (said.error) throw new Refused(answer.status, said.error.code, said.error.message);
    return said;
  }
}

/** Write, send a picture, print what is said until the hotel has answered. */
async function talk(app: HotelApp, text: string, picture?: string): Promise<void> {
  const mine = await app.write(text);
  if (picture) await app.upload(picture);
  let heard = false;
  await new Promise<void>((answered) => {
    const following = app.follow((message) => {
      console.log(`${message.from}: ${message.text || `[${message.file?.kind ?? ""}]`}`);
      heard ||= message.id === mine;
      if (!heard || message.from === "guest") return;
      following.stop();
      answered();
    });
  });
  console.log("code:", await app.linkCode());
}

/** The secret comes on standard input, never among the arguments, where others can read it. */
async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line.trim();
  return "";
}

if (import.meta.main) {
  const [base = "", account = "", kid = "", subject = "", text = "", picture] = process.argv.slice(2);
  const key = { account, kid, secret: await firstLine() };
  await talk(new HotelApp(base, () => sign(key, subject)), text, picture);
}
