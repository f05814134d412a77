// The way through the story: where one is, what one has done, and that no step is passed unmet.

import { answer, runOf, stands } from "./guess";
import { type Asked, type Memo, type Progress, readProgress } from "../state/progress";
import type { State } from "../state/store";
import { STEPS } from "./steps";

export const BEGINNING: Progress = { at: 0, memo: null, armed: false, done: [], skipped: [], asked: {} };

/** The same reader at another step. */
export function begun(progress: Progress, at: number): Progress {
  return { ...progress, at: Math.max(0, Math.min(STEPS.length, at)), memo: null, armed: false };
}

/** What there is to remember when a step begins. */
export function remember(state: State): Memo {
  return {
    typed: state.tokens?.text ?? "",
    watched: state.watched,
    opened: state.explained?.event.address ?? "",
    step: state.frame?.step ?? 0,
    prefix: state.samples?.sampling.prefix ?? "",
    show: state.show,
    moments: state.moments,
    run: runOf(state),
  };
}

/** Is all here that a step may look at? */
function isWhole(state: State): boolean {
  return !!state.frame && (!!state.samples || !!state.stopped) && (!state.selected || !!state.explained);
}

/** The progress once a new state has been looked at; the same object where nothing has changed. */
export function seen(progress: Progress, state: State): Progress {
  const step = STEPS[progress.at];
  if (!step || !isWhole(state)) return progress;
  const began = progress.memo ? progress : { ...progress, memo: remember(state) };
  const next = asking(began, state);
  if (next.done.includes(next.at)) return next;
  const met = isMet(next, state);
  if (!next.armed) return met ? next : { ...next, armed: true };
  if (!met) return next;
  return { ...next, done: [...next.done, next.at], skipped: next.skipped.filter((at) => at !== next.at) };
}

function asking(progress: Progress, state: State): Progress {
  const ask = STEPS[progress.at]?.ask;
  const asked = progress.asked[progress.at];
  if (!ask || asked?.shares || (asked && stands(asked.question, state))) return progress;
  const question = ask(state);
  if (!question && !asked) return progress;
  const { [progress.at]: _, ...others } = progress.asked;
  return { ...progress, asked: question ? { ...others, [progress.at]: { question, shares: null } } : others };
}

function isMet(progress: Progress, state: State): boolean {
  const step = STEPS[progress.at];
  if (!step || !progress.memo) return false;
  if (!step.ask) return step.done(state, progress.memo);
  const asked = progress.asked[progress.at];
  return !!asked?.shares && answer(asked.question, state) !== null;
}

/** The question of the step the reader is at. */
export function askedNow(progress: Progress): Asked | undefined {
  return progress.asked[progress.at];
}

export function guessed(progress: Progress, shares: number[]): Progress {
  const asked = askedNow(progress);
  return asked ? { ...progress, asked: { ...progress.asked, [progress.at]: { ...asked, shares } } } : progress;
}

/** What was switched before a step that asks for a switch, once it is left: the page as the reader had it. */
export function lent(from: Progress, to: Progress | null): Partial<Pick<Memo, "show" | "moments">> {
  const what = STEPS[from.at]?.lends;
  if (!what || !from.memo || to?.at === from.at) return {};
  return what === "show" ? { show: from.memo.show } : { moments: from.memo.moments };
}

export function isDone(progress: Progress): boolean {
  return progress.done.includes(progress.at);
}

/** The next step, where this one is done. */
export function onward(progress: Progress): Progress {
  return isDone(progress) ? begun(progress, progress.at + 1) : progress;
}

/** The next step, this one marked as left out. */
export function skipping(progress: Progress): Progress {
  if (isDone(progress) || progress.skipped.includes(progress.at)) return begun(progress, progress.at + 1);
  return begun({ ...progress, skipped: [...progress.skipped, progress.at] }, progress.at + 1);
}

const KEPT = "glassgpt.story";

export function keepProgress(progress: Progress, storage: Storage): void {
  storage.setItem(KEPT, JSON.stringify(progress));
}

/** The progress this tab has kept, at the step `number` (from 1) if a link asks for one. */
export function kept(storage: Storage, number?: number): Progress {
  const progress = readProgress(storage.getItem(KEPT)) ?? BEGINNING;
  return begun(progress, number === undefined ? progress.at : number - 1);
}
