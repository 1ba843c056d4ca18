// @ts-check
// The wire: every delivery of a push and every call to the platform, as sent and decrypted.

import { at, button, find, make, toTheSecond } from "./dom.js";
import { state } from "./state.js";

const TITLES = /** @type {Record<string, string>} */ ({
  text: "文字", image: "照片", voice: "语音", video: "视频", shortvideo: "短视频", location: "位置",
  link: "链接", file: "文件", "media/get": "取文件", "media/upload": "存文件", "qrcode/create": "建二维码",
  get_current_selfmenu_info: "查现有菜单", get_current_autoreply_info: "查自动回复",
  subscribe: "关注", unsubscribe: "取消关注", CLICK: "点菜单", VIEW: "开网页", SCAN: "扫码",
  stable_token: "取令牌", token: "取令牌（旧）", "message/custom/send": "发客服消息",
  "message/custom/typing": "正在输入", getcallbackip: "查回调地址",
  "menu/create": "建菜单", "menu/get": "查菜单", "menu/delete": "删菜单",
});
/** What became of it: words and tone. */
const ENDS = /** @type {Record<string, [string, string]>} */ ({
  waiting: ["等回答", "plain"], answered: ["已回答", "good"], cut: ["到时切断", "bad"], lost: ["路上丢了", "bad"],
  answer_lost: ["回答丢了", "bad"], refused: ["被拒绝", "bad"], unreachable: ["连不上", "bad"],
  bad_answer: ["回答无效", "bad"], given_up: ["对方放弃", "bad"],
});

const list = at("wire");
/** @type {Map<number, {entry: import("./state.js").Entry, row: HTMLElement}>} */
const rows = new Map();

export function draw() {
  const onlyMe = find("only-me", HTMLInputElement).checked;
  const wanted = state.wire.filter((one) => !onlyMe || !one.openid || one.openid === state.chosen);
  const ids = new Set(wanted.map((one) => one.id));
  for (const [id, { row }] of rows) {
    if (ids.has(id)) continue;
    row.remove();
    rows.delete(id);
  }
  for (const entry of wanted) drawOne(entry);
  at("wire-none").hidden = wanted.length > 0;
}

/** Opens the last delivery of a push and brings it into view. @param {number} push */
export function reveal(push) {
  const entry = state.wire.findLast((one) => one.push === push && one.end === "answered");
  const row = entry && rows.get(entry.id)?.row;
  if (!row) return;
  row.querySelector("details")?.setAttribute("open", "");
  row.scrollIntoView({ block: "center", behavior: "smooth" });
  row.classList.add("found");
  setTimeout(() => row.classList.remove("found"), 1600);
}

/** @param {import("./state.js").Entry} entry */
function drawOne(entry) {
  const known = rows.get(entry.id);
  if (known?.entry === entry) return;
  const row = make("li", `entry entry-${entry.kind}`, folded(entry));
  if (known) {
    if (known.row.querySelector("details")?.open) row.querySelector("details")?.setAttribute("open", "");
    known.row.replaceWith(row);
  } else {
    const newer = [...rows].filter(([id]) => id > entry.id).at(-1);
    if (newer) newer[1].row.after(row);
    else list.prepend(row);
  }
  rows.set(entry.id, { entry, row });
}

/** @param {import("./state.js").Entry} entry */
function folded(entry) {
  const details = make("details", "", summary(entry));
  details.addEventListener("toggle", () => {
    if (details.childElementCount === 1) details.append(exchange(entry));
  });
  return details;
}

