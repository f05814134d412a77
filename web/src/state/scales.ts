// Colour from values: one diverging scale for each quantity, the same wherever it is drawn.

import type { Kind } from "./address";
import type { SiteFacts } from "../protocol.gen";

/** What is measured on one scale. Shares and nats have a fixed one. */
export type Quantity =
  | "weights"
  | "weight gradients"
  | "weight updates"
  | "first moments"
  | "second moments"
  | "activations"
  | "scores"
  | "activation gradients"
  | "activation changes"
  | "shares";

export type Rgb = readonly [number, number, number];

export interface Palette {
  page: Rgb; // behind the pictures, as page.css says
  paper: Rgb; // a cell of 0
  low: Rgb;
  high: Rgb;
  lowest: Rgb;
  highest: Rgb;
  ink: Rgb;
  broken: Rgb;
}

// Blue and orange differ in lightness for no one and in hue for everyone, colour-blind eyes too.
export const LIGHT: Palette = {
  page: [252, 251, 247],
  paper: [246, 243, 236],
  low: [30, 90, 168],
  high: [217, 108, 22],
  lowest: [9, 36, 82],
  highest: [112, 44, 0],
  ink: [24, 24, 24],
  broken: [200, 0, 140],
};
export const DARK: Palette = {
  page: [25, 24, 23],
  paper: [38, 37, 34],
  low: [96, 160, 240],
  high: [245, 150, 66],
  lowest: [190, 220, 255],
  highest: [255, 221, 178],
  ink: [240, 237, 230],
  broken: [255, 90, 200],
};

export function quantity(kind: Kind, site: SiteFacts | undefined): Quantity {
  if (!site) {
    switch (kind) {
      case "value":
        return "weights";
      case "grad":
        return "weight gradients";
      case "delta":
        return "weight updates";
      case "m":
        return "first moments";
      case "v":
        return "second moments";
    }
  }
  if (kind === "grad") return "activation gradients";
  if (kind === "delta") return "activation changes";
  if (site.op === "softmax") return "shares";
  if (site.op === "embedding" || site.inputs.includes("tok")) return "weights"; // these are rows of weights
  return site.op === "scores" || site.axes.includes("V") ? "scores" : "activations";
}

const STEPS = [1, 2, 5];

/** The next of 1, 2, 5, 10, … times a power of ten that is not below `value`. */
export function roundUp(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [...STEPS, 10]) {
    if (step * power >= value * (1 - 1e-12)) return Number((step * power).toPrecision(1));
  }
  return 10 * power;
}

/** The end of a scale for numbers whose 98th percentile of magnitude is `typical`.
 *
 * It moves only when the numbers have left it or fill less than a third of it, so that colours
 * do not flicker while a model learns. */
export function scaleEnd(before: number | undefined, typical: number): number {
  if (!(typical > 0)) return before ?? 1;
  if (before !== undefined && typical <= before && typical > before / 3) return before;
  return roundUp(typical);
}

/** The magnitude that `share` of the finite numbers do not exceed. */
export function magnitude(arrays: readonly ArrayLike<number>[], share = 0.98): number {
  const all: number[] = [];
  for (const array of arrays) {
    const stride = Math.max(1, Math.floor(array.length / 4096)); // enough to know the size of things
    for (let i = 0; i < array.length; i += stride) {
      const size = Math.abs(array[i] ?? 0);
      if (size > 0 && Number.isFinite(size)) all.push(size);
    }
  }
  if (!all.length) return 0;
  const sorted = Float64Array.from(all).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function mix(a: Rgb, b: Rgb, t: number): Rgb {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

const LEVELS = 2047; // steep easings show small numbers, so they need fine steps
const RAMP = 2 * LEVELS + 1;

/** How colour grows with the share t of the scale, as t to this power. Small numbers are most of
 * them and should not vanish; gradients and moments span several powers of ten. */
export function easing(which: Quantity): number {
  switch (which) {
    case "weights":
    case "activations":
    case "scores":
    case "shares":
      return 0.8;
    case "second moments":
      return 0.3;
    default:
      return 0.5;
  }
}

/** The colour at the share t of the scale, from −1 to 1. */
export function colourAt(palette: Palette, which: Quantity, t: number): Rgb {
  const strength = Math.min(1, Math.abs(t)) ** easing(which);
  if (which === "shares") return mix(palette.paper, palette.ink, t < 0 ? 0 : strength);
  return mix(palette.paper, t < 0 ? palette.low : palette.high, strength);
}

/** Colours by place: nothing, below the scale, the ramp, beyond it, broken. Packed as canvas bytes. */
export function lookup(palette: Palette, which: Quantity): Uint32Array {
  const table = new Uint32Array(RAMP + 4);
  for (let i = 0; i < RAMP; i++) table[2 + i] = pack(colourAt(palette, which, (i - LEVELS) / LEVELS));
  table[1] = pack(palette.lowest);
  table[RAMP + 2] = pack(palette.highest);
  table[RAMP + 3] = pack(palette.broken);
  return table;
}

/** The place of a value in the table of colours. */
export function level(value: number, end: number): number {
  if (!Number.isFinite(value)) return RAMP + 3;
  const t = value / end;
  if (t > 1.0000001) return RAMP + 2;
  if (t < -1.0000001) return 1;
  return 2 + LEVELS + Math.round(t * LEVELS);
}

function pack([r, g, b]: Rgb): number {
  return ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
}

export function css([r, g, b]: Rgb, alpha = 1): string {
  return `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)} / ${alpha})`;
}
