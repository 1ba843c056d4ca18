/** Departments, who is there, and whom a waiting guest is assigned to. Knows no screen. */
import { computed, ref, shallowRef } from "vue";

import { request } from "./api";
import type { Order, Person, Row } from "./model";
import { preferences } from "./preferences";

export type Presence = "on_duty" | "busy" | "break" | "off";
export const PRESENCES: Presence[] = ["on_duty", "busy", "break", "off"];

export interface Department {
  id: string;
  name: string;
  name_en: string;
  open: boolean;
}

export interface Post extends Person {
  departments: string[];
  skills: string[];
  /** Conversations at once; null is the hotel's. */
  capacity: number | null;
  presence: Presence;
  /** "lapsed": a guest was assigned to them, and they didn't answer. */
  why: string | null;
  since: string | null;
  holds: number;
}

export interface Told {
  departments: Department[];
  skills: { id: string; name: string }[];
  /** Whether waiting guests are assigned to one person after the other. */
  assigns: boolean;
  capacity: number | null;
  posts: Post[];
}

const part = encodeURIComponent;
const within = (hotel: string, rest: string): string => `/hotels/${part(hotel)}/${rest}`;
const one = (hotel: string, id: string, rest: string): string => within(hotel, `conversations/${part(id)}/${rest}`);

export const readDepartments = (hotel: string): Promise<Told> => request("GET", within(hotel, "departments"));
export const givePost = (
  hotel: string,
  id: string,
  body: Pick<Post, "departments" | "skills" | "capacity">,
): Promise<{ post: Post | null }> => request("PUT", within(hotel, `staff/${part(id)}/post`), { body });

export const departmentName = (one: Department): string => (preferences.locale === "en" ? one.name_en : one.name);

const EMPTY: Told = { departments: [], skills: [], assigns: false, capacity: null, posts: [] };

export type Posts = ReturnType<typeof openPosts>;

export function openPosts(hotel: string, me: string, rows: () => Row[]) {
  const told = shallowRef<Told>(EMPTY);
  const posts = ref<Post[]>([]);

  async function load(): Promise<void> {
    try {
      told.value = await readDepartments(hotel);
      posts.value = told.value.posts;
    } catch {
      // The desk works without it, and asks again when it is connected again.
    }
  }

  const mine = computed(() => posts.value.find((post) => post.id === me) ?? null);
  const departments = computed(() => told.value.departments);
  /** Who says that they are here counts; a hotel without departments asks nobody. */
  const used = computed(() => departments.value.length > 0);
  const ours = computed(() => new Set(mine.value?.departments));
  /** The guest whom I am asked to take. */
  const assigned = computed(() => rows().find((row) => row.state === "WAITING" && row.assigned?.id === me) ?? null);

  const nameOf = (id: string | null | undefined): string => {
    const found = departments.value.find((department) => department.id === id);
    return found ? departmentName(found) : (id ?? "");
  };
  /** Of my departments, or of none. */
  const isOurs = (thing: Pick<Row, "department"> | Pick<Order, "department">): boolean =>
    !thing.department || ours.value.has(thing.department);

  return {
    told,
    posts,
    mine,
    departments,
    used,
    ours,
    assigned,
    nameOf,
    isOurs,
    load,
    take: (found: Post[] | null | undefined): void => void (posts.value = found ?? []),
    be: (presence: Presence): Promise<{ presence: Presence }> =>
      request("PUT", within(hotel, "presence"), { body: { presence } }),
    decline: (id: string): Promise<{ conversation: Row }> => request("POST", one(hotel, id, "decline"), { body: {} }),
    passOn: (id: string, department: string, note: string, client_id: string): Promise<{ conversation: Row }> =>
      request("POST", one(hotel, id, "pass-on"), { body: { department, note, client_id } }),
    markVip: (id: string, vip: boolean): Promise<{ conversation: Row }> =>
      request("PUT", one(hotel, id, "vip"), { body: { vip } }),
  };
}
