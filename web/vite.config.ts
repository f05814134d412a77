// How the page is built: into the Python package, which serves it and ships it.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readFileSync } from "node:fs";
import temml from "temml";
import { defineConfig, type Plugin } from "vite";

/** Turns `formulas.tex`, a name and a formula on each line, into MathML at build time. */
function formulas(): Plugin {
  return {
    name: "formulas",
    transform: {
      filter: { id: /\.tex$/ },
      handler(_code, id) {
        const lines = readFileSync(id, "utf-8").split("\n").filter((line) => /^[a-z]/.test(line));
        const entries = lines.map((line) => {
          const [name = "", ...rest] = line.split(/\s+/);
          return [name, temml.renderToString(rest.join(" "), { displayMode: true, throwOnError: true })];
        });
        return { code: `export default ${JSON.stringify(Object.fromEntries(entries))}`, moduleType: "js" };
      },
    },
  };
}

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
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:8123", ws: true } } },
});
