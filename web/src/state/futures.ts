// The futures of a run: the losses of a branch that is not shown, from the beginning on.

import { EMPTY, type Series, extended, summed } from "./series";
import { type Part, nameOf } from "./parts";
import type { Preview, Seeds, State } from "./store";

export interface Future {
  losses: Series;
  sums: Series;
  first: number; // from this step on they are its own
}

const known = new WeakMap<State["others"], Map<number, Future>>(); // the map is another whenever a curve is

/** The whole curve of a branch: its own losses from its fork on, and before it those of its parent. */
export function futureOf(state: State, number: number): Future | null {
  const other = state.others.get(number);
  if (!other) return null;
  const found = known.get(state.others) ?? new Map<number, Future>();
  known.set(state.others, found);
  const before = found.get(number);
  if (before) return before;
  const losses = extended(trunk(state, number, other.first), other.first, other.losses);
  const future = { losses, sums: summed(EMPTY, losses, 0), first: other.first };
  found.set(number, future);
  return future;
}

/** What happened before step `until` of a branch, in whichever branch that was. */
function trunk(state: State, number: number, until: number): Series {
  const parent = state.branches?.branches.find((branch) => branch.number === number)?.parent ?? null;
  if (parent === null) return extended(EMPTY, 0, new Float64Array(until).fill(NaN));
  const whole = parent === state.branches?.current ? state.losses : futureOf(state, parent)?.losses;
  const data = new Float64Array(until).fill(NaN);
  data.set((whole ?? EMPTY).data.subarray(0, Math.min(until, whole?.length ?? 0)));
  return extended(EMPTY, 0, data);
}

/** The parts that are ablated at the end of the branch that is shown. */
export function ablatedIn({ branches }: State): readonly string[] {
  return branches?.branches.find((branch) => branch.number === branches.current)?.ablated ?? [];
}

export interface AblatedPart {
  step: number;
  now: boolean; // is it zero at the position that is shown, as nothing was trained since?
  last: boolean; // is that the last that was done to this branch, so that undoing it switches it on again?
}

/** When a part was switched off in the branch that is shown, if it was and is not released. */
export function ablatedPart({ branches, frame }: State, part: Part): AblatedPart | null {
  const line: string[] = [];
  let branch = branches?.branches.find((one) => one.number === branches.current);
  const own = branch?.changes.split(";").filter(Boolean) ?? [];
  for (; branch; branch = branches?.branches.find((one) => one.number === branch?.parent))
    line.unshift(...branch.changes.split(";").filter(Boolean));
  const name = nameOf(part);
  const found = line.findLast((change) => change.slice(change.indexOf(":") + 1).replace(/^~|!$/g, "") === name);
  const step = Number(found?.split(":")[0]);
  if (!found || found.includes(":~") || !frame || frame.step < step) return null;
  return { step, now: frame.step === step, last: own.at(-1) === found };
}

/** The curve of a preview run. */
export function previewOf({ preview }: State): { losses: Series; sums: Series } | null {
  if (!preview) return null;
  const sums = previews.get(preview) ?? summed(EMPTY, preview.losses, 0);
  previews.set(preview, sums);
  return { losses: preview.losses, sums };
}

const previews = new WeakMap<Preview, Series>();
const NONE = new Float64Array();

/** The band of other seeds, as arrays over its positions. */
export function bandOf(
  band: Seeds | null,
): { positions: ArrayLike<number>; low: ArrayLike<number>; median: ArrayLike<number>; high: ArrayLike<number> } | null {
  if (!band) return null;
  const of = (name: string): ArrayLike<number> => band.arrays.get(name)?.data ?? NONE;
  return { positions: of("positions"), low: of("low"), median: of("median"), high: of("high") };
}
