// Paints cells: one small image for all blocks of a figure, then each block scaled to its place.

import type { Block, Plan } from "./layout";
import { type Palette, css, level } from "../state/scales";
import type { Numbers } from "../wire/frames";
import { FACE } from "./labels";

let scratch: OffscreenCanvas | null = null;

function scratchOf(width: number, height: number): OffscreenCanvasRenderingContext2D | null {
  if (!scratch || scratch.width < width || scratch.height < height) {
    scratch = new OffscreenCanvas(Math.max(width, scratch?.width ?? 0), Math.max(height, scratch?.height ?? 0));
  }
  return scratch.getContext("2d", { willReadFrequently: true });
}

export function paintCells(
  canvas: CanvasRenderingContext2D,
  plan: Plan,
  data: Numbers,
  end: number,
  colours: Uint32Array,
): void {
  const widest = Math.max(...plan.blocks.map((block) => block.cols), 1);
  const tall = plan.blocks.reduce((sum, block) => sum + block.rows, 0);
  const pen = scratchOf(widest, tall);
  if (!pen || !tall) return;
  const image = new ImageData(widest, tall);
  const pixels = new Uint32Array(image.data.buffer);
  let top = 0;
  for (const block of plan.blocks) {
    fill(pixels, widest, top, block, data, end, colours);
    top += block.rows;
  }
  pen.putImageData(image, 0, 0);
  top = 0;
  for (const { x, y, width, height, rows, cols } of plan.blocks) {
    canvas.imageSmoothingEnabled = height < rows; // of cells smaller than a pixel the mean is seen
    canvas.drawImage(pen.canvas, 0, top, cols, rows, x, y, width, height);
    top += rows;
  }
}

/** Paint one block, a canvas pixel for each cell; `image` is of that size. */
export function paintDense(
  canvas: CanvasRenderingContext2D,
  block: Block,
  image: ImageData,
  data: Numbers,
  end: number,
  colours: Uint32Array,
): void {
  fill(new Uint32Array(image.data.buffer), block.cols, 0, block, data, end, colours);
  canvas.putImageData(image, 0, 0);
}

function fill(
  pixels: Uint32Array,
  widest: number,
  top: number,
  block: Block,
  data: Numbers,
  end: number,
  colours: Uint32Array,
): void {
  for (let row = 0; row < block.rows; row++) {
    for (let col = 0; col < block.cols; col++) {
      if ((block.causal && col > row) || row * block.cols + col >= (block.count ?? Infinity)) continue;
      const value = data[block.base + row * block.rowStride + col * block.colStride] ?? NaN;
      pixels[(top + row) * widest + col] = colours[level(value, end)] ?? 0;
    }
  }
}

/** A ring around a number, seen on any colour. */
export function paintRing(
  canvas: CanvasRenderingContext2D,
  box: { x: number; y: number; width: number; height: number },
  palette: Palette,
  strong: boolean,
): void {
  const grow = strong ? 1.5 : 0.5;
  canvas.lineWidth = strong ? 4 : 2.5;
  canvas.strokeStyle = css(palette.paper);
  canvas.strokeRect(box.x - grow, box.y - grow, box.width + 2 * grow, box.height + 2 * grow);
  canvas.lineWidth = strong ? 2 : 1;
  canvas.strokeStyle = css(palette.ink);
  canvas.strokeRect(box.x - grow, box.y - grow, box.width + 2 * grow, box.height + 2 * grow);
}

/** The letters of a document to the left of and above each of its maps; BOS is a point. */
export function paintLetters(
  canvas: CanvasRenderingContext2D,
  plan: Plan,
  letters: readonly string[],
  palette: Palette,
): void {
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  canvas.strokeStyle = css(palette.page);
  canvas.fillStyle = css(palette.ink, 0.75);
  canvas.lineWidth = 4;
  canvas.lineJoin = "round"; // a sharp corner would reach into the cells
  for (const block of plan.blocks) {
    const cell = block.width / Math.max(1, block.cols);
    const places = letters.slice(0, block.rows).flatMap((name, t) => {
      const letter = name === "BOS" ? "·" : name;
      return [
        [letter, block.x + (t + 0.5) * cell, block.y - 7],
        [letter, block.x - 7, block.y + (t + 0.5) * cell + 0.5],
      ] as const;
    });
    canvas.font = `${Math.max(8, Math.min(11, Math.round(cell) + 2))}px ${FACE}`;
    for (const place of places) canvas.strokeText(...place); // the lines of the stream do not run through it,
    for (const place of places) canvas.fillText(...place); // and no letter covers the one before
  }
}
