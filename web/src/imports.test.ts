// Imports run one way: a file imports from its own folder and from those further down. Panels, which
// are on one floor, may use one another, but never in a ring.

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const SRC = import.meta.dirname;
const PANELS = ["lesson", "setup", "failures", "samples", "branches", "inspector", "story", "timeline", "machine"];
const ORDER = [
  "main",
  "page",
  ...PANELS,
  "ui",
  "draw",
  "state",
  "format",
  "edition",
  "prelude",
  "worker",
  "wire",
  "protocol.gen",
];

/** A folder, or a file beside them, without its ending. */
function placeOf(path: string): string {
  const [first = "", ...rest] = path.split("/");
  return rest.length ? first : first.replace(/\.ts$/, "");
}

function imported(path: string): string[] {
  const source = readFileSync(join(SRC, path), "utf-8");
  return [...source.matchAll(/(?:from|import) "(\.[^"]+)"/g)].map(([, to = ""]) => normalize(join(dirname(path), to)));
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf-8" }).filter((path) =>
  /(?<!\.test|\.d)\.(ts|svelte)$/.test(path),
);

test("every file stands in a folder that has a place in the order", () => {
  expect([...new Set(files.map(placeOf))].sort()).toEqual([...ORDER].sort());
});

test.each(files)("%s imports only from its folder and from those below", (path) => {
  const above = ORDER.slice(0, ORDER.indexOf(placeOf(path)));
  expect(imported(path).filter((to) => above.includes(placeOf(to)))).toEqual([]);
});
