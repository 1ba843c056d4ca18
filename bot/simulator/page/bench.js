// @ts-check
// The engineer's side: whose phone it is, the reply window, the clock, and the switches.

import { at, button, find, make, post, span, toTheSecond } from "./dom.js";
import { choose, current, now, state } from "./state.js";
import { act } from "./phone.js";

const MODES = /** @type {Record<string, string>} */ ({ safe: "安全模式", compatible: "兼容模式", plain: "明文模式" });
const FAULTS = /** @type {[string, string][]} */ ([
  ["", "没有"], ["errcode", "返回错误码"], ["hang", "收下后不回话"], ["cut_before", "收下前断线"],
  ["cut_after", "收下后断线"], ["http_502", "收下后报 502"], ["garbage", "收下后回乱码"],
]);

/**
 * @typedef {{name: string, label: string, note: string, kind: "number"|"check"|"choice"}} Switch
 * @type {[string, Switch[]][]}
 */
const GROUPS = [
  ["推送", [
    { name: "delay", label: "晚到（秒）", note: "每次推送先等这么久", kind: "number" },
    { name: "answer_within", label: "等回答（秒）", note: "到时切断，再推一次，共三次", kind: "number" },
    { name: "lose_pushes", label: "丢推送（次）", note: "路上丢掉，服务收不到；-1 为一直", kind: "number" },
    { name: "lose_answers", label: "丢回答（次）", note: "服务答了，平台没收到；-1 为一直", kind: "number" },
    { name: "disorder", label: "乱序", note: "连着的两条，后一条先到", kind: "check" },
    { name: "duplicate", label: "重复", note: "每条紧跟着再推一遍", kind: "check" },
  ]],
  ["客服消息", [
    { name: "send_fault", label: "发送时", note: "", kind: "choice" },
    { name: "send_errcode", label: "错误码", note: "上面选“返回错误码”时用", kind: "number" },
    { name: "send_faults", label: "发生（次）", note: "-1 为一直", kind: "number" },
    { name: "own_replies_on", label: "另有自动回复", note: "账号后台的回复也开着，check 会报警", kind: "check" },
    { name: "snapshot_users", label: "快照用户", note: "网页授权给的是虚拟账号，不能当真", kind: "check" },
    { name: "verified", label: "账号已认证", note: "没认证就没有客服消息接口", kind: "check" },
  ]],
  ["文件", [
    { name: "media_errcode", label: "取文件的错误码", note: "服务来取客人的照片、语音时返回", kind: "number" },
    { name: "media_faults", label: "发生（次）", note: "-1 为一直", kind: "number" },
    { name: "films_by_address", label: "视频给地址", note: "真平台给的是下载地址，不是文件", kind: "check" },
  ]],
  ["令牌", [{ name: "token_seconds", label: "有效期（秒）", note: "下一次取令牌时生效", kind: "number" }]],
];
/** The values at which nothing is out of the ordinary. */
const CALM = /** @type {Record<string, unknown>} */ ({
  delay: 0, disorder: false, duplicate: false, lose_pushes: 0, lose_answers: 0, verified: true, send_faults: 0,
  media_faults: 0, own_replies_on: false, snapshot_users: false,
});

/** @type {Map<string, HTMLInputElement|HTMLSelectElement>} */
const inputs = new Map();

/** @type {() => void} */
let redraw = () => {};

/** @param {() => void} draws the whole page anew */
export function start(draws) {
  redraw = draws;
  at("switches").append(...GROUPS.map(([title, items]) => group(title, items)));
  at("switches").lastElementChild?.append(
    button("quiet", "立即过期", () => void post("tokens/expire", {})),
    button("quiet", "立即作废", () => void post("tokens/revoke", {})),
  );
  find("who", HTMLSelectElement).addEventListener("change", (event) => {
    choose(/** @type {HTMLSelectElement} */ (event.target).value);
    redraw();
  });
  at("new-guest").addEventListener("click", () => void newGuest());
  at("unfollow").addEventListener("click", () => void act({ do: current()?.following ? "unfollow" : "follow" }));
  at("reset").addEventListener("click", () => void reset());
  at("verify").addEventListener("click", () => void verify());
  for (const id of ["only-me", "origins"]) at(id).addEventListener("change", redraw);
}

