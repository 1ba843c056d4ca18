// @ts-check
// The page of 微信客服: one guest who writes, what comes back, and whose the session is.

import { QUIET, message, notice, timeLine } from "./bubbles.js";
import { at, button, find, hourMinute, make, post, span } from "./dom.js";

const CONTROLS = "/wecom/control/";
const EVERY = 700; // milliseconds between two looks
const STATES = /** @type {Record<number, [string, string]>} */ ({
  0: ["未处理", "客人说了话，还没有人接"],
  1: ["由助手接待", "本服务可以回复"],
  2: ["待接入池", "等企业微信里的同事"],
  3: ["人工接待", "企业微信里的同事接了，本服务不能回复"],
  4: ["已结束", "客人再说话就重新开始"],
});

/**
 * @typedef {{msgtype: string, [kind: string]: any}} Message
 * @typedef {{side: "guest"|"account"|"servicer", at: number, message: Message}} Line
 * @typedef {{callback: string, told: number|null, lose_nudges: boolean, known: boolean, state: number, left: number, closes_at: number, now: number, screen: Line[]}} Seen
 */

const chat = at("chat");
const words = find("words", HTMLTextAreaElement);
let guest = localStorage.getItem("wecom-guest") ?? "";
let drawn = 0;
let draws = 0; // of looks that overlap the last one counts

const path = () => `guests/${encodeURIComponent(guest)}`;

/** One act of the guest's, or beside them. @param {object} what */
async function act(what) {
  try {
    await post(`${path()}/act`, what, CONTROLS);
  } catch (wrong) {
    console.error(wrong);
    chat.append(notice("这一步没有发出去，请再试一次"));
    chat.scrollTop = chat.scrollHeight;
  }
  await look();
}

async function look() {
  draws += 1;
  const mine = draws;
  try {
    const response = await fetch(`${CONTROLS}${path()}`, { cache: "no-store" });
    const seen = await response.json();
    if (mine === draws) draw(seen);
    at("offline").hidden = true;
  } catch {
    at("offline").hidden = false;
  }
}

async function newGuest() {
  guest = `wm${crypto.randomUUID().replaceAll("-", "")}`;
  localStorage.setItem("wecom-guest", guest);
  chat.replaceChildren();
  drawn = 0;
  await act({ do: "enter" });
}

// ---- drawing

/** @param {Seen} seen */
function draw(seen) {
  const now = new Date(seen.now * 1000);
  at("phone-clock").textContent = hourMinute(now);
  at("who").textContent = `客人 …${guest.slice(-4)}`;
  at("where").textContent = `回调 ${seen.callback}`;
  drawFigures(seen);
  if (drawn > seen.screen.length) {
    chat.replaceChildren(); // the simulator was started anew
    drawn = 0;
  }
  const fresh = seen.screen.slice(drawn);
  for (const line of fresh) {
    const before = seen.screen[drawn - 1];
    const iso = new Date(line.at * 1000).toISOString();
    if (!before || (line.at - before.at) * 1000 > QUIET) chat.append(timeLine(iso, now));
    chat.append(said(line, iso));
    drawn += 1;
  }
  chat.querySelector(".chat-empty")?.remove();
  if (!seen.screen.some((line) => line.side === "guest")) chat.append(empty());
  if (fresh.length > 0) chat.scrollTop = chat.scrollHeight;
}

/** @param {Seen} seen */
function drawFigures(seen) {
  const [state, note] = STATES[seen.state] ?? [String(seen.state), ""];
  at("state").textContent = state;
  at("state-note").textContent = note;
  const open = seen.known && seen.closes_at > seen.now;
  at("quota").textContent = open ? `还可发 ${seen.left} 条` : "已关闭";
  at("quota").classList.toggle("bad", open && seen.left === 0);
  at("window").textContent = open ? `剩 ${span((seen.closes_at - seen.now) * 1000)}` : "客人说话后打开";
  find("lose", HTMLInputElement).checked = seen.lose_nudges;
  at("told").textContent = told(seen);
  at("told").classList.toggle("bad", seen.told !== 200 && seen.told !== null);
}

/** How the last callback ended. @param {Seen} seen */
function told(seen) {
  if (seen.told === null) return "丢了，等下次拉取";
  if (seen.told === 200) return "已收下";
  return seen.told === 0 ? "连不上服务" : `服务报 ${seen.told}`;
}

/** The first step, offered until the guest has said something. */
function empty() {
  return button("chat-empty", "说句话试试，比如“早餐几点？”", () => {
    words.value = "早餐几点？";
    drawInput();
    words.focus();
  });
}

/** @param {Line} line @param {string} iso */
function said(line, iso) {
  const mine = line.side === "guest";
  const bubble = make("div", `bubble bubble-${line.message.msgtype}`, ...content(line.message));
  const body = make("div", "message-body", bubble);
  for (const choice of line.message.msgmenu?.list ?? []) {
    const { id, content: text } = choice.click;
    body.append(button("choice", text, () => void act({ do: "choose", id, text })));
  }
  if (line.side === "servicer") body.append(make("span", "origin", "企业微信里的同事"));
  return message(mine, mine ? "客人" : "微信客服", iso, body);
}

/** @param {Message} told @returns {(string|HTMLElement)[]} */
function content(told) {
  const kind = told.msgtype;
  if (kind === "text") return [told.text.content];
  if (kind === "msgmenu") return [told.msgmenu.head_content ?? ""];
  if (kind !== "image") return [`[${kind}]`];
  const picture = make("img", "");
  picture.setAttribute("src", `${CONTROLS}media/${encodeURIComponent(told.image.media_id)}`);
  picture.setAttribute("alt", "照片");
  return [picture];
}

function drawInput() {
  const ready = words.value.trim() !== "";
  at("send").hidden = !ready;
  at("picture").hidden = ready;
}

// ---- what is pressed

async function say() {
  const text = words.value.trim();
  if (!text) return;
  words.value = "";
  drawInput();
  await act({ do: "say", text });
}

async function sendPicture() {
  const chosen = find("pick-image", HTMLInputElement);
  const file = chosen.files?.[0];
  chosen.value = "";
  if (!file) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let from = 0; from < bytes.length; from += 32768) {
    binary += String.fromCharCode(...bytes.subarray(from, from + 32768));
  }
  await act({ do: "image", data: btoa(binary) });
}

find("say", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  void say();
});
words.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void say();
});
words.addEventListener("input", drawInput);
at("picture").addEventListener("click", () => at("pick-image").click());
at("pick-image").addEventListener("change", () => void sendPicture());
at("new-guest").addEventListener("click", () => void newGuest());
at("lose").addEventListener("change", () => {
  void act({ do: "lose", on: find("lose", HTMLInputElement).checked });
});
at("end").addEventListener("click", () => void act({ do: "end" }));
find("by-hand", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const field = find("hand-words", HTMLInputElement);
  const text = field.value.trim();
  field.value = "";
  if (text) void act({ do: "by_hand", text });
});

void (guest ? look() : newGuest());
setInterval(() => void look(), EVERY);
