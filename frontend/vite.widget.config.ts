import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The widget's words as texts/<locale>.yml has them (flat `key: sentence`), so that they stand once. */
function words(locale: string): Record<string, string> {
  const lines = readFileSync(here(`../texts/${locale}.yml`), "utf-8").split("\n");
  const found = lines.map((line) => /^(widget_\w+): (.+)$/.exec(line)).filter((match) => match !== null);
  return Object.fromEntries(found.map(([, key, text]) => [key, text?.replace(/^"(.*)"$/, "$1")]));
}

/** One file that any page loads with one line: no modules, no styles beside it, nothing left global. */
export default defineConfig({
  root: here("widget"),
  define: { __WORDS__: JSON.stringify({ zh: words("zh"), en: words("en") }) },
  build: {
    outDir: here("dist/widget"),
    emptyOutDir: true,
    target: ["es2020", "chrome80", "safari14", "firefox80"],
    lib: { entry: here("widget/main.ts"), formats: ["iife"], name: "dianxiaoer", fileName: () => "widget.js" },
    reportCompressedSize: true,
  },
});
