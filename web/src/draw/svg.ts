// A figure as SVG text: the same cells in the same colours, for slides and paper.

import type { Plan } from "../layout";
import { level } from "../scales";
import type { Numbers } from "../wire";

export function svgOf(plan: Plan, data: Numbers, end: number, colours: Uint32Array, title: string): string {
  const cells: string[] = [];
  for (const block of plan.blocks) {
    const [width, height] = [block.width / block.cols, block.height / block.rows];
    for (let row = 0; row < block.rows; row++) {
      for (let col = 0; col < block.cols; col++) {
        if (block.causal && col > row) continue;
        const value = data[block.base + row * block.rowStride + col * block.colStride] ?? NaN;
        const colour = hex(colours[level(value, end)] ?? 0);
        if (colour) cells.push(`<rect x="${round(block.x + col * width)}" y="${round(block.y + row * height)}" width="${round(width)}" height="${round(height)}" fill="${colour}"/>`);
      }
    }
  }
  const size = `width="${round(plan.width)}" height="${round(plan.height)}" viewBox="0 0 ${round(plan.width)} ${round(plan.height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} shape-rendering="crispEdges"><title>${title}</title>\n${cells.join("\n")}\n</svg>\n`;
}

/** A packed canvas colour as CSS says it, or nothing where it is transparent. */
function hex(packed: number): string {
  if (packed >>> 24 === 0) return "";
  const parts = [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function round(length: number): number {
  return Math.round(length * 1000) / 1000;
}
