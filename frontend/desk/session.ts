/** Who is signed in. The cookie is the service's; here stands only what it told us. */
import { reactive } from "vue";

import * as api from "./api";
import { setTime } from "./clock";
import type { Hotel, Session, Staff } from "./model";

interface Known {
  phase: "loading" | "unreachable" | "out" | "in";
  staff: Staff | null;
  hotels: Hotel[];
  /** True when we were in and the service forgot us, so that the sign-in page can say so. */
  expired: boolean;
}

export const session = reactive<Known>({ phase: "loading", staff: null, hotels: [], expired: false });

export function enter(answer: Session): void {
  setTime(answer.now);
  Object.assign(session, { phase: "in", staff: answer.staff, hotels: answer.hotels, expired: false });
}

export function leave(expired: boolean): void {
  if (session.phase === "out") return;
  Object.assign(session, { phase: "out", staff: null, hotels: [], expired: expired && session.phase === "in" });
}

export async function resume(): Promise<void> {
  session.phase = "loading";
  try {
    enter(await api.readSession());
  } catch (error) {
    if (error instanceof api.Refusal) leave(false);
    else session.phase = "unreachable";
  }
}

export async function signOut(): Promise<void> {
  await api.signOut();
  leave(false);
}
