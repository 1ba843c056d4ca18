/** Finds the sentence for a key in the staff member's language and fills in its values. */
import { preferences } from "../preferences";
import { en } from "./en";
import { zh, type Key } from "./zh";

export type { Key };
export type Values = Record<string, string | number>;

const TEXTS: Record<string, Record<Key, string>> = { zh, en };

export function t(key: Key, values: Values = {}): string {
  const sentence = TEXTS[preferences.locale]?.[key] ?? zh[key];
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** For keys made of data: `tell("reason.", code, "reason.unknown")`. */
export function tell(prefix: string, code: string | null | undefined, otherwise: Key, values: Values = {}): string {
  const key = `${prefix}${code ?? ""}`;
  return t(key in zh ? (key as Key) : otherwise, values);
}
