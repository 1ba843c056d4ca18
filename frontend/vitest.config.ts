import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [vue()],
  test: {
    environment: "happy-dom",
    include: ["desk/**/*.test.ts", "widget/**/*.test.ts"],
    // The colours are read by a test of their contrast.
    css: { include: /tokens\.css/ },
  },
});
