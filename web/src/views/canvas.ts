// A canvas that is painted whenever there is something new and it is in sight.

import { untrack } from "svelte";
import { type Beat, app } from "../app.svelte";
import type { Palette } from "../scales";
import { type State, isMoving } from "../store";

type Paint = (pen: CanvasRenderingContext2D, state: State, palette: Palette) => void;

export interface Painted {
  stop(): void;
  refresh(): void;
}

interface Sheet {
  width: number; // of the picture, in page pixels
  height: number;
  dots?: { width: number; height: number }; // of the canvas, where it is not the screen's own
  beat: Beat;
  keep?: boolean; // the painter clears for itself
  sight?: (visible: boolean) => void;
}

/** Paint `canvas` at each beat while it is in sight. */
export function painted(canvas: HTMLCanvasElement, sheet: Sheet, paint: Paint): Painted {
  const { width, height, dots, beat, keep = false, sight } = sheet;
  const ratio = Math.max(1, Math.min(3, window.devicePixelRatio));
  const wide = dots?.width ?? Math.max(1, Math.round(width * ratio));
  const tall = dots?.height ?? Math.max(1, Math.round(height * ratio));
  if (canvas.width !== wide) canvas.width = wide; // setting a size wipes the canvas, so only if it must
  if (canvas.height !== tall) canvas.height = tall;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) return { stop: () => undefined, refresh: () => undefined };
  let visible = false;
  let last: unknown; // the arrays that were painted last
  const draw = (state: State, palette: Palette): void => {
    if (!dots) {
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (!keep) pen.clearRect(0, 0, width, height);
    }
    paint(pen, state, palette);
    last = state.arrays;
  };
  const refresh = (): void => draw(app.view, app.palette);
  const watcher = new IntersectionObserver((entries) => {
    const now = entries.at(-1)?.isIntersecting ?? true;
    if (now !== visible) sight?.(now);
    visible = now;
    if (visible) draw(beat === "view" ? app.view : app.state, app.palette);
  }, { rootMargin: "60px" });
  watcher.observe(canvas);
  untrack(refresh); // at once: the next picture may be a frame away
  const stop = app.paint(beat, (state, palette) => {
    // out of sight what stands still is painted once, for paper and for pictures of the whole page
    if (visible || (!isMoving(state) && state.arrays !== last)) draw(state, palette);
  });
  return {
    stop() {
      stop();
      watcher.disconnect();
      if (visible) sight?.(false);
    },
    refresh,
  };
}
