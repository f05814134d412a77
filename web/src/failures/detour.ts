// A detour to a failure of the gallery: what starts it, and what leads back. The failure is a run of its
// own in addition to the others, so the run before, its futures and its band of seeds stay as they are.

import type { Before, Detour } from "../state/progress";
import type { BranchFacts, Command } from "../protocol.gen";
import type { State } from "../state/store";
import type { Failure } from "./failures";

interface Said {
  command: Command;
  file?: Uint8Array;
}

function shown({ branches }: State): BranchFacts | undefined {
  return branches?.branches.find((one) => one.number === branches.current);
}

/** The run as it is now, or null while not all of it is known. */
export function before(state: State): Before | null {
  const { hello, frame, samples, branches } = state;
  const branch = shown(state);
  if (!hello || !frame || !branches || !branch) return null;
  return {
    branch: branch.number,
    runs: branches.branches.map((one) => one.run),
    config: branch.config,
    engine: branch.engine,
    document: frame.document,
    step: frame.step,
    pace: frame.pace,
    sampling: samples?.sampling ?? hello.sampling,
    seed: samples ? samples.seed : hello.sample_seed,
  };
}

/** What starts a failure of the run before, whatever other failure is on show. */
export function started(failure: Failure, run: Before, state: State): Said[] {
  const first = state.detour ? back(state.detour, state) : [];
  if (failure.sampling)
    return [...first, { command: { kind: "Sample", sampling: { ...run.sampling, ...failure.sampling }, seed: null } }];
  const start: Command = {
    kind: "Start",
    config: { ...run.config, ...failure.config },
    engine: run.engine,
    play: true,
    keep: true,
    do: failure.did ?? "",
    ...(failure.single ? { data: "sent", data_name: `only “${run.document}”` } : { data: "kept" }),
  };
  const file = failure.single ? new TextEncoder().encode(run.document) : undefined;
  return [...first, { command: start, file }, ...(failure.pace ? [{ command: pace(failure.pace) }] : [])];
}

function pace(steps: number): Command {
  return { kind: "Pace", steps_per_second: steps };
}

/** What leads back to where the run before stood: the failure's run is forgotten. */
export function back({ before: run }: Detour, state: State): Said[] {
  const known = new Set(run.runs);
  const all = state.branches?.branches ?? [];
  const failed = Math.min(...all.map((one) => one.run).filter((number) => !known.has(number)));
  const commands: Command[] = [];
  if (shown(state)?.run === failed && all.some((one) => one.number === run.branch)) {
    commands.push({ kind: "Choose", branch: run.branch }, { kind: "Seek", step: run.step });
  }
  for (const one of all) if (one.run === failed) commands.push({ kind: "Drop", branch: one.number });
  commands.push({ kind: "Sample", sampling: run.sampling, seed: run.seed });
  if (state.frame && state.frame.pace !== run.pace) commands.push(pace(run.pace));
  return commands.map((command) => ({ command }));
}