/** @param {import("./state.js").Entry} entry */
function summary(entry) {
  const refused = refusal(entry);
  const [word, tone] = refused ? [refused, "bad"] : (ENDS[entry.end] ?? [entry.end, "plain"]);
  const [title, extra] = entry.title.split(" · ");
  const time = make("time", "entry-time", toTheSecond(new Date(entry.at)));
  time.title = entry.at;
  const gist = make("span", "entry-gist", said(entry));
  const parts = [
    time,
    make("span", "entry-way", entry.kind === "push" ? "推送" : "调用"),
    make("span", "entry-title", TITLES[title] ?? title, ...(extra ? [make("em", "", ` ${extra}`)] : []), gist),
    make("span", "entry-who", state.followers.get(entry.openid)?.name ?? ""),
    make("span", "entry-number", entry.delivery ? `第 ${entry.delivery} 次` : ""),
    make("span", "entry-seconds", entry.seconds === null ? "" : `${entry.seconds.toFixed(2)} 秒`),
    make("span", `chip chip-${tone}`, entry.status && entry.status !== 200 ? `${entry.status} ${word}` : word),
  ];
  return make("summary", "entry-line", ...parts);
}

/** What was said in it, for the eye that runs over the list. @param {import("./state.js").Entry} entry */
function said(entry) {
  const asked = words(entry.sent_plain);
  const answer = entry.kind === "push" ? words(entry.answer_plain) : "";
  return answer ? `${asked} → ${answer}` : asked;
}

/** The text or the key in a message of either form. @param {string} plain */
function words(plain) {
  const xml = plain.startsWith("<xml>") && new DOMParser().parseFromString(plain, "text/xml");
  if (xml) return (xml.querySelector("Content") ?? xml.querySelector("EventKey"))?.textContent ?? "";
  const json = /"content":("(?:[^"\\]|\\.)*")/.exec(plain)?.[1];
  try {
    return json ? JSON.parse(json) : "";
  } catch {
    return "";
  }
}

/** The errcode of a call that was refused, else "". @param {import("./state.js").Entry} entry */
function refusal(entry) {
  if (entry.kind !== "call" || entry.end !== "answered") return "";
  const code = /"errcode":\s*(-?\d+)/.exec(entry.answer)?.[1];
  return code && code !== "0" ? code : "";
}

/** @param {import("./state.js").Entry} entry */
function exchange(entry) {
  const sent = entry.kind === "push" ? "平台推送" : "服务请求";
  const answered = entry.kind === "push" ? "服务回答" : "平台回答";
  const clear = entry.kind === "push" ? "解密后" : "正文";
  return make(
    "div", "exchange",
    pane(sent, clear, entry.sent, entry.sent_plain),
    pane(answered, clear, entry.answer || "（没有）", entry.answer_plain),
    make("p", "exchange-note", note(entry)),
  );
}

/** The state of the reply window then. @param {import("./state.js").Entry} entry */
function note(entry) {
  const parts = entry.push ? [`推送编号 ${entry.push}`] : [];
  if (entry.left !== null) {
    const until = entry.closes_at ? `，到 ${new Date(entry.closes_at).toLocaleString("zh-CN")}` : "";
    parts.push(entry.closes_at ? `当时还可发 ${entry.left} 条${until}` : "当时回复时限已关闭");
  }
  return parts.join(" · ");
}

/**
 * One side of an exchange, first in clear; the raw form is one press away.
 * @param {string} title
 * @param {string} clearName what the clear form is called
 * @param {string} raw
 * @param {string} plain
 */
function pane(title, clearName, raw, plain) {
  const text = make("pre", "pane-text");
  text.tabIndex = 0;
  const both = plain !== "" && plain !== raw;
  /** @param {boolean} clear */
  const show = (clear) => {
    text.textContent = clear ? spread(plain) : raw;
    asClear.setAttribute("aria-pressed", String(clear));
    asRaw.setAttribute("aria-pressed", String(!clear));
  };
  const asClear = button("pane-tab", clearName, () => show(true));
  const asRaw = button("pane-tab", "线上原文", () => show(false));
  const tabs = both ? [asClear, asRaw] : [];
  const copy = button("pane-copy", "复制", () => void navigator.clipboard.writeText(text.textContent ?? ""));
  show(both);
  return make("div", "pane", make("div", "pane-head", make("h3", "", title), ...tabs, copy), text);
}

/** A flat XML, one element a line. @param {string} xml */
function spread(xml) {
  return xml.startsWith("<xml>") ? xml.replace(/(<xml>|<\/[A-Za-z_]+>)(?=<)/g, "$1\n") : xml;
}
