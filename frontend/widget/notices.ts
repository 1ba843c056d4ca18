/** News for a guest who looks elsewhere: the tab's title, and a sound for those who have written. */
import type { Keep } from "./keep";
import type { Words } from "./words";

export class Notices {
  asked = false; // the guest has written on this page: an answer is expected, and browsers allow sound
  private ours: string | null = null;
  private theirs = "";

  constructor(
    private readonly words: Words,
    private readonly memory: Keep,
    private readonly chime: () => void,
  ) {}

  /** Whether sound is on; `change` turns it. It is on until somebody turns it off. */
  sound(change: boolean): boolean {
    if (change) this.memory.set("sound", this.sound(false) ? "off" : "on");
    return this.memory.get("sound") !== "off";
  }

  /** Something has come in. Whoever has the page before them sees it, and needs neither. */
  tell(unread: number): void {
    if (document.visibilityState === "visible") return;
    this.title(unread);
    if (this.asked && this.sound(false)) this.chime();
  }

  /** The page's own title comes back as soon as it is looked at, unless the page has changed it. */
  title(unread: number): void {
    if (this.ours !== null && document.title === this.ours) document.title = this.theirs;
    this.ours = null;
    if (unread === 0) return;
    this.theirs = document.title;
    this.ours = `(${unread}) ${this.words("new_messages")} · ${this.theirs}`;
    document.title = this.ours;
    this.ours = document.title; // as the browser keeps it
  }
}
