import { describe, expect, it } from "vitest";

import css from "../tokens.css?raw";

function tokens(selector: string): Record<string, string> {
  const block = css.slice(css.indexOf(`${selector} {`)).split("}")[0] ?? "";
  return Object.fromEntries([...block.matchAll(/(--[\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1] ?? "", m[2] ?? ""]));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

/** What is written on what. */
const PAIRS: [string, string[]][] = [
  ["--ink", ["--panel", "--ground", "--hover", "--guest", "--warn-soft", "--accent-soft", "--panel-2"]],
  ["--ink-2", ["--panel", "--ground", "--hover", "--accent-soft", "--warn-soft", "--panel-2"]],
  ["--ink-3", ["--panel", "--ground", "--panel-2"]],
  ["--accent-text", ["--panel", "--ground", "--accent-soft", "--warn-soft", "--hover"]],
  ["--accent-ink", ["--accent", "--accent-hover"]],
  ["--accent-soft-ink", ["--accent-soft"]],
  ["--mine-ink", ["--mine"]],
  ["--warn", ["--panel", "--ground", "--warn-soft", "--accent-soft", "--hover", "--note"]],
  ["--alarm", ["--panel", "--accent-soft", "--hover"]],
  ["--alarm-ink", ["--alarm-ground"]],
  ["--note-ink", ["--note"]],
];

describe.each([
  ["light", ":root"],
  ["dark", "html.dark"],
])("contrast, %s", (_name, selector) => {
  const colours = { ...tokens(":root"), ...tokens(selector) };
  it.each(PAIRS.flatMap(([ink, grounds]) => grounds.map((ground) => [ink, ground] as const)))(
    "%s on %s",
    (ink, ground) => {
      expect(contrast(colours[ink] ?? "", colours[ground] ?? "")).toBeGreaterThanOrEqual(4.5);
    },
  );
});
