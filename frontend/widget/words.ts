/** The widget's words, as the hotel's config brings them. */

export type Words = (key: string, values?: Record<string, string | number>) => string;

/** zh, zh-Hant or en, from what the page or the browser says it speaks. */
export function localeOf(...spoken: (string | null | undefined)[]): string {
  const first = (spoken.find((language) => language) ?? "zh").toLowerCase();
  if (!first.startsWith("zh")) return "en";
  return /hant|-(tw|hk|mo)/.test(first) ? "zh-Hant" : "zh";
}

/** Names are set off by isolates, so that a name written right to left doesn't turn the sentence round. */
export function wordsOf(all: Record<string, string>): Words {
  return (key, values = {}) =>
    (all[`widget_${key}`] ?? "").replace(/\{(\w+)\}/g, (_, name: string) =>
      typeof values[name] === "string" ? `\u2068${values[name]}\u2069` : String(values[name] ?? ""),
    );
}

/** `早餐几点？｜Talk to staff=转人工`: what is shown, and what it says where that differs. */
export function starters(line: string): { title: string; text: string }[] {
  return line
    .split("｜")
    .filter(Boolean)
    .map((part) => {
      const [title = "", text = title] = part.split("=");
      return { title, text };
    });
}
