import { fileURLToPath } from "node:url";

import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The staff desk: served by the bot under /desk/, on the origin of its API. */
export default defineConfig({
  root: here("desk"),
  base: "/desk/",
  plugins: [vue()],
  build: {
    outDir: here("dist/desk"),
    emptyOutDir: true,
    target: ["es2020", "chrome87", "safari14", "firefox91"],
    // A page under a strict content policy must not need inline scripts.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
});
