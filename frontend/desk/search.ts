/** Looking for words in all conversations of the hotel: a moment after the last key, page by page. */
import { onBeforeUnmount, reactive, ref } from "vue";

import * as api from "./api";
import type { Desk } from "./desk";
import type { Found } from "./model";

const PAUSE = 350;

export function openSearch(desk: Desk) {
  const busy = ref(false);
  const failed = ref(false);
  const next = ref<string | null>(null);
  /** The words that the hits belong to; null while nothing has been asked for them. */
  const asked = ref<string | null>(null);
  /** What was found, by conversation; null where a name or a room was it. */
  const hits = reactive(new Map<string, Found | null>());
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round = 0;

  /** One letter may begin anything; one character of Chinese is a word. */
  const enough = (words: string): boolean => words.length > 1 || /[^\x20-\x7e]/.test(words);

  function type(words: string): void {
    reset();
    if (words && enough(words)) timer = setTimeout(() => void fetch(words), PAUSE);
  }

  async function fetch(words: string): Promise<void> {
    clearTimeout(timer);
    const mine = ++round;
    busy.value = true;
    failed.value = false;
    try {
      const page = await api.search(desk.hotel.id, words, asked.value === words ? next.value : null);
      if (mine !== round) return;
      asked.value = words;
      next.value = page.next;
      for (const { found, ...row } of page.conversations) {
        desk.takeRowQuietly(row);
        hits.set(row.id, found);
      }
    } catch {
      if (mine === round) failed.value = true;
    } finally {
      if (mine === round) busy.value = false;
    }
  }

  function reset(): void {
    clearTimeout(timer);
    round += 1;
    asked.value = next.value = null;
    busy.value = failed.value = false;
    hits.clear();
  }

  onBeforeUnmount(() => clearTimeout(timer));
  return { busy, failed, next, asked, hits, type, fetch };
}
