/** The desk's sounds, made of plain tones. A browser lets them play only after somebody touched the page. */
import { ref } from "vue";

import { notify } from "./notifications";
import { preferences } from "./preferences";

export type Ring = "waiting" | "word" | "order" | "wake" | "alarm";

/** [hertz, start in seconds, length in seconds] */
type Note = [number, number, number];

const TUNES: Record<Ring, { notes: Note[]; loud: number; wave: OscillatorType }> = {
  waiting: {
    notes: [
      [660, 0, 0.18],
      [880, 0.2, 0.32],
    ],
    loud: 0.22,
    wave: "sine",
  },
  word: { notes: [[740, 0, 0.14]], loud: 0.12, wave: "sine" },
  order: {
    notes: [
      [520, 0, 0.14],
      [520, 0.2, 0.18],
    ],
    loud: 0.16,
    wave: "sine",
  },
  wake: {
    notes: [
      [988, 0, 0.16],
      [988, 0.22, 0.16],
      [1319, 0.44, 0.3],
      [988, 1, 0.16],
      [988, 1.22, 0.16],
      [1319, 1.44, 0.3],
    ],
    loud: 0.28,
    wave: "triangle",
  },
  alarm: {
    notes: [
      [880, 0, 0.3],
      [587, 0.3, 0.3],
      [880, 0.6, 0.3],
      [587, 0.9, 0.3],
    ],
    loud: 0.3,
    wave: "square",
  },
};

export const blocked = ref(true);
/** What has been played, for whoever wants to know without ears (tests, screen readers). */
export const played = ref<{ ring: Ring; at: number } | null>(null);

let audio: AudioContext | null = null;
let speaksForAll = false;

function unlock(): void {
  audio ??= new AudioContext();
  void audio.resume().then(() => (blocked.value = audio?.state !== "running"));
  blocked.value = audio.state !== "running";
  electSpeaker();
}

/** Several tabs, one ring: hidden tabs leave it to the one that has the lock. */
function electSpeaker(): void {
  if (speaksForAll || !navigator.locks) return;
  void navigator.locks.request("dianxiaoer-ring", () => {
    speaksForAll = true;
    return new Promise(() => undefined);
  });
}

export function startRings(): void {
  const touch = (): void => {
    if (blocked.value) unlock();
  };
  window.addEventListener("pointerdown", touch, true);
  window.addEventListener("keydown", touch, true);
}

/** Emergencies and wake-up calls ring through the mute: somebody's safety or flight depends on them. */
const silenced = (ring: Ring): boolean => preferences.mute && ring !== "alarm" && ring !== "wake";

export function play(ring: Ring): void {
  if (silenced(ring)) return;
  if (document.visibilityState === "hidden" && navigator.locks && !speaksForAll) return;
  notify(ring);
  played.value = { ring, at: Date.now() };
  document.documentElement.dataset.rang = ring;
  if (!audio || audio.state !== "running") return;
  const tune = TUNES[ring];
  tune.notes.forEach((note) => sound(audio as AudioContext, note, tune.loud, tune.wave));
}

function sound(on: AudioContext, [hertz, start, length]: Note, loud: number, wave: OscillatorType): void {
  const begin = on.currentTime + start;
  const tone = on.createOscillator();
  const volume = on.createGain();
  tone.type = wave;
  tone.frequency.value = hertz;
  // Without a ramp every tone begins and ends with a click.
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(wave === "square" ? loud * 0.4 : loud, begin + 0.015);
  volume.gain.linearRampToValueAtTime(0, begin + length);
  tone.connect(volume).connect(on.destination);
  tone.start(begin);
  tone.stop(begin + length + 0.02);
}
