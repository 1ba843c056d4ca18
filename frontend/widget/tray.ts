/** What the guest has chosen and not yet sent: picked, pasted or dropped files, above the box. */
import { el, icon } from "./dom";
import { kindOf, size } from "./media";
import type { Words } from "./words";

const MOST = 9;

export class Tray {
  readonly element = el("div", { class: "tray", hidden: true });
  readonly input: HTMLInputElement;
  private files = new Map<File, string>(); // with their addresses on this page

  constructor(
    private readonly words: Words,
    private readonly limits: Record<string, number>,
    private readonly changed: (wrong: string) => void,
  ) {
    this.input = el("input", { type: "file", multiple: true, class: "hidden", tabindex: "-1", "aria-hidden": "true" });
    this.input.addEventListener("change", () => {
      this.add(this.input.files);
      this.input.value = "";
    });
  }

  get full(): boolean {
    return this.files.size > 0;
  }

  /** Takes what fits; says of the rest why not, before anything is sent. */
  add(files: Iterable<File> | null): void {
    let wrong = "";
    for (const file of files ?? []) {
      const limit = this.limits[kindOf(file.type)] ?? Infinity;
      // A large photograph is made smaller on its way.
      const allowed = shrinkable(file) ? limit * 4 : limit;
      if (this.files.size >= MOST) wrong = this.words("files_most", { count: MOST });
      else if (file.size > allowed) wrong = this.words("file_too_large", { name: file.name, limit: size(limit) });
      else if (file.size === 0) wrong = this.words("file_empty", { name: file.name });
      else this.files.set(file, URL.createObjectURL(file));
    }
    this.show(wrong);
  }

  take(): [File, string][] {
    const taken = [...this.files];
    this.files.clear();
    this.show("");
    return taken;
  }

  private show(wrong: string): void {
    this.element.replaceChildren(...[...this.files].map(([file, address]) => this.item(file, address)));
    this.element.hidden = !this.full;
    this.changed(wrong);
  }

  private item(file: File, address: string): HTMLElement {
    const remove = (): void => {
      URL.revokeObjectURL(address);
      this.files.delete(file);
      this.show("");
    };
    const picture = kindOf(file.type) === "image" ? el("img", { src: address, alt: "" }) : icon("file");
    const label = this.words("remove", { name: file.name });
    const away = el("button", { type: "button", "aria-label": label, click: remove }, icon("close"));
    const about = el("span", {}, el("bdi", {}, file.name), el("small", {}, size(file.size)));
    return el("div", { class: "chosen" }, picture, about, away);
  }
}

/** Photographs, which have nothing to see through. */
export function shrinkable({ type }: { type: string }): boolean {
  return /^image\/(jpeg|webp)$/.test(type);
}
