// Words and numbers in a picture, each at its place.

import type { Columns } from "./layout";
import { type Palette, css } from "../state/scales";

/** The face of letters in a picture; `Signs` has what it lacks (page.css). */
export const FACE = "Newsreader, Signs, serif";

export interface Label {
  x: number; // its middle
  y: number; // its baseline
  size: number;
  text: string;
}

/** A row of numbers, one for each position, under the letters that stand there. */
export function row(columns: Columns, letters: readonly string[], numbers: readonly string[]): Label[] {
  return numbers.flatMap((text, t) => {
    const x = t * columns.pitch + columns.pitch / 2;
    return [
      { x, y: 14, size: 13, text: letters[t] ?? "" },
      { x, y: 34, size: 15, text },
    ];
  });
}

export const ROW = 42; // the height of such a row

export function paintLabels(canvas: CanvasRenderingContext2D, labels: readonly Label[], palette: Palette): void {
  canvas.textAlign = "center";
  canvas.fillStyle = css(palette.ink);
  for (const { x, y, size, text } of labels) {
    canvas.font = `${size}px ${FACE}`;
    canvas.fillText(text, x, y);
  }
}
