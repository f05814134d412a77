// A detour to a failure of the gallery: what starts it, and what leads back to the run before.

import type { Before, Detour } from "./progress";
import type { Command } from "./protocol.gen";
import type { State } from "./store";
import type { Failure } from "./words/gallery";

/** What was done to the run, as its link says it. */
function done(state: State): string {
  return new URLSearchParams(state.link).get("do") ?? "";
}

/** The run as it is now. */
export function before(state: State): Before | null {
  const { hello, frame, samples } = state;
  if (!hello || !frame) return null;
  return {
    config: hello.config, did: done(state), engine: hello.engine.name, data: hello.data_sha256, step: frame.step,
    sampling: samples?.sampling ?? hello.sampling, seed: samples ? samples.seed : hello.sample_seed,
  };
}

interface Said {
  command: Command;
  file?: Uint8Array;
}

/** What starts a failure of the run before, whatever other failure is on show. */
export function started(failure: Failure, run: Before, state: State): Said[] {
  const sample: Command = { kind: "Sample", sampling: { ...run.sampling, ...failure.sampling }, seed: failure.sampling ? null : run.seed };
  if (failure.sampling) return [...(isThere(run, state) ? [] : again(run, state)), { command: sample }];
  const document = failure.single ? (state.frame?.document ?? "") : undefined;
  const start: Command = {
    kind: "Start", config: { ...run.config, ...failure.config }, engine: run.engine, play: true, do: failure.did ?? "",
    ...(document === undefined ? { data: dataOf(run, state) } : { data: "sent", data_name: `only “${document}”` }),
  };
  const file = document === undefined ? undefined : new TextEncoder().encode(document);
  return [{ command: start, file }, ...(state.detour ? [{ command: sample }] : [])];
}

function isThere(run: Before, state: State): boolean {
  const { hello } = state;
  return done(state) === run.did && hello?.data_sha256 === run.data && JSON.stringify(hello.config) === JSON.stringify(run.config);
}

function dataOf(run: Before, { hello }: State): string {
  return hello?.data_sha256 === run.data ? "kept" : run.data;
}

/** What makes the run before anew, and goes to where it stood. */
function again(run: Before, state: State): Said[] {
  const start: Command = { kind: "Start", config: run.config, engine: run.engine, do: run.did, data: dataOf(run, state) };
  return [{ command: start }, { command: { kind: "Seek", step: run.step } }];
}

/** What leads back, to where the run before stood. */
export function back({ before: run }: Detour, state: State): Said[] {
  const sample: Command = { kind: "Sample", sampling: run.sampling, seed: run.seed };
  return isThere(run, state) ? [{ command: sample }] : [...again(run, state), { command: sample }];
}
