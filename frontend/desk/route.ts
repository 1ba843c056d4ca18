/** Where we are: /desk/<hotel>/<conversation>. On a phone, the guest's details are a page of their own. */
import { reactive } from "vue";

const BASE = "/desk/";

interface Place {
  hotel: string | null;
  conversation: string | null;
  details: boolean;
}

/** Links from outside name the place after the mark, which no server and no log sees: /desk/#/hotel/id. */
function fromOutside(): void {
  if (location.hash.startsWith("#/")) history.replaceState(null, "", BASE + location.hash.slice(2));
}

function read(): Place {
  fromOutside();
  const [hotel, conversation] = location.pathname.slice(BASE.length).split("/").map(decodeURIComponent);
  return { hotel: hotel || null, conversation: conversation || null, details: location.hash === "#details" };
}

export const route = reactive<Place>(read());

function path(place: Place): string {
  const parts = [place.hotel, place.hotel && place.conversation].filter((part): part is string => Boolean(part));
  return BASE + parts.map(encodeURIComponent).join("/") + (place.details ? "#details" : "");
}

export function go(change: Partial<Place>, replace = false): void {
  const next = { ...route, details: false, ...change };
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
