/** What few guests need, loaded when somebody does: a picture large, voice, a smaller photograph, a sound. */
import { el, icon } from "./dom";
import type { Words } from "./words";

const LONGEST = 2560; // pixels, as the service keeps pictures
const SMALL = 1_500_000; // bytes that need no shrinking
const QUALITY = 0.85;
const SPOKEN = 60; // seconds of one voice message

/** A picture over everything, until it is closed. Returns nothing; focus goes back to where it was. */
export function view(frame: HTMLElement, address: string, name: string, words: Words): void {
  const before = (frame.getRootNode() as ShadowRoot).activeElement;
  const close = (): void => {
    box.remove();
    if (before instanceof HTMLElement) before.focus();
  };
  const button = el("button", { class: "close", type: "button", "aria-label": words("close"), click: close }, icon("close"));
  const keys = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === "Escape") close();
    if (event.key === "Tab") event.preventDefault(); // there is one thing to reach
  };
  const box = el(
    "div",
    { class: "large", role: "dialog", "aria-modal": "true", "aria-label": name, keydown: keys, click: close },
    el("img", { src: address, alt: name }),
    button,
  );
  frame.append(box);
  button.focus();
}

/** A photograph as large as it will be kept, where that is smaller than it came. */
export async function shrink(file: File): Promise<Blob> {
  if (file.size < SMALL) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = el("canvas", { width: String(Math.round(picture.width * scale)), height: String(Math.round(picture.height * scale)) });
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    return made && made.size < file.size ? made : file;
  } catch {
    return file; // the service looks at it
  }
}

export interface Recording {
  element: HTMLElement;
  stop(): void;
}

/** Records until the guest sends or gives up. `done` gets the sound, or null. Rejects without a microphone. */
export async function record(words: Words, done: (sound: Blob | null, seconds: number) => void): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const type = ["audio/webm;codecs=opus", "audio/mp4"].find((known) => MediaRecorder.isTypeSupported(known));
  const recorder = new MediaRecorder(stream, type ? { mimeType: type, audioBitsPerSecond: 32_000 } : {});
  const pieces: Blob[] = [];
  const began = performance.now();
  const length = (): number => Math.min(SPOKEN, (performance.now() - began) / 1000);
  let wanted = false;
  const stop = (send: boolean): void => {
    wanted = send;
    if (recorder.state !== "inactive") recorder.stop();
  };
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  recorder.onstop = () => {
    clearInterval(ticking);
    stream.getTracks().forEach((track) => track.stop());
    done(wanted ? new Blob(pieces, { type: recorder.mimeType.split(";")[0] }) : null, length());
  };
  const time = el("span", { class: "time", role: "timer" }, "0:00");
  const ticking = setInterval(() => {
    const seconds = Math.floor(length());
    time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (seconds >= SPOKEN) stop(true);
  }, 250);
  recorder.start(1000);
  const away = el("button", { class: "tool", type: "button", "aria-label": words("voice_cancel"), click: () => stop(false) }, icon("close"));
  const send = el("button", { class: "send", type: "button", "aria-label": words("voice_send"), click: () => stop(true) }, icon("send"));
  const element = el("div", { class: "recording" }, away, el("i"), time, el("span", { class: "hint" }, words("voice_hint")), send);
  return { element, stop: () => stop(false) };
}

let audio: AudioContext | null = null;

/** Two soft tones. Browsers allow it once the guest has done something on the page. */
export function chime(): void {
  audio ??= new AudioContext();
  [880, 1174.7].forEach((pitch, at) => tone(audio as AudioContext, pitch, at * 0.14));
}

function tone(context: AudioContext, pitch: number, after: number): void {
  const start = context.currentTime + after;
  const [source, gain] = [context.createOscillator(), context.createGain()];
  source.frequency.value = pitch;
  gain.gain.setValueAtTime(0.08, start);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.35);
  source.connect(gain).connect(context.destination);
  source.start(start);
  source.stop(start + 0.4);
}

/** How it was, once a colleague has ended the visit. `send` resolves when it is kept. */
export function rating(words: Words, send: (stars: number, text: string) => Promise<boolean>): HTMLElement {
  const box = el("section", { class: "rating", "aria-label": words("rate") }, el("strong", {}, words("rate")));
  const note = el("textarea", { rows: "2", maxlength: "500", placeholder: words("rate_note"), "aria-label": words("rate_note") });
  let stars = 0;
  const submit = el("button", { class: "give", type: "button", click: () => void give() }, words("rate_send"));
  const buttons = [1, 2, 3, 4, 5].map((count) =>
    el("button", { type: "button", "aria-pressed": "false", "aria-label": words("rate_stars", { count }), click: () => choose(count) }, "★"),
  );
  const row = el("div", { class: "stars", role: "group", "aria-label": words("rate") }, ...buttons);
  const rest = el("div", { class: "rest", hidden: true }, note, submit);
  const choose = (count: number): void => {
    stars = count;
    rest.hidden = false;
    box.scrollIntoView({ block: "end" });
    buttons.forEach((button, at) => {
      button.className = at < count ? "on" : "";
      button.setAttribute("aria-pressed", String(at + 1 === count));
    });
  };
  const give = async (): Promise<void> => {
    submit.disabled = true;
    box.dataset.given = ""; // at once: the line may say that it has been rated before the answer does
    const kept = await send(stars, note.value);
    submit.disabled = false;
    const said = el("p", { role: "status" }, words(kept ? "rate_thanks" : "rate_failed"));
    if (kept) return box.replaceChildren(said);
    delete box.dataset.given;
    rest.append(said);
  };
  box.append(row, rest);
  return box;
}
