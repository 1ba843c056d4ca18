import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [vue()],
  test: {
    environment: "happy-dom",
    // A page for each file took fourteen of sixteen seconds, and no file leaves anything in it.
    isolate: false,
    include: ["desk/**/*.test.ts", "widget/**/*.test.ts"],
    // The colours are read by a test of their contrast.
    css: { include: /tokens\.css/ },
  },
});
