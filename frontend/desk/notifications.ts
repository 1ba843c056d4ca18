/**
 * Word from the browser when somebody must act and isn't looking: asked for by hand only, never while the page
 * is seen, and without a guest's name or words, since a lock screen may show it.
 */
import { ref } from "vue";

import { preferences } from "./preferences";
import type { Ring } from "./rings";
import { t } from "./texts";
import { say } from "./toasts";

const known = (): boolean => typeof Notification !== "undefined";
export const allowed = ref(known() && Notification.permission === "granted");
let missed = false;

export const possible = (): boolean => known();
export const notifying = (): boolean => preferences.notify && allowed.value;

/** Turned on and off in the menu below one's name. */
export async function toggleNotifications(): Promise<void> {
  if (notifying()) {
    preferences.notify = false;
    return void say(t("notify.off"), { shown: 3000 });
  }
  allowed.value = (await Notification.requestPermission()) === "granted";
  preferences.notify = allowed.value;
  say(t(allowed.value ? "notify.on" : "notify.denied"), allowed.value ? { shown: 4000 } : { tone: "bad" });
}

/** Called with each ring that this tab plays for all. */
export function notify(ring: Ring): void {
  if (document.visibilityState !== "hidden") return;
  if (!notifying()) {
    missed ||= ring !== "word" && !preferences.notifyOffered && known() && Notification.permission === "default";
    return;
  }
  const shown = new Notification(t(`notify.${ring}`), { tag: `dianxiaoer-${ring}`, icon: "/favicon.svg" });
  shown.onclick = () => {
    window.focus();
    shown.close();
  };
}

/** Once, to whoever comes back and has missed something: that they could have been told. */
export function startNotifications(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || !missed) return;
    missed = false;
    preferences.notifyOffered = true;
    say(t("notify.offer"), { shown: 12_000 });
  });
}
