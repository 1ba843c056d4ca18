/** Files that were chosen and not sent yet, for each conversation; they lie in this page only. */
import { markRaw, reactive } from "vue";

import type { Way } from "./model";

export interface Picked {
  file: File;
  /** image, voice, video or file, as far as the browser can tell; the service looks at the content. */
  kind: string;
  preview: string;
}

const trays = reactive(new Map<string, Picked[]>());
/** The service's own limits, told with each conversation. */
const limits = reactive<Record<string, number>>({});

export function kindOf(file: File): string {
  const [kind] = file.type.split("/");
  if (kind === "image" || kind === "video") return kind;
  return kind === "audio" ? "voice" : "file";
}

export type Trouble = "large" | "empty" | null;

export function troubleOf(picked: Picked, known: Record<string, number> = limits): Trouble {
  if (picked.file.size === 0) return "empty";
  const limit = known[picked.kind];
  return limit && picked.file.size > limit ? "large" : null;
}

/** Whether the channel can't carry it, so that the guest gets an address to open. */
export function linked(picked: Picked, way: Way | null): boolean {
  return way?.media !== undefined && !way.media.includes(picked.kind);
}

export function trayOf(conversation: string) {
  const list = (): Picked[] => trays.get(conversation) ?? [];

  function add(files: File[]): void {
    const picked = files.map((file) => ({
      file: markRaw(file),
      kind: kindOf(file),
      preview: file.type.startsWith("image/") ? URL.createObjectURL(file) : "",
    }));
    trays.set(conversation, [...list(), ...picked]);
  }

  function drop(one: Picked): void {
    URL.revokeObjectURL(one.preview);
    trays.set(
      conversation,
      list().filter((other) => other !== one),
    );
  }

  const good = (way: Way | null): Picked[] => (way ? list().filter((one) => !troubleOf(one)) : []);

  /** What can go, taken out of the tray; what can't stays there with its reason. */
  function take(): File[] {
    const going = list().filter((one) => !troubleOf(one));
    going.forEach(drop);
    return going.map((one) => one.file);
  }

  function know(told: Record<string, number>): void {
    Object.assign(limits, told);
  }

  return { list, add, drop, good, take, know };
}
