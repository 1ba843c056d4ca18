/** Who is signed in. The cookie is the service's; here stands only what it told us. */
import { reactive } from "vue";

import * as api from "./api";
import { setTime } from "./clock";
import type { Hotel, LockedDesk, SecondFactor, Session, Staff } from "./model";
import { recall, remember } from "./storage";

interface Known {
  phase: "loading" | "unreachable" | "out" | "in" | "locked";
  staff: Staff | null;
  hotels: Hotel[];
  /** True when we were in and the service forgot us, so that the sign-in page can say so. */
  expired: boolean;
  /** Seconds without input after which the desk locks; 0: never. */
  lockAfter: number;
  hasPin: boolean;
  secondFactor: SecondFactor;
  locked: LockedDesk | null;
}

const UNTOLD = "lock_untold";
const NONE: SecondFactor = { on: false, offered: false, must: false };
const NOBODY = { staff: null, hotels: [], locked: null, lockAfter: 0, hasPin: false, secondFactor: NONE };

export const session = reactive<Known>({ phase: "loading", expired: false, ...NOBODY });

export function enter(answer: Session): void {
  setTime(answer.now);
  remember(UNTOLD, null);
  const { staff, hotels, lock_after: lockAfter = 0, has_pin: hasPin = false, second_factor: given = NONE } = answer;
  const known = { staff, hotels, lockAfter, hasPin, secondFactor: { ...given } };
  Object.assign(session, { ...NOBODY, phase: "in", ...known, expired: false });
}

/** Nothing of the desk is left on the page; what was begun lies in this browser, with whoever wrote it. */
export function hide(answer: LockedDesk): void {
  setTime(answer.now);
  Object.assign(session, { ...NOBODY, phase: "locked", locked: answer, expired: false });
}

export function leave(expired: boolean): void {
  if (session.phase === "out") return;
  Object.assign(session, { ...NOBODY, phase: "out", expired: expired && session.phase === "in" });
}

/** Hidden at once, whether or not the service can be told. */
export async function lock(): Promise<void> {
  if (session.phase !== "in") return;
  const { login = "", name = "" } = session.staff ?? {};
  hide({ locked: true, login, people: [{ login, name, pin: session.hasPin }], alarm: false });
  remember(UNTOLD, true);
  await resume();
}

/** What the service doesn't know yet outlives a reload: a lock that a lost network undoes is none. */
async function read(): Promise<Session | LockedDesk> {
  if (!recall(UNTOLD, false)) return api.readSession();
  const answer = await api.lockDesk();
  remember(UNTOLD, null);
  return answer;
}

export async function resume(): Promise<void> {
  if (session.phase !== "locked") session.phase = "loading";
  try {
    const answer = await read();
    if ("locked" in answer) hide(answer);
    else enter(answer);
  } catch (error) {
    if (error instanceof api.Refusal) {
      remember(UNTOLD, null);
      leave(false);
    } else if (session.phase !== "locked") session.phase = "unreachable";
  }
}

export async function signOut(): Promise<void> {
  await api.signOut();
  leave(false);
}
