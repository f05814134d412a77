// Paints probabilities as bars, a group for each position; the target's bar is the lit one.

import { type Palette, css } from "../state/scales";
import type { Columns } from "./layout";
import type { Numbers } from "../wire/frames";

export function paintBars(
  canvas: CanvasRenderingContext2D,
  columns: Columns,
  height: number,
  probs: Numbers,
  size: number,
  targets: readonly number[],
  palette: Palette,
): void {
  const most = Math.floor(columns.cell); // where there are more tokens than pixels, a bar is the tallest of a few
  const bars = Math.min(size, most);
  const width = columns.cell / bars;
  for (let t = 0; t < targets.length; t++) {
    const left = t * columns.pitch;
    canvas.fillStyle = css(palette.ink, 0.25);
    canvas.fillRect(left, height - 0.75, columns.cell, 0.75);
    const lit = Math.floor(((targets[t] ?? 0) / size) * bars);
    const tall = tallest(probs.subarray(t * size, (t + 1) * size), bars);
    for (let bar = 0; bar < bars; bar++) {
      const share = bar === lit ? (probs[t * size + (targets[t] ?? 0)] ?? 0) : (tall[bar] ?? 0);
      canvas.fillStyle = bar === lit ? css(palette.high) : css(palette.ink, 0.45);
      const up = share * (height - 2);
      canvas.fillRect(left + bar * width, height - up, Math.max(0.8, width - 0.4), up);
    }
  }
}

/** The largest number in each of `parts` equal parts. */
export function tallest(numbers: Numbers, parts: number): Numbers {
  if (parts === numbers.length) return numbers;
  const found = new Float64Array(parts);
  numbers.forEach((number, i) => {
    const part = Math.floor((i / numbers.length) * parts);
    found[part] = Math.max(found[part] ?? 0, number);
  });
  return found;
}
