// @ts-check
// Starts the page: follows the simulator's stream and draws after each change.

import * as bench from "./bench.js";
import { at } from "./dom.js";
import * as phone from "./phone.js";
import { state, take } from "./state.js";
import * as wire from "./wire.js";

let waiting = false;

/** Draws once per frame, however many changes came. */
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    document.title = `${state.account.name} · 微信模拟器`;
    phone.draw();
    bench.draw();
    wire.draw();
  });
}

function follow() {
  const stream = new EventSource("/control/stream");
  stream.addEventListener("message", (event) => {
    const change = JSON.parse(event.data);
    take(change);
    at("offline").hidden = true;
    if (change.type === "snapshot" && state.followers.size === 0) void bench.newGuest();
    redraw();
  });
  // The browser connects again by itself, and then gets everything anew.
  stream.addEventListener("error", () => {
    at("offline").hidden = false;
  });
}

/** @param {string} name phone or bench: which one a narrow screen shows */
function show(name) {
  document.querySelector(".stage")?.setAttribute("data-shown", name);
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-pressed", String(tab.getAttribute("data-tab") === name));
  }
}

for (const tab of document.querySelectorAll("[data-tab]")) {
  tab.addEventListener("click", () => show(tab.getAttribute("data-tab") ?? "phone"));
}
phone.start({
  onOrigin(push) {
    show("bench");
    wire.reveal(push);
  },
});
bench.start(redraw);
setInterval(bench.drawWindow, 1000);
setInterval(phone.draw, 20_000);
follow();
