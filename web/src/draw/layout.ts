// Where things go: from a description to boxes, and from a point back to an index. No DOM, no model.

import { count } from "../format";
import type { SiteFacts } from "../protocol.gen";

/** A rectangle of cells. Cell (row, col) shows number `base + row·rowStride + col·colStride`. */
export interface Block {
  x: number;
  y: number;
  width: number;
  height: number;
  rows: number;
  cols: number;
  base: number;
  rowStride: number;
  colStride: number;
  count?: number; // of cells, where the last row is not full
  causal?: boolean; // cells right of the diagonal are the future, and not drawn
}

export interface Plan {
  width: number;
  height: number;
  blocks: Block[];
}

/** Columns of the machine: one for each position the longest document has. */
export interface Columns {
  count: number;
  pitch: number; // from one column to the next
  cell: number; // width that cells may take
}

const GAP = 9;
const LEAST = 44;
const MOST = 112;

export function columns(width: number, count: number): Columns {
  const pitch = Math.max(LEAST, Math.min(MOST, Math.floor(width / Math.max(1, count))));
  return { count, pitch, cell: pitch - GAP };
}

const ROWS = 40; // of more, cells become smaller than a pixel rather than a figure taller than a screen

/** How to break `n` cells into rows so that each is at least `least` wide: evenly, unless that takes far more rows. */
export function wrap(n: number, width: number, least = 2): { rows: number; cols: number } {
  const most = Math.max(1, Math.floor(width / least));
  const needed = Math.ceil(n / most);
  if (needed > ROWS) return { rows: Math.ceil(n / Math.floor(width)), cols: Math.floor(width) };
  for (let rows = needed; rows <= 2 * needed; rows++) {
    if (n % rows === 0) return { rows, cols: n / rows };
  }
  return { rows: needed, cols: most };
}

/** A site over T and one more axis: for each position a strip, wrapped where it is long. */
export function strip(columns: Columns, positions: number, n: number, height: number, least?: number): Plan {
  const { rows, cols } = wrap(n, columns.cell, least);
  const tall = rows === 1 ? height : Math.max(height, Math.min(ROWS, rows) * 4);
  const width = snap(columns.cell, cols);
  const blocks = Array.from({ length: positions }, (_, t) => ({
    x: t * columns.pitch,
    y: 0,
    width,
    height: tall,
    rows,
    cols,
    count: n,
    base: t * n,
    rowStride: cols,
    colStride: 1,
  }));
  return { width: columns.count * columns.pitch, height: tall, blocks };
}

/** The largest whole number of pixels for each cell, so that all are of one size. */
function snap(width: number, cols: number): number {
  const each = Math.floor(width / cols);
  return each >= 1 ? each * cols : width;
}

export const MAP_HEAD = 30; // room above and left of a map for its letters

/** A site over H, T and S: for each head a square map, in several rows where one is too narrow. */
export function maps(width: number, heads: number, positions: number, slots: number): Plan {
  const cell = Math.max(3, Math.min(13, Math.floor((width / Math.min(heads, 4) - MAP_HEAD) / slots)));
  const pitch = slots * cell + MAP_HEAD;
  const inOneRow = Math.max(1, Math.min(heads, Math.floor((width + 12) / pitch)));
  const blocks = Array.from({ length: heads }, (_, h) => ({
    x: (h % inOneRow) * pitch + MAP_HEAD - 12,
    y: Math.floor(h / inOneRow) * pitch + MAP_HEAD,
    width: positions * cell,
    height: positions * cell,
    rows: positions,
    cols: positions,
    base: h * positions * positions,
    rowStride: positions,
    colStride: 1,
    causal: true,
  }));
  return { width: Math.min(heads, inOneRow) * pitch, height: Math.ceil(heads / inOneRow) * pitch, blocks };
}

/** A matrix (outputs, inputs). A tall one is drawn sideways: outputs run to the right. */
export function matrix(rows: number, cols: number, room: number, largest = 5): Plan {
  const sideways = rows > 2 * cols;
  const [down, across] = sideways ? [cols, rows] : [rows, cols];
  const cell = Math.max(room / across < 1 ? room / across : 1, Math.min(largest, Math.floor(room / across)));
  const block = {
    x: 0,
    y: 0,
    width: across * cell,
    height: down * cell,
    rows: down,
    cols: across,
    base: 0,
    rowStride: sideways ? 1 : cols,
    colStride: sideways ? cols : 1,
  };
  return { width: block.width, height: block.height, blocks: [block] };
}

