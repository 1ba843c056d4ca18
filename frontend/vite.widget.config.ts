import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What the first file asks the second by, so that a cached one of another release isn't taken. */
function release(): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(here("widget")).sort()) hash.update(readFileSync(here(`widget/${name}`)));
  return hash.digest("hex").slice(0, 12);
}

const target = ["es2020", "chrome80", "safari14", "firefox80"];

/**
 * One file that any page loads with one line (no styles beside it, nothing but one name left global), and with
 * `--mode more` a second one for what few guests need, loaded when somebody does.
 */
export default defineConfig(({ mode }) => {
  const more = mode === "more";
  const lib = more
    ? { entry: here("widget/more.ts"), formats: ["es" as const], fileName: () => "widget-more.js" }
    : { entry: here("widget/main.ts"), formats: ["iife" as const], name: "dianxiaoer", fileName: () => "widget.js" };
  return {
    root: here("widget"),
    define: { __RELEASE__: JSON.stringify(release()), "process.env.NODE_ENV": '"production"' },
    build: { outDir: here("dist/widget"), emptyOutDir: !more, minify: true, target, lib, reportCompressedSize: true },
  };
});
