// A canvas that is sharp on any screen, and painted whenever there is something new and it is in sight.

import { untrack } from "svelte";
import { type Painter, app } from "../app.svelte";
import type { Palette } from "../scales";
import type { State } from "../store";

type Paint = (pen: CanvasRenderingContext2D, state: State, palette: Palette) => void;

export interface Painted {
  stop(): void;
  refresh(): void;
}

/** Paint `canvas`, `width` by `height` page pixels, with every picture while it is in sight. */
export function painted(canvas: HTMLCanvasElement, width: number, height: number, paint: Paint): Painted {
  const ratio = Math.max(1, Math.min(3, window.devicePixelRatio));
  const [wide, tall] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wide) canvas.width = wide; // setting a size wipes the canvas, so only if it must
  if (canvas.height !== tall) canvas.height = tall;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) return { stop: () => undefined, refresh: () => undefined };
  let visible = true;
  const painter: Painter = (state, palette) => {
    if (!visible) return;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    paint(pen, state, palette);
  };
  const watcher = new IntersectionObserver(([entry]) => {
    visible = entry?.isIntersecting ?? true;
    painter(app.view, app.palette);
  }, { rootMargin: "200px" });
  watcher.observe(canvas);
  untrack(() => painter(app.view, app.palette)); // at once: the next picture may be a frame away
  const stop = app.paint(painter);
  return {
    stop() {
      stop();
      watcher.disconnect();
    },
    refresh() {
      const was = visible;
      visible = true;
      painter(app.view, app.palette);
      visible = was;
    },
  };
}
