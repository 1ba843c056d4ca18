/** Where a reply goes: where the guest last wrote, or what staff have chosen instead. */
import { computed, ref, watch } from "vue";

import type { Thread } from "./desk";
import type { Way } from "./model";

export function openWays(thread: () => Thread) {
  const ways = computed(() => thread().reply?.ways ?? []);
  /** Null leaves it to the service; the guest's next word elsewhere takes a choice back. */
  const chosen = ref<string | null>(null);
  watch(
    () => thread().reply?.identity,
    () => (chosen.value = null),
  );
  const way = computed<Way | null>(
    () => ways.value.find((one) => one.identity === chosen.value) ?? thread().reply ?? null,
  );

  function choose(identity: string): void {
    chosen.value = identity === thread().reply?.identity ? null : identity;
  }

  return { ways, chosen, way, choose };
}
