/** The hotel's colour, made readable: every pair that carries text has a contrast of at least 4.5 (AA). */

const READABLE = 4.5;
type Rgb = [number, number, number];

export interface Palette {
  accent: string; // as a surface
  onAccent: string; // text upon it
  accentText: string; // the colour as text on a light surface
  accentTextDark: string; // and on a dark one
}

export function palette(colour: string): Palette {
  const accent = parse(colour) ?? [11, 95, 138];
  const light: Rgb = [255, 255, 255];
  const ink: Rgb = [20, 24, 28];
  const white = contrast(accent, light);
  // White looks better than ink where both can be read.
  const readable = white >= READABLE || contrast(accent, ink) >= READABLE;
  const surface = readable ? accent : towards(accent, light, ink);
  return {
    accent: show(surface),
    onAccent: show(contrast(surface, light) >= READABLE ? light : ink),
    accentText: show(towards(accent, [240, 243, 246], [0, 0, 0])),
    accentTextDark: show(towards(accent, [42, 47, 54], [255, 255, 255])),
  };
}

/** The colour, moved step by step to `end` until it can be read on `ground`. */
function towards(colour: Rgb, ground: Rgb, end: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = colour.map((part, i) => part + ((end[i] ?? 0) - part) * share) as Rgb;
    const rounded = mixed.map(Math.round) as Rgb;
    if (contrast(rounded, ground) >= READABLE) return rounded;
  }
  return end;
}

export function parse(colour: string): Rgb | null {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  return found ? (found.slice(1).map((part) => parseInt(part, 16)) as Rgb) : null;
}

function show(colour: Rgb): string {
  return "#" + colour.map((part) => part.toString(16).padStart(2, "0")).join("");
}

export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
