/**
 * Where we are: /desk/<hotel>/<conversation>, /desk/<hotel>/knowledge/<point>, /desk/<hotel>/facts/<fact>,
 * /desk/<hotel>/today,
 * /desk/<hotel>/questions, /desk/<hotel>/learning, /desk/<hotel>/staff or /desk/<hotel>/phrases.
 * On a phone, the guest's details are a page of their own.
 */
import { reactive } from "vue";

const BASE = "/desk/";

const PAGES = ["today", "knowledge", "questions", "learning", "staff", "phrases", "handover", "facts"] as const;

/** Pages of which one thing can be open. */
const POINTING: readonly string[] = ["knowledge", "facts", "handover"];

interface Place {
  hotel: string | null;
  page: "desk" | (typeof PAGES)[number];
  conversation: string | null;
  /** The knowledge point that is open ("new" for one that is being written), the fact, or the handover. */
  point: string | null;
  details: boolean;
}

/** Links from outside name the place after the mark, which no server and no log sees: /desk/#/hotel/id. */
function fromOutside(): void {
  if (location.hash.startsWith("#/")) history.replaceState(null, "", BASE + location.hash.slice(2));
}

function read(): Place {
  fromOutside();
  const [hotel, second, third] = location.pathname.slice(BASE.length).split("/").map(decodeURIComponent);
  const page = PAGES.find((one) => one === second) ?? "desk";
  const details = location.hash === "#details";
  if (page === "desk") return { hotel: hotel || null, page, conversation: second || null, point: null, details };
  return { hotel: hotel || null, page, conversation: null, point: third || null, details: false };
}

export const route = reactive<Place>(read());

function path(place: Place): string {
  const inside = place.page === "desk" ? [place.conversation] : [place.page, place.point];
  const parts = place.hotel ? [place.hotel, ...inside].filter((part): part is string => Boolean(part)) : [];
  return BASE + parts.map(encodeURIComponent).join("/") + (place.details ? "#details" : "");
}

export function go(change: Partial<Place>, replace = false): void {
  const next = { ...route, details: false, ...change };
  // A conversation is the desk's, a point is the knowledge page's.
  if (change.conversation !== undefined && change.page === undefined) next.page = "desk";
  if (next.page !== "desk") next.conversation = null;
  if (!POINTING.includes(next.page)) next.point = null;
  if (path(next) === path(route)) return;
  if (replace) history.replaceState(null, "", path(next));
  else history.pushState(null, "", path(next));
  Object.assign(route, next);
}

export function startRoute(): void {
  const follow = (): void => void Object.assign(route, read());
  window.addEventListener("popstate", follow);
  window.addEventListener("hashchange", follow);
}
