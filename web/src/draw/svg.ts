// Figures as SVG text, for slides and paper: the same cells, bars and numbers in the same colours.

import type { Columns, Plan } from "./layout";
import { type Palette, css, level } from "../state/scales";
import type { Numbers } from "../wire/frames";
import type { Label } from "./labels";

export function svgOf(plan: Plan, data: Numbers, end: number, colours: Uint32Array, title: string): string {
  const cells: string[] = [];
  for (const block of plan.blocks) {
    const [width, height] = [block.width / block.cols, block.height / block.rows];
    for (let row = 0; row < block.rows; row++) {
      for (let col = 0; col < block.cols; col++) {
        if ((block.causal && col > row) || row * block.cols + col >= (block.count ?? Infinity)) continue;
        const value = data[block.base + row * block.rowStride + col * block.colStride] ?? NaN;
        const colour = hex(colours[level(value, end)] ?? 0);
        if (colour) cells.push(rect(block.x + col * width, block.y + row * height, width, height, colour));
      }
    }
  }
  return sheet(plan.width, plan.height, title, cells);
}

/** Probabilities as bars, a group for each position; `targets` are lit. */
export function svgBars(
  columns: Columns,
  height: number,
  probs: Numbers,
  size: number,
  targets: readonly number[],
  palette: Palette,
): string[] {
  const width = columns.cell / size;
  return targets.flatMap((target, t) =>
    Array.from({ length: size }, (_, id) => {
      const tall = (probs[t * size + id] ?? 0) * (height - 2);
      const colour = id === target ? css(palette.high) : css(palette.ink, 0.45);
      return rect(t * columns.pitch + id * width, height - tall, Math.max(0.8, width - 0.4), tall, colour);
    }),
  );
}

export function svgLabels(labels: readonly Label[], palette: Palette): string[] {
  return labels.map(
    ({ x, y, size, text }) =>
      `<text x="${round(x)}" y="${round(y)}" font-size="${size}" font-family="Newsreader, serif" text-anchor="middle" fill="${css(palette.ink)}">${escaped(text)}</text>`,
  );
}

/** A picture of such parts. */
export function sheet(width: number, height: number, title: string, parts: readonly string[]): string {
  const size = `width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} shape-rendering="crispEdges"><title>${title}</title>\n${parts.join("\n")}\n</svg>\n`;
}

function rect(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"/>`;
}

/** A packed canvas colour as CSS says it, or nothing where it is transparent. */
function hex(packed: number): string {
  if (packed >>> 24 === 0) return "";
  const parts = [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function round(length: number): number {
  return Math.round(length * 1000) / 1000;
}
