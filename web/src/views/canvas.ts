// A canvas that is sharp on any screen, and painted whenever there is something new.

import { type Painter, app } from "../app.svelte";
import type { Palette } from "../scales";
import type { State } from "../store";

type Paint = (pen: CanvasRenderingContext2D, state: State, palette: Palette) => void;

/** Paint `canvas`, `width` by `height` page pixels, with every picture; returns how to stop. */
export function painted(canvas: HTMLCanvasElement, width: number, height: number, paint: Paint): () => void {
  const ratio = Math.max(1, Math.min(3, window.devicePixelRatio));
  const [wide, tall] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wide) canvas.width = wide; // setting a size wipes the canvas, so only if it must
  if (canvas.height !== tall) canvas.height = tall;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) return () => undefined;
  const painter: Painter = (state, palette) => {
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    paint(pen, state, palette);
  };
  painter(app.view, app.palette); // at once: the next picture may be a frame away
  return app.paint(painter);
}
