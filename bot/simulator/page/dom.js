// @ts-check
// Making elements and finding them. Text is always set as text, never as HTML.

/**
 * @param {string} tag
 * @param {string} [name] its class
 * @param {(Node|string)[]} children
 * @returns {HTMLElement}
 */
export function make(tag, name = "", ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

/**
 * @param {string} name
 * @param {string} words
 * @param {() => void} act
 */
export function button(name, words, act) {
  const element = /** @type {HTMLButtonElement} */ (make("button", name, words));
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`#${id} is missing`);
  return element;
}

/** @param {string} id */
export const at = (id) => find(id, HTMLElement);

/**
 * @param {string} path
 * @param {object} body
 * @param {string} controls
 * @returns {Promise<any>} the answer; an Error holds what the simulator said
 */
export async function post(path, body, controls = "/control/") {
  const response = await fetch(`${controls}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text);
}

const two = (/** @type {number} */ number) => String(number).padStart(2, "0");

/** @param {Date} date */
export const hourMinute = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;

/** @param {Date} date */
export const toTheSecond = (date) => `${hourMinute(date)}:${two(date.getSeconds())}`;

/** @param {number} milliseconds @returns {string} 47 小时 58 分 */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return `${hours} 小时 ${minutes} 分`;
  return minutes > 0 ? `${minutes} 分 ${seconds % 60} 秒` : `${seconds} 秒`;
}
