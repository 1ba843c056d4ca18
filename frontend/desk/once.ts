/** What is sent once at a time: pressed again while it is under way, nothing more goes out. */
import { ref } from "vue";

/** `refused` says on the screen what went wrong; without it the error goes on to whoever pressed. */
export function useOnce(refused?: (error: unknown) => unknown) {
  const busy = ref(false);

  async function once(work: () => Promise<unknown>): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    try {
      await work();
    } catch (error) {
      if (!refused) throw error;
      await refused(error);
    } finally {
      busy.value = false;
    }
  }

  return { busy, once };
}
