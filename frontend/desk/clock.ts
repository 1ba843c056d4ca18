/** The service's time in the browser: one tick for every screen, corrected by what the service says. */
import { ref } from "vue";

const skew = ref(0);
/** Milliseconds, ticks every second: for what counts up or down. */
export const now = ref(Date.now());
/** The same, moves every 20 s: for words such as "3 分钟前". */
export const minute = ref(Date.now());

let told = false;

/** The service named its own time. It outweighs the Date header, which knows nothing of a shifted clock. */
export function setTime(iso: string | undefined): void {
  const time = Date.parse(iso ?? "");
  if (Number.isNaN(time)) return;
  told = true;
  shift(time - Date.now());
}

/** Something happened at this time: the service's clock can't be behind it. */
export function notBefore(iso: string): void {
  const ahead = Date.parse(iso) - (Date.now() + skew.value);
  if (ahead > 2000) shift(skew.value + ahead);
}

/** A Date header has whole seconds, so small differences mean nothing. */
export function setDate(time: number): void {
  if (told) return;
  const off = time - Date.now();
  shift(Math.abs(off) > 5000 ? off : 0);
}

function shift(off: number): void {
  skew.value = off;
  tick();
}

function tick(): void {
  now.value = Date.now() + skew.value;
  if (Math.abs(now.value - minute.value) > 20_000) minute.value = now.value;
}

export function startClock(): () => void {
  tick();
  const timer = setInterval(tick, 1000);
  return () => clearInterval(timer);
}
