// @ts-check
// The phone: the conversation of an official account, and everything a follower can do in it.

import { QUIET, message as row, notice, timeLine } from "./bubbles.js";
import { at, button, find, hourMinute, make, post } from "./dom.js";
import { current, now, state } from "./state.js";

const EMOJI = [..."😀😄😊😍😘😂🤣😅😭😢😡😱🤔😴🙏👍👎👌✌💪👏❤🌹🎉🍻☕🍚🛏🔑🚕"];
const KINDS = /** @type {Record<string, string>} */ ({
  image: "照片", video: "视频", voice: "语音", location: "星海广场", link: "大连三日游", file: "行程单.pdf",
});

const chat = at("chat");
const words = find("words", HTMLTextAreaElement);
const drawers = { "to-emoji": at("emoji"), "to-more": at("more") };
let drawn = { openid: "none yet", count: 0, origins: true };
let menuShown = true;
let cardOpen = false;
/** @type {unknown} the menu that is drawn; an open list must outlive a redraw */
let drawnMenu;

/** @param {{onOrigin: (push: number) => void}} hooks */
export function start(hooks) {
  onOrigin = hooks.onOrigin;
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
  words.addEventListener("focus", () => openDrawer(""));
  at("to-voice").addEventListener("click", toggleVoice);
  at("talk").addEventListener("pointerdown", talk);
  at("talk").addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") void act({ do: "send", kind: "voice" });
  });
  at("to-menu").addEventListener("click", () => showMenu(true));
  for (const id of /** @type {("to-emoji"|"to-more")[]} */ (Object.keys(drawers))) {
    at(id).addEventListener("click", () => openDrawer(drawers[id].hidden === true ? id : ""));
  }
  at("emoji").append(...EMOJI.map((one) => button("emoji-one", one, () => insert(one))));
  for (const one of document.querySelectorAll("[data-send]")) {
    one.addEventListener("click", () => void act({ do: "send", kind: one.getAttribute("data-send") }));
  }
  for (const one of document.querySelectorAll("[data-pick]")) {
    const kind = one.getAttribute("data-pick") ?? "";
    const file = find(`pick-${kind}`, HTMLInputElement);
    one.addEventListener("click", () => file.click());
    file.addEventListener("change", () => void sendFile(kind, file));
  }
  for (const one of document.querySelectorAll("[data-scan]")) {
    one.addEventListener("click", () => void act({ do: "scan", scene: one.getAttribute("data-scan") }));
  }
  at("chat-more").addEventListener("click", () => showCard(!cardOpen));
  at("card-close").addEventListener("click", () => showCard(false));
  at("follow").addEventListener("click", () => void act({ do: "follow" }));
  chat.addEventListener("click", () => {
    openDrawer("");
    closeLists();
  });
}

/** @type {(push: number) => void} */
let onOrigin = () => {};

/** One act of the follower's. @param {object} what */
export async function act(what) {
  const follower = current();
  if (!follower) return;
  try {
    await post(`followers/${encodeURIComponent(follower.openid)}/act`, what);
  } catch (wrong) {
    console.error(wrong);
    chat.append(notice("这一步没有发出去，请再试一次"));
    chat.scrollTop = chat.scrollHeight;
  }
}

async function say() {
  const text = words.value.trim();
  if (!text) return;
  words.value = "";
  drawInput();
  words.focus();
  await act({ do: "say", text });
}

/**
 * @param {string} kind
 * @param {HTMLInputElement} chosen
 */
async function sendFile(kind, chosen) {
  const file = chosen.files?.[0];
  chosen.value = "";
  if (!file) return;
  openDrawer("");
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 32768) binary += String.fromCharCode(...bytes.subarray(at, at + 32768));
  await act({ do: "send", kind, data: btoa(binary) });
}

/** @param {string} text */
function insert(text) {
  words.setRangeText(text, words.selectionStart, words.selectionEnd, "end");
  drawInput();
}

