// A canvas that is painted whenever there is something new and it is in sight.

import { untrack } from "svelte";
import { type Beat, app } from "../state/app.svelte";
import type { Palette } from "../state/scales";
import { type State, isMoving } from "../state/store";

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
}

// Whether a canvas is in sight is known for as long as it is on the page: what is painted on it may
// change its shape with every document, and stays in sight.
const seen = new WeakSet<Element>();
const redraw = new WeakMap<Element, () => void>();
const ears = new WeakMap<Element, (visible: boolean) => void>();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting === seen.has(target)) continue;
      if (isIntersecting) seen.add(target);
      else seen.delete(target);
      ears.get(target)?.(isIntersecting);
      if (isIntersecting) redraw.get(target)?.();
    }
  },
  { rootMargin: "60px" },
);

/** Hear whenever `canvas` comes into sight or leaves it. */
export function sighted(canvas: HTMLCanvasElement, ear: (visible: boolean) => void): () => void {
  ears.set(canvas, ear);
  watcher.observe(canvas);
  return () => {
    ears.delete(canvas);
    watcher.unobserve(canvas);
    if (seen.delete(canvas)) ear(false);
  };
}

/** Paint `canvas` at each beat while it is in sight. */
export function painted(canvas: HTMLCanvasElement, sheet: Sheet, paint: Paint): Painted {
  const { width, height, dots, beat } = sheet;
  const ratio = Math.max(1, Math.min(3, window.devicePixelRatio));
  const wide = dots?.width ?? Math.max(1, Math.round(width * ratio));
  const tall = dots?.height ?? Math.max(1, Math.round(height * ratio));
  const stale = canvas.width !== wide || canvas.height !== tall;
  if (stale) [canvas.width, canvas.height] = [wide, tall]; // which wipes the canvas, so only if it must
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) return { stop: () => undefined, refresh: () => undefined };
  let last: State | undefined; // what was painted last
  let dress: Palette | undefined;
  const draw = (state: State, palette: Palette): void => {
    if (!dots) {
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, width, height);
    }
    paint(pen, state, palette);
    [last, dress] = [state, palette];
  };
  const refresh = (): void => draw(app.viewed, app.palette);
  redraw.set(canvas, () => draw(beat === "view" ? app.viewed : app.state, app.palette));
  watcher.observe(canvas);
  if (stale || !isMoving(app.state)) untrack(refresh); // at once, or with the view it belongs to
  const stop = app.paint(beat, (state, palette) => {
    if (state === last && palette === dress) return;
    // what is out of sight and does not change is painted once, for print and for pictures of the whole page
    if (seen.has(canvas) || (!isMoving(state) && state.arrays !== last?.arrays)) draw(state, palette);
  });
  return { stop, refresh };
}
