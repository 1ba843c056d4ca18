/** The phrases that "/" at the beginning opens: which fit, which one is picked, and their keys. */
import { computed, ref, watch, type Ref } from "vue";

import { t, type Key } from "./texts";

const PHRASES: Key[] = [
  "canned.moment",
  "canned.room",
  "canned.on_way",
  "canned.done",
  "canned.sorry",
  "canned.call",
  "canned.night",
  "canned.thanks",
];

/** `allowed`: whether a reply is being written at all. `choose` takes the phrase for the words. */
export function openPhrases(text: Ref<string>, allowed: () => boolean, choose: (phrase: string) => void) {
  const picked = ref(0);
  const sought = computed(() => (/^[/、／]/.test(text.value) && allowed() ? text.value.slice(1).trim() : null));
  const found = computed(() => {
    if (sought.value === null) return [];
    const words = sought.value.toLowerCase();
    return PHRASES.map((key) => t(key)).filter((phrase) => phrase.toLowerCase().includes(words));
  });
  watch(sought, () => (picked.value = 0));

  /** Whether the key was for the list. */
  function onKey(event: KeyboardEvent): boolean {
    const size = found.value.length;
    const phrase = found.value[picked.value];
    if (event.key === "Escape") text.value = "";
    else if (size === 0) return false;
    else if (event.key === "ArrowDown") picked.value = (picked.value + 1) % size;
    else if (event.key === "ArrowUp") picked.value = (picked.value + size - 1) % size;
    else if ((event.key === "Enter" || event.key === "Tab") && phrase) choose(phrase);
    else return false;
    return true;
  }

  return { sought, found, picked, onKey };
}
