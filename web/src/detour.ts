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

/** What starts a failure. */
export function started(failure: Failure, state: State): Said[] {
  const { hello } = state;
  if (!hello) return [];
  if (failure.sampling) return [{ command: { kind: "Sample", sampling: { ...before(state)?.sampling, ...failure.sampling }, seed: null } }];
  const document = failure.single ? (state.frame?.document ?? "") : undefined;
  return [
    {
      command: {
        kind: "Start", config: { ...hello.config, ...failure.config }, engine: hello.engine.name, play: true, do: failure.did ?? "",
        ...(document === undefined ? {} : { data: "sent", data_name: `only “${document}”` }),
      },
      file: document === undefined ? undefined : new TextEncoder().encode(document),
    },
  ];
}

/** What leads back, to where the run before stood. */
export function back({ before: run }: Detour, state: State): Said[] {
  const { hello } = state;
  const there = done(state) === run.did && hello?.data_sha256 === run.data && JSON.stringify(hello.config) === JSON.stringify(run.config);
  const start: Command = { kind: "Start", config: run.config, engine: run.engine, do: run.did, data: hello?.data_sha256 === run.data ? "kept" : run.data };
  const commands: Command[] = [
    ...(there ? [] : [start]),
    { kind: "Sample", sampling: run.sampling, seed: run.seed },
    ...(there ? [] : [{ kind: "Seek" as const, step: run.step }]),
  ];
  return commands.map((command) => ({ command }));
}