/** The number under a point, or else in the nearest cell within `reach` pixels; -1 for none. */
export function hit(plan: Plan, x: number, y: number, reach = 12): number {
  let best = -1;
  let nearest = reach;
  for (const block of plan.blocks) {
    const cx = Math.min(Math.max(x, block.x), block.x + block.width - 1e-6);
    const cy = Math.min(Math.max(y, block.y), block.y + block.height - 1e-6);
    const distance = Math.hypot(x - cx, y - cy);
    if (distance > nearest || (distance === nearest && best >= 0)) continue;
    const col = Math.floor(((cx - block.x) / block.width) * block.cols);
    const row = Math.floor(((cy - block.y) / block.height) * block.rows);
    if (block.causal && col > row) continue;
    if (row * block.cols + col >= (block.count ?? Infinity)) continue;
    nearest = distance;
    best = block.base + row * block.rowStride + col * block.colStride;
  }
  return best;
}

/** The box of a number, or null where the plan does not show it. */
export function boxOf(plan: Plan, offset: number): { x: number; y: number; width: number; height: number } | null {
  for (const block of plan.blocks) {
    const rest = offset - block.base;
    if (rest < 0 || rest >= (block.count ?? Infinity)) continue;
    const across = block.colStride > block.rowStride;
    const major = across ? block.colStride : block.rowStride;
    const minor = across ? block.rowStride : block.colStride;
    const outer = Math.floor(rest / major);
    const inner = Math.floor((rest % major) / minor);
    const [row, col] = across ? [inner, outer] : [outer, inner];
    if (row >= block.rows || col >= block.cols) continue;
    const width = block.width / block.cols;
    const height = block.height / block.rows;
    return { x: block.x + col * width, y: block.y + row * height, width, height };
  }
  return null;
}

/** A stage of the machine: sites that belong together, and the parameters that serve them. */
export interface Band {
  sites: SiteFacts[];
  weights: string[];
  layer: number; // -1 outside of layers
}

/** The machine in stages, by the kind of operation: each begins where something new happens. */
export function bands(sites: readonly SiteFacts[]): Band[] {
  const found: Band[] = [];
  let previous: SiteFacts | undefined;
  for (const site of sites) {
    const layer = /^layer(\d+)\./.exec(site.name)?.[1];
    const last = found.at(-1);
    if (!last || begins(site, previous)) {
      found.push({ sites: [site], weights: [], layer: layer === undefined ? -1 : Number(layer) });
    } else last.sites.push(site);
    const band = found.at(-1);
    if (site.weight && band && !band.weights.includes(site.weight)) band.weights.push(site.weight);
    previous = site;
  }
  return found;
}

function begins(site: SiteFacts, previous: SiteFacts | undefined): boolean {
  if (site.op === "norm_scale") return previous?.name !== "embd";
  if (site.op === "scores" || site.op === "attend") return true;
  return site.op === "linear" && (previous?.op === "relu" || site.axes.includes("V"));
}

/** The tokens to draw: all in their order or, of more than `most`, the likeliest and the chosen one. */
export function likeliest(probs: readonly number[], chosen: number, most: number): number[] {
  const all = probs.map((_, id) => id);
  if (all.length <= most) return all;
  const first = all.toSorted((a, b) => (probs[b] ?? 0) - (probs[a] ?? 0)).slice(0, most);
  return [...new Set([...first, chosen])].sort((a, b) => a - b);
}

/** Places as near to `wanted` as labels may stand, each at least `gap` from the next, none below `end`. */
export function apart(wanted: readonly number[], gap: number, end: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const places = [...wanted];
  let least = -Infinity;
  for (const i of order) least = (places[i] = Math.max(wanted[i] ?? 0, least)) + gap;
  let most = end;
  for (const i of order.reverse()) most = (places[i] = Math.min(places[i] ?? 0, most)) - gap;
  return places;
}

const DIGIT = 7.2; // pixels of a digit of the axis, no narrower than its commas
const APART = 6; // between one label and the next

/** The steps that the axis names: at 5, 4, 2 or 1 intervals, the most whose labels stand clear of each other. */
export function ticks(total: number, width: number): number[] {
  const label = DIGIT * count(total).length;
  const least = 1.5 * label + APART; // the last label ends at its tick, the one before is centred on its own
  const intervals = [5, 4, 2].find((n) => width / n >= least) ?? 1;
  return [...new Set(Array.from({ length: intervals + 1 }, (_, i) => Math.round((total * i) / intervals)))];
}
