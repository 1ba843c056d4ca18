/**
 * What this page remembers of its visitor: in the page's own storage, or in memory where that is blocked
 * (private windows, in-app browsers, a full disk). Never a cookie, never in an address.
 */
import type { Pending } from "./thread";

export interface Keep {
  get(name: string): string | null;
  set(name: string, value: string): void;
  remove(name: string): void;
  names(prefix: string): string[];
}

export function keep(key: string, find: () => Storage = () => window.localStorage): Keep {
  const memory = new Map<string, string>();
  const storage = usable(find);
  const full = (name: string): string => (name ? `dianxiaoer:${key}:${name}` : `dianxiaoer:${key}`);
  return {
    get: (name) => memory.get(full(name)) ?? attempt(() => storage?.getItem(full(name))) ?? null,
    set(name, value) {
      const stored = attempt(() => {
        storage?.setItem(full(name), value);
        return storage !== null;
      });
      // What did not fit is kept for as long as the page lives.
      if (stored) memory.delete(full(name));
      else memory.set(full(name), value);
    },
    remove(name) {
      memory.delete(full(name));
      attempt(() => storage?.removeItem(full(name)));
    },
    names(prefix) {
      const stored = attempt(() => (storage ? Object.keys(storage) : [])) ?? [];
      const all = new Set([...stored, ...memory.keys()]);
      return [...all].filter((name) => name.startsWith(full(prefix))).map((name) => name.slice(full("x").length - 1));
    },
  };
}

function usable(find: () => Storage): Storage | null {
  return (
    attempt(() => {
      const storage = find();
      storage.setItem("dianxiaoer", "");
      storage.removeItem("dianxiaoer");
      return storage;
    }) ?? null
  );
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

/** 32 random bytes, base64url: all that says who this visitor is. */
export function newToken(): string {
  const text = btoa(String.fromCharCode(...random(32)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function tokenOf(memory: Keep): string {
  const known = memory.get("");
  if (known) return known;
  const token = newToken();
  memory.set("", token);
  return memory.get("") ?? token;
}

/** A version 4 UUID; crypto.randomUUID is missing on pages without TLS. */
export function newId(): string {
  const bytes = random(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// Each waiting message has an entry of its own, so that two tabs never overwrite each other's.
const OUT = "out:";

export function savePending(memory: Keep, pending: Pending): void {
  const { file } = pending;
  // The file itself doesn't fit here: after a reload the guest is told that it must be chosen again.
  const kept = file ? { ...pending, file: { ...file, address: "" } } : pending;
  memory.set(OUT + pending.clientId, JSON.stringify(kept));
}

export function dropPending(memory: Keep, clientId: string): void {
  memory.remove(OUT + clientId);
}

export function savedPending(memory: Keep): Pending[] {
  const found = memory.names(OUT).map((name) => attempt(() => JSON.parse(memory.get(name) ?? "") as Pending));
  return found
    .filter((pending): pending is Pending => Boolean(pending?.clientId && (pending.text || pending.file)))
    .sort((a, b) => a.at.localeCompare(b.at));
}
