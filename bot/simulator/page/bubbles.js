// @ts-check
// Lines of a conversation as a phone shows them: times, notices, messages.

import { hourMinute, make } from "./dom.js";

export const QUIET = 5 * 60 * 1000; // a time line stands where nothing was said for so long

/** @param {string} iso @param {Date} now */
export function timeLine(iso, now) {
  const date = new Date(iso);
  const today = date.toDateString() === now.toDateString();
  const day = today ? "" : `${date.getMonth() + 1}月${date.getDate()}日 `;
  const line = make("time", "chat-time", day + hourMinute(date));
  line.setAttribute("datetime", iso);
  line.title = date.toLocaleString("zh-CN");
  return line;
}

/** @param {string} text */
export const notice = (text) => make("p", "chat-notice", text);

/**
 * One message beside its speaker's picture.
 * @param {boolean} mine
 * @param {string} name of whoever says it
 * @param {string} iso
 * @param {HTMLElement} body
 */
export function message(mine, name, iso, body) {
  const avatar = make("span", `avatar ${mine ? "avatar-guest" : "avatar-hotel"}`);
  avatar.setAttribute("aria-hidden", "true");
  if (mine) avatar.textContent = name[0];
  const row = make("div", `message ${mine ? "message-mine" : "message-theirs"}`, avatar, body);
  row.setAttribute("aria-label", `${mine ? "我" : name}，${hourMinute(new Date(iso))}`);
  row.setAttribute("role", "group");
  return row;
}
