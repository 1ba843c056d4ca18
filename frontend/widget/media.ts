/** Files in the thread: pictures and films in place, voice with a player, anything else as a link. */
import { el, icon, link } from "./dom";
import type { Kept } from "./protocol";
import type { Words } from "./words";

const WIDEST = 240;
const TALLEST = 260;

export interface MediaActions {
  /** Where a file's address leads. */
  resolve(address: string): string;
  view(address: string, name: string): void;
  /** A file didn't load; what stands there instead. */
  stale(instead: HTMLElement): void;
}

export function shown(file: Kept, words: Words, actions: MediaActions): HTMLElement {
  const address = actions.resolve(file.address);
  const name = file.name ?? words(`kind_${file.kind}`);
  if (!file.address) return el("span", { class: "file" }, icon("file"), el("bdi", {}, name));
  const row = (): HTMLElement => download(file, name, address);
  if (file.kind === "file") return row();
  // What can't be shown here (a policy of the page, a format, an address that ran out) can still be opened.
  const failed = (): void => {
    const instead = row();
    media.replaceWith(instead);
    if (file.id) actions.stale(instead);
  };
  const media: HTMLElement = file.kind === "image" ? picture() : player(file, name, address, failed);
  return media;

  function picture(): HTMLElement {
    const img = el("img", { src: address, alt: name, ...measures(file), error: failed });
    const view = (): void => actions.view(address, name);
    return el("button", { class: "pic", type: "button", "aria-label": words("view", { name }), click: view }, img);
  }
}

function player(file: Kept, name: string, src: string, error: () => void): HTMLElement {
  const how = { src, controls: true, "aria-label": name, error };
  if (file.kind === "voice") return el("audio", { ...how, preload: "metadata" });
  return el("video", { ...how, ...measures(file), preload: "metadata", playsinline: true });
}

/** Known before the bytes are there, so that nothing jumps. */
function measures({ width, height }: Kept): Record<string, string> {
  if (!width || !height) return {};
  const scale = Math.min(1, WIDEST / width, TALLEST / height);
  return { width: String(Math.round(width * scale)), height: String(Math.round(height * scale)) };
}

function download(file: Kept, name: string, address: string): HTMLElement {
  const row = link(address, icon("file"), el("bdi", {}, name), el("small", {}, size(file.size)));
  row.className = "file";
  return row;
}

export function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1).replace(/\.0$/, "")} MB`;
}

export function kindOf(type: string): Kept["kind"] {
  const kinds: Record<string, Kept["kind"]> = { image: "image", audio: "voice", video: "video" };
  return kinds[type.split("/")[0] ?? ""] ?? "file";
}
