/** Whether there is so much room: for three columns, as tokens of width in the stylesheets have it. */
import { onBeforeUnmount, ref, type Ref } from "vue";

export function useWide(pixels = 1240): Ref<boolean> {
  const query = window.matchMedia(`(width >= ${pixels}px)`);
  const wide = ref(query.matches);
  const follow = (): void => void (wide.value = query.matches);
  query.addEventListener("change", follow);
  onBeforeUnmount(() => query.removeEventListener("change", follow));
  return wide;
}
