/** Words that were begun and not sent, for each conversation and person, kept over reloads. */
import { reactive } from "vue";

import { recall, remember, remembered } from "./storage";

export interface Draft {
  kind: "reply" | "note" | "whisper";
  text: string;
}

const drafts = reactive(new Map<string, Draft>());
for (const key of remembered("draft:")) drafts.set(key, recall<Draft>(key, { kind: "reply", text: "" }));

const keyOf = (me: string, conversation: string): string => `draft:${me}:${conversation}`;

export function draft(me: string, conversation: string): Draft {
  return drafts.get(keyOf(me, conversation)) ?? { kind: "reply", text: "" };
}

export function draftOf(me: string, conversation: string): string {
  return draft(me, conversation).text.trim();
}

export function keepDraft(me: string, conversation: string, kept: Draft): void {
  const key = keyOf(me, conversation);
  if (kept.text) drafts.set(key, kept);
  else drafts.delete(key);
  remember(key, kept.text ? kept : null);
}
