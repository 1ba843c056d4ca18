/** Finds conversations the desk doesn't hold: by words, and the closed ones page by page. */
import { ref } from "vue";

import * as api from "./api";
import type { Desk } from "./desk";
import type { Row } from "./model";

export function openSearch(desk: Desk) {
  const found = ref<Row[]>([]);
  const busy = ref(false);
  const failed = ref(false);
  const next = ref<string | null>(null);
  let round = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function fetchPage(query: Record<string, string>, more: boolean): Promise<void> {
    const mine = ++round;
    busy.value = true;
    failed.value = false;
    try {
      const after = more ? (next.value ?? undefined) : undefined;
      const page = await api.listConversations(desk.hotel.id, { ...query, after, limit: 50 });
      if (mine !== round) return;
      page.conversations.forEach(desk.takeRowQuietly);
      found.value = more ? [...found.value, ...page.conversations] : page.conversations;
      next.value = page.next;
    } catch {
      if (mine === round) failed.value = true;
    } finally {
      if (mine === round) busy.value = false;
    }
  }

  /** Waits until the typing rests. */
  function soon(query: Record<string, string>): void {
    clearTimeout(timer);
    round += 1;
    busy.value = true;
    timer = setTimeout(() => void fetchPage(query, false), 300);
  }

  function reset(): void {
    clearTimeout(timer);
    round += 1;
    found.value = [];
    next.value = null;
    busy.value = failed.value = false;
  }

  return { found, busy, failed, next, fetchPage, soon, reset };
}
