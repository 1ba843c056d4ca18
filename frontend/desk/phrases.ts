/** Canned replies: what "/" at the beginning opens, filled for the guest at hand; and writing them. */
import { computed, ref, watch, type Ref } from "vue";

import { request } from "./api";
import { finds } from "./spelling";

/** As it would be said to this guest. `gaps` stand in the text where nobody knows what to say. */
export interface Phrase {
  id: string;
  title: string;
  text: string;
  gaps: string[];
  /** How title and text are typed, syllable by syllable. */
  spelt: string[];
}

/** One version as it is written; version 0 is the product's own. */
export interface Written {
  id: string;
  version: number;
  title: string;
  text: string;
  retired: boolean;
  edited_by: string | null;
  edited_at: string | null;
}

export interface Variable {
  name: string;
  label: string;
  value: string | null;
}

const part = encodeURIComponent;
const place = (hotel: string, rest = ""): string => `/hotels/${part(hotel)}/phrases${rest}`;

const offered = (hotel: string, conversation: string): Promise<{ phrases: Phrase[] }> =>
  request("GET", `/hotels/${part(hotel)}/conversations/${part(conversation)}/phrases`);
export const listPhrases = (hotel: string): Promise<{ phrases: Written[]; variables: Variable[] }> =>
  request("GET", place(hotel));
export const readVersions = (hotel: string, id: string): Promise<{ versions: Written[] }> =>
  request("GET", place(hotel, `/${part(id)}`));
export const savePhrase = (
  hotel: string,
  known: Written | null,
  words: { title: string; text: string },
): Promise<{ phrase: Written }> =>
  request("POST", place(hotel, known ? `/${part(known.id)}` : ""), { body: { ...words, version: known?.version } });
export const retirePhrase = (hotel: string, known: Written, keepalive = false): Promise<unknown> =>
  request("POST", place(hotel, `/${part(known.id)}/retire`), { body: { version: known.version }, keepalive });

const GAP = /【待填：[^】]*】/;

/** Where the first gap stands that somebody has to fill: from, until. */
export function gapIn(text: string): [number, number] | null {
  const found = GAP.exec(text);
  return found ? [found.index, found.index + found[0].length] : null;
}

interface Around {
  hotel: string;
  conversation: string;
  /** Whether a reply is being written at all. */
  allowed(): boolean;
  choose(phrase: Phrase): void;
}

export function openPhrases(text: Ref<string>, around: Around) {
  const picked = ref(0);
  const all = ref<Phrase[]>([]);
  const phase = ref<"loading" | "ready" | "failed">("loading");
  const sought = computed(() => (/^[/、／]/.test(text.value) && around.allowed() ? text.value.slice(1).trim() : null));
  const found = computed(() =>
    sought.value === null
      ? []
      : all.value.filter((one) => finds([one.title, one.text], one.spelt, sought.value as string)),
  );
  watch(sought, () => (picked.value = 0));
  watch(
    () => sought.value !== null,
    (open) => open && void load(),
    { immediate: true },
  );

  /** Each time the list opens: the guest may have a room by now. What was known is shown meanwhile. */
  async function load(): Promise<void> {
    try {
      all.value = (await offered(around.hotel, around.conversation)).phrases;
      phase.value = "ready";
    } catch {
      if (phase.value !== "ready") phase.value = "failed";
    }
  }

  /** Whether the key was for the list. */
  function onKey(event: KeyboardEvent): boolean {
    const size = found.value.length;
    const phrase = found.value[picked.value];
    if (event.key === "Escape") text.value = "";
    else if (size === 0) return false;
    else if (event.key === "ArrowDown") picked.value = (picked.value + 1) % size;
    else if (event.key === "ArrowUp") picked.value = (picked.value + size - 1) % size;
    else if ((event.key === "Enter" || event.key === "Tab") && phrase) around.choose(phrase);
    else return false;
    return true;
  }

  return { sought, found, picked, phase, onKey };
}
