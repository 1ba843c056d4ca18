/** Whether there is room for three columns, as tokens of width in the stylesheets have it. */
import { onBeforeUnmount, ref, type Ref } from "vue";

export function useWide(): Ref<boolean> {
  const query = window.matchMedia("(width >= 1240px)");
  const wide = ref(query.matches);
  const follow = (): void => void (wide.value = query.matches);
  query.addEventListener("change", follow);
  onBeforeUnmount(() => query.removeEventListener("change", follow));
  return wide;
}