function talk() {
  const talkButton = at("talk");
  talkButton.textContent = "松开 发送";
  const ends = () => {
    talkButton.textContent = "按住 说话";
    void act({ do: "send", kind: "voice" });
  };
  window.addEventListener("pointerup", ends, { once: true });
}

function toggleVoice() {
  const voice = at("talk").hidden === true;
  at("talk").hidden = !voice;
  words.hidden = voice;
  at("to-voice").setAttribute("aria-pressed", String(voice));
  at("to-voice").setAttribute("aria-label", voice ? "切换到键盘" : "切换到语音");
  at("to-voice").classList.toggle("icon-keyboard", voice);
  openDrawer("");
  drawInput();
}

/** @param {string} id of the button whose drawer is to be open; none for "" */
function openDrawer(id) {
  for (const [name, drawer] of Object.entries(drawers)) {
    drawer.hidden = name !== id;
    at(name).setAttribute("aria-expanded", String(name === id));
  }
  if (id) chat.scrollTop = chat.scrollHeight;
}

/** @param {boolean} shown */
function showCard(shown) {
  cardOpen = shown;
  drawCard();
}

/** @param {boolean} shown */
function showMenu(shown) {
  menuShown = shown;
  openDrawer("");
  drawBar();
  if (!shown) words.focus();
}

// ---- drawing

export function draw() {
  const follower = current();
  at("chat-title").textContent = follower?.typing ? "对方正在输入…" : state.account.name;
  at("card-name").textContent = state.account.name;
  at("card-id").textContent = `公众号 ${state.account.original_id}`;
  at("phone-clock").textContent = hourMinute(now());
  drawCard();
  drawBar();
  drawInput();
  drawChat();
}

/** The account's card: on request, and in place of the conversation for who doesn't follow. */
function drawCard() {
  const outside = current()?.following === false;
  if (outside) cardOpen = false;
  at("card").hidden = !(cardOpen || outside);
  at("follow").hidden = !outside;
  at("card-close").hidden = outside;
  at("chat-more").setAttribute("aria-expanded", String(cardOpen));
}

function drawBar() {
  const follower = current();
  at("bar").hidden = !follower?.following;
  const buttons = state.menu?.button ?? [];
  const asMenu = buttons.length > 0 && menuShown;
  at("bar-menu").hidden = !asMenu;
  at("say").hidden = asMenu;
  at("to-menu").hidden = buttons.length === 0;
  if (drawnMenu === state.menu) return;
  drawnMenu = state.menu;
  at("bar-menu").replaceChildren(keyboardButton(), ...buttons.map(menuButton));
}

function keyboardButton() {
  const element = button("round icon-keyboard", "", () => showMenu(false));
  element.setAttribute("aria-label", "切换到输入");
  return element;
}

/** @param {import("./state.js").MenuButton} item */
function menuButton(item) {
  const inner = item.sub_button ?? [];
  if (inner.length === 0) return make("div", "menu-item", button("menu-name", item.name, () => tap(item)));
  const list = make("div", "menu-list", ...inner.map((one) => button("menu-one", one.name, () => tap(one))));
  list.hidden = true;
  const open = button("menu-name menu-more", item.name, () => {
    const opening = list.hidden;
    closeLists();
    list.hidden = !opening;
    open.setAttribute("aria-expanded", String(opening));
  });
  open.setAttribute("aria-expanded", "false");
  return make("div", "menu-item", list, open);
}

function closeLists() {
  for (const list of document.querySelectorAll(".menu-list")) list.setAttribute("hidden", "");
  for (const open of document.querySelectorAll(".menu-more")) open.setAttribute("aria-expanded", "false");
}

/** @param {import("./state.js").MenuButton} item */
function tap(item) {
  closeLists();
  if (item.type === "view") void view(item.url ?? "");
  else void act({ do: "click", key: item.key });
}

