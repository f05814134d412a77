// How the page is built: into the Python package, which serves it and ships it.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { formulas } from "./formulas.ts";

export default defineConfig({
  base: "./",
  plugins: [formulas(), svelte()],
  build: {
    outDir: process.env.GLASSGPT_STATIC ?? "../src/glassgpt/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2023",
    chunkSizeWarningLimit: 400,
  },
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {}, // in tests signals are live, as on the page
  test: { environment: "./test-environment.ts" },
  worker: { format: "es" },
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:8123", ws: true } } },
});
