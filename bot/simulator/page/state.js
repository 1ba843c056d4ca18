// @ts-check
// What the page knows: the simulator's state, kept current by its stream of changes.

/**
 * @typedef {{openid: string, name: string, following: boolean, typing: boolean, left: number, closes_at: string|null}} Follower
 * @typedef {{id: number, at: string, side: "guest"|"account"|"notice", text: string, kind: string, via: string, delivery: number, push: number, options: [string, string][], media: string}} Shown
 * @typedef {{id: number, at: string, kind: "push"|"call", title: string, openid: string, push: number, delivery: number, sent: string, sent_plain: string, status: number|null, answer: string, answer_plain: string, seconds: number|null, end: string, left: number|null, closes_at: string|null}} Entry
 * @typedef {{type: string, name: string, key?: string, url?: string, sub_button?: MenuButton[]}} MenuButton
 */

export const state = {
  account: { name: "公众号", original_id: "", appid: "", mode: "safe", target: "" },
  /** @type {{button: MenuButton[]}|null} */ menu: null,
  /** @type {Record<string, any>} */ switches: {},
  /** @type {Map<string, Follower>} */ followers: new Map(),
  /** @type {Map<string, Shown[]>} */ screens: new Map(),
  /** @type {Entry[]} */ wire: [],
  chosen: localStorage.getItem("openid") ?? "",
  /** Milliseconds that the platform's clock is ahead of this one. */ ahead: 0,
};

/** @returns {Follower|undefined} the follower whose phone is shown */
export const current = () => state.followers.get(state.chosen);

export const now = () => new Date(Date.now() + state.ahead);

/** @param {string} openid */
export function choose(openid) {
  state.chosen = openid;
  localStorage.setItem("openid", openid);
}

/** Takes one change of the stream in. @param {any} change */
export function take(change) {
  if (change.now) state.ahead = Date.parse(change.now) - Date.now();
  takers[change.type]?.(change);
}

/** @type {Record<string, (change: any) => void>} */
const takers = {
  snapshot(change) {
    Object.assign(state, { account: change.account, menu: change.menu, switches: change.switches });
    state.followers = new Map(change.followers.map((/** @type {Follower} */ one) => [one.openid, one]));
    state.screens = new Map(Object.entries(change.screens));
    state.wire = change.wire;
    if (!current()) choose([...state.followers.keys()].at(-1) ?? "");
  },
  shown(change) {
    const screen = state.screens.get(change.openid) ?? [];
    state.screens.set(change.openid, [...screen, change.shown]);
  },
  follower(change) {
    state.followers.set(change.follower.openid, change.follower);
  },
  wire(change) {
    const place = state.wire.findIndex((one) => one.id === change.entry.id);
    if (place < 0) state.wire.push(change.entry);
    else state.wire[place] = change.entry;
  },
  switches(change) {
    state.switches = change.switches;
  },
  menu(change) {
    state.menu = change.menu;
  },
  target(change) {
    state.account.target = change.target;
  },
  reset() {
    state.followers.clear();
    state.screens.clear();
    state.wire = [];
    choose("");
  },
};
