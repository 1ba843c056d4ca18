/** The closed conversations, page by page: the feed brings the latest only. */
import { ref } from "vue";

import * as api from "./api";
import type { Desk } from "./desk";

export function openClosed(desk: Desk) {
  const busy = ref(false);
  const failed = ref(false);
  const next = ref<string | null>(null);
  let round = 0;

  async function fetch(): Promise<void> {
    const mine = ++round;
    busy.value = true;
    failed.value = false;
    try {
      const query = { state: "CLOSED", after: next.value ?? undefined, limit: 50 };
      const page = await api.listConversations(desk.hotel.id, query);
      if (mine !== round) return;
      page.conversations.forEach(desk.takeRowQuietly);
      next.value = page.next;
    } catch {
      if (mine === round) failed.value = true;
    } finally {
      if (mine === round) busy.value = false;
    }
  }

  function reset(): void {
    round += 1;
    next.value = null;
    busy.value = failed.value = false;
  }

  return { busy, failed, next, fetch, reset };
}
