/** What a staff member set for themselves in this browser. */
import { reactive, watch } from "vue";

import { recall, remember } from "./storage";

export type Theme = "auto" | "light" | "dark";
export type Locale = "zh" | "en";
export type Filter = "all" | "waiting" | "mine" | "colleagues" | "assistant" | "closed" | "ours";
export type Panel = "conversations" | "orders";

interface Preferences {
  theme: Theme;
  locale: Locale;
  mute: boolean;
  /** Browser notifications while nobody looks. */
  notify: boolean;
  notifyOffered: boolean;
  singleKeys: boolean;
  filter: Filter;
  panel: Panel;
  /** Orders of my departments alone. */
  oursOnly: boolean;
}

const DEFAULTS: Preferences = {
  theme: "auto",
  locale: "zh",
  mute: false,
  notify: false,
  notifyOffered: false,
  singleKeys: true,
  filter: "all",
  panel: "conversations",
  oursOnly: false,
};

export const preferences = reactive<Preferences>({ ...DEFAULTS, ...recall("preferences", {}) });

watch(preferences, () => remember("preferences", preferences));

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function paint(): void {
  const wanted = preferences.theme === "auto" ? dark.matches : preferences.theme === "dark";
  document.documentElement.classList.toggle("dark", wanted);
}

export function startTheme(): void {
  paint();
  dark.addEventListener("change", paint);
  watch(() => preferences.theme, paint);
  watch(
    () => preferences.locale,
    (locale) => (document.documentElement.lang = locale === "zh" ? "zh-CN" : "en"),
    { immediate: true },
  );
}