/** A page opens in a tab of its own, reached by the way that WeChat's browser takes. @param {string} url */
async function view(url) {
  const openid = state.chosen;
  await act({ do: "view", url });
  const there = URL.canParse(url) && !new URL(url).hostname.endsWith(".example");
  const way = `control/followers/${encodeURIComponent(openid)}/open?url=${encodeURIComponent(url)}`;
  if (there) window.open(way, "_blank", "noopener");
}

function drawInput() {
  const ready = words.value.trim() !== "" && !words.hidden;
  at("send").hidden = !ready;
  at("to-more").hidden = ready;
  words.style.height = "auto";
  words.style.height = `${Math.min(words.scrollHeight, 112)}px`;
}

function drawChat() {
  const screen = state.screens.get(state.chosen) ?? [];
  const origins = find("origins", HTMLInputElement).checked;
  const same = drawn.openid === state.chosen && drawn.origins === origins && drawn.count <= screen.length;
  if (!same) {
    chat.replaceChildren();
    drawn = { openid: state.chosen, count: 0, origins };
  }
  const wasLow = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
  for (; drawn.count < screen.length; drawn.count += 1) chat.append(...lines(screen, drawn.count, origins));
  chat.querySelector(".chat-empty")?.remove();
  if (current() && !screen.some((one) => one.side === "guest")) chat.append(empty());
  if (wasLow || !same) chat.scrollTop = chat.scrollHeight;
}

/** The first step, offered until the guest has said something. */
function empty() {
  return button("chat-empty", "说句话试试，比如“早餐几点？”", () => {
    showMenu(false);
    words.value = "早餐几点？";
    drawInput();
  });
}

/**
 * @param {import("./state.js").Shown[]} screen
 * @param {number} index
 * @param {boolean} origins
 */
function lines(screen, index, origins) {
  const shown = screen[index];
  const before = screen[index - 1];
  const made = [];
  if (!before || Date.parse(shown.at) - Date.parse(before.at) > QUIET) made.push(timeLine(shown.at, now()));
  made.push(shown.side === "notice" ? notice(shown.text) : message(shown, origins));
  return made;
}

/**
 * @param {import("./state.js").Shown} shown
 * @param {boolean} origins
 */
function message(shown, origins) {
  const mine = shown.side === "guest";
  const bubble = make("div", `bubble bubble-${shown.kind}`, ...content(shown, mine));
  const body = make("div", "message-body", bubble);
  for (const [id, text] of shown.options) {
    body.append(button("choice", text, () => void act({ do: "choose", id, text })));
  }
  if (origins && shown.via) body.append(origin(shown));
  return row(mine, mine ? (current()?.name ?? "客") : state.account.name, shown.at, body);
}

/**
 * What is seen or heard: a picture, a film, sound that browsers play; else its name.
 * @param {import("./state.js").Shown} shown
 * @param {boolean} mine
 * @returns {(string|HTMLElement)[]}
 */
function content(shown, mine) {
  if (!shown.media || (mine && shown.kind === "voice")) return [KINDS[shown.kind] ?? shown.text];
  const source = `/control/media/${encodeURIComponent(shown.media)}`;
  if (shown.kind === "image") {
    const picture = make("img", "");
    picture.setAttribute("src", source);
    picture.setAttribute("alt", KINDS.image);
    picture.addEventListener("load", () => {
      chat.scrollTop = chat.scrollHeight;
    });
    return [picture];
  }
  const player = make(shown.kind === "video" ? "video" : "audio", "");
  player.setAttribute("src", source);
  player.setAttribute("controls", "");
  player.setAttribute("aria-label", KINDS[shown.kind] ?? "");
  return [player];
}

/** @param {import("./state.js").Shown} shown */
function origin(shown) {
  if (shown.via === "custom") return make("span", "origin", "客服消息");
  return button("origin", `被动回复 · 第 ${shown.delivery} 次推送`, () => onOrigin(shown.push));
}
