// Paints probabilities as bars, a group for each position; the target's bar is the lit one.

import { type Palette, css } from "../scales";
import type { Columns } from "../layout";
import type { Numbers } from "../wire";

export function paintBars(
  canvas: CanvasRenderingContext2D, columns: Columns, height: number, probs: Numbers, size: number,
  targets: readonly number[], palette: Palette,
): void {
  const width = columns.cell / size;
  for (let t = 0; t < targets.length; t++) {
    const left = t * columns.pitch;
    canvas.fillStyle = css(palette.ink, 0.25);
    canvas.fillRect(left, height - 0.75, columns.cell, 0.75);
    for (let id = 0; id < size; id++) {
      const tall = (probs[t * size + id] ?? 0) * (height - 2);
      canvas.fillStyle = id === targets[t] ? css(palette.high) : css(palette.ink, 0.45);
      canvas.fillRect(left + id * width, height - tall, Math.max(0.8, width - 0.4), tall);
    }
  }
}
