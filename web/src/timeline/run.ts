// The curve of the run that is shown, on a canvas of any size: the large one, and the one next to What if.

import { type Ruler, paintCurve, span } from "../draw/curve";
import { bandOf, futureOf, previewOf } from "../state/futures";
import type { Palette } from "../state/scales";
import { configOf } from "../state/settings";
import type { State } from "../state/store";

/** The ruler of a canvas of this size: all losses and the outer baselines fit. */
export function rulerOf(state: State, width: number, height: number): Ruler {
  const nats = state.baselines ? [state.baselines.uniform, state.baselines.trigram] : [];
  return { width, height, steps: configOf(state).num_steps, ...span(state.losses, nats) };
}

export function paintRun(pen: CanvasRenderingContext2D, state: State, palette: Palette, ruler: Ruler): void {
  paintCurve(
    pen,
    ruler,
    {
      losses: state.losses,
      sums: state.sums,
      begin: state.hello?.begin ?? 0,
      step: state.frame?.step ?? 0,
      old: state.old,
      validation: state.validation,
      preview: previewOf(state),
      band: bandOf(state.band),
      futures: [...state.others.keys()].flatMap((number) => {
        const future = futureOf(state, number);
        return future ? [{ ...future, compared: number === state.branches?.compared }] : [];
      }),
    },
    palette,
  );
}
