/** A list that stands still under a finger or a pointer: what is pressed is what was aimed at. */
import { computed, onBeforeUnmount, shallowRef, type Ref } from "vue";

/** The click may come a little after the finger is gone. */
const CLICK_WITHIN = 400;

/** `live`, but as it was while something is pressed; `press` belongs on the list's `pointerdown`. */
export function useStill<T>(live: Readonly<Ref<T>>): { shown: Readonly<Ref<T>>; press: () => void } {
  const kept = shallowRef<{ value: T } | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;

  function free(): void {
    clearTimeout(timer);
    timer = undefined;
    kept.value = null;
  }
  function lifted(): void {
    if (kept.value) timer ??= setTimeout(free, CLICK_WITHIN);
  }
  function press(): void {
    free();
    kept.value = { value: live.value };
  }

  const ends: [string, () => void][] = [
    ["pointerup", lifted],
    ["click", free],
    ["pointercancel", free],
    ["blur", free],
  ];
  for (const [name, end] of ends) window.addEventListener(name, end);
  onBeforeUnmount(() => {
    clearTimeout(timer);
    for (const [name, end] of ends) window.removeEventListener(name, end);
  });
  return { shown: computed(() => (kept.value ? kept.value.value : live.value)), press };
}