export async function newGuest() {
  const follower = await post("followers", { follow: true });
  choose(follower.openid);
  // Their first events may have come before this answer.
  redraw();
}

async function reset() {
  await post("reset", {});
  await newGuest();
}

async function verify() {
  const found = await post("verify-address", {});
  at("verified").textContent = found.verified ? "✓ 验证通过" : "✗ 没有通过，服务开着吗？";
  at("verified").className = found.verified ? "good" : "bad";
}

/** @param {string} title @param {Switch[]} items */
function group(title, items) {
  return make("fieldset", "switch-group", make("legend", "", title), ...items.map(control));
}

/** @param {Switch} item */
function control(item) {
  const input = item.kind === "choice" ? choice() : field(item.kind);
  input.id = `switch-${item.name}`;
  input.addEventListener("change", () => void flip(item, input));
  inputs.set(item.name, input);
  const label = make("label", "switch-label", item.label);
  label.setAttribute("for", input.id);
  return make("div", `switch switch-${item.kind}`, label, input, make("span", "switch-note", item.note));
}

/** @param {string} kind */
function field(kind) {
  const input = document.createElement("input");
  input.type = kind === "check" ? "checkbox" : "number";
  if (kind === "number") input.step = "any";
  return input;
}

function choice() {
  const select = document.createElement("select");
  for (const [value, words] of FAULTS) select.add(new Option(words, value));
  return select;
}

/** @param {Switch} item @param {HTMLInputElement|HTMLSelectElement} input */
async function flip(item, input) {
  const isCheck = input instanceof HTMLInputElement && input.type === "checkbox";
  const value = isCheck ? input.checked : item.kind === "number" ? Number(input.value) : input.value;
  /** @type {Record<string, unknown>} */
  const changes = { [item.name]: value };
  // Choosing a fault means wanting one.
  if (item.name === "send_fault") changes.send_faults = value === "" ? 0 : Math.abs(state.switches.send_faults || 1);
  try {
    await post("switches", changes);
    input.removeAttribute("aria-invalid");
  } catch {
    input.setAttribute("aria-invalid", "true");
  }
}

export function draw() {
  drawWho();
  drawWindow();
  drawSwitches();
  at("mode").textContent = MODES[state.account.mode] ?? state.account.mode;
  at("where").textContent = `推送到 ${state.account.target}`;
  at("where").title = `${state.account.appid} · ${state.account.original_id}`;
}

function drawWho() {
  const select = find("who", HTMLSelectElement);
  const options = [...state.followers.values()].map((one) => {
    const mark = one.following ? "" : "（未关注）";
    return new Option(`${one.name} …${one.openid.slice(-4)}${mark}`, one.openid);
  });
  select.replaceChildren(...options);
  select.value = state.chosen;
  at("unfollow").textContent = current()?.following === false ? "关注" : "取消关注";
}

/** Every second: what is left and for how long. */
export function drawWindow() {
  const follower = current();
  const left = follower?.closes_at ? Date.parse(follower.closes_at) - now().getTime() : 0;
  const open = left > 0;
  at("quota").textContent = open ? `还可发 ${follower?.left} 条` : "已关闭";
  at("quota").classList.toggle("bad", open && follower?.left === 0);
  at("window").textContent = open ? `剩 ${span(left)}` : "客人说话或点菜单后打开";
  at("clock").textContent = toTheSecond(now());
  const shift = Math.round(state.ahead / 1000);
  at("clock-note").textContent = Math.abs(shift) < 3 ? "与本机一致" : `比本机${shift > 0 ? "快" : "慢"} ${span(Math.abs(state.ahead))}`;
}

function drawSwitches() {
  for (const [name, input] of inputs) {
    if (input === document.activeElement && input instanceof HTMLInputElement && input.type === "number") continue;
    const value = state.switches[name];
    if (input instanceof HTMLInputElement && input.type === "checkbox") input.checked = Boolean(value);
    else input.value = String(value ?? "");
  }
  const on = Object.entries(CALM).filter(([name, calm]) => name in state.switches && state.switches[name] !== calm);
  at("faults-on").hidden = on.length === 0;
  at("faults-on").textContent = `${on.length} 项开着`;
}
