// Formulas and signs at build time: LaTeX to MathML, and fonts that hold exactly the signs the page prints.
// A browser draws roots, big brackets and sums from a font's MATH table; without one it may leave them out.
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import subset from "subset-font";
import temml from "temml";
import type { Plugin } from "vite";

const SOURCES = ["src/**/*.{ts,svelte,tex}", "../src/glassgpt/**/*.py"]; // all that has words for the page
const FONTS = "node_modules/.cache/glassgpt"; // where page.css finds what is shipped
const MATH = "@fontsource/stix-two-math/files/stix-two-math-latin-400-normal.woff2";
const SYMBOLS = "@fontsource/noto-sans-symbols-2/files/noto-sans-symbols-2-symbols-400-normal.woff2";

/** Turn `formulas.tex`, a name and a formula on each line, into MathML by name. */
function mathml(source: string): Record<string, string> {
  const lines = source.split("\n").filter((line) => /^[a-z]/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", ...rest] = line.split(/\s+/);
      return [name, temml.renderToString(rest.join(" "), { displayMode: true, throwOnError: true })];
    }),
  );
}

function range(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i)).join("");
}

/** The characters to ship: those of the page's words and formulas, and what a browser makes of them. */
function signs(): string {
  const words = globSync(SOURCES)
    .map((path) => readFileSync(path, "utf-8"))
    .join("");
  const formulas = Object.values(mathml(readFileSync("src/story/formulas.tex", "utf-8"))).join("");
  const italics = `${range(0x1d434, 0x1d467)}${range(0x1d6e2, 0x1d71b)}ℎ`; // a letter that stands alone is set so
  return [...new Set(words + formulas + italics)].join("");
}

/** Write what a font has of these characters where page.css finds it. */
async function ship(name: string, font: string, characters: string): Promise<void> {
  const whole = readFileSync(createRequire(import.meta.url).resolve(font));
  mkdirSync(FONTS, { recursive: true });
  writeFileSync(`${FONTS}/${name}.woff2`, await subset(whole, characters, { targetFormat: "woff2" }));
}

/** The Vite plugin for both. */
export function formulas(): Plugin {
  return {
    name: "formulas",
    async buildStart() {
      await ship("math", MATH, signs());
      await ship("symbols", SYMBOLS, range(0x2400, 0x2426)); // the signs of control characters
    },
    transform: {
      filter: { id: /\.tex$/ },
      handler: (_code, id) => ({
        code: `export default ${JSON.stringify(mathml(readFileSync(id, "utf-8")))}`,
        moduleType: "js",
      }),
    },
  };
}
