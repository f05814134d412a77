import { describe, expect, it } from "vitest";
import { back, before, started } from "./detour";
import type { Before } from "../state/progress";
import {
  type BranchFacts,
  type Branches,
  type Command,
  DEFAULT_CONFIG,
  DEFAULT_SAMPLING,
  type Frame,
  type Hello,
} from "../protocol.gen";
import { INITIAL, type State } from "../state/store";
import { FAILURES } from "./failures";

const facts = (number: number, run: number): BranchFacts => ({
  number,
  run,
  parent: number === run ? null : run,
  fork: 0,
  words: [],
  changes: "",
  ablated: [],
  config: { ...DEFAULT_CONFIG, n_embd: 16 },
  data_name: "names",
  engine: "fast",
});
const tree = (current: number, ...branches: BranchFacts[]): Branches => ({
  kind: "Branches",
  current,
  compared: null,
  undo: false,
  redo: false,
  most: 8,
  branches,
});

const NOW: State = {
  ...INITIAL,
  hello: { sampling: { ...DEFAULT_SAMPLING, temperature: 0.5 }, sample_seed: 7 } as unknown as Hello,
  frame: { document: "emma", step: 200, pace: 100 } as Frame,
  branches: tree(2, facts(1, 1), facts(2, 1)),
};
const RUN = before(NOW) as Before;
const failing = (title: string): State => {
  const failure = FAILURES.find((one) => one.title === title);
  return {
    ...NOW,
    detour: { failure: title, before: RUN },
    branches: tree(3, facts(1, 1), facts(2, 1), facts(3, 3)),
    frame: { ...NOW.frame, pace: failure?.pace ?? 100 } as Frame,
  };
};
const said = (commands: { command: Command }[]): string[] => commands.map(({ command }) => command.kind);

describe("a detour to a failure", () => {
  it("begins beside all branches there are", () => {
    for (const failure of FAILURES.filter((one) => !one.sampling)) {
      const [{ command } = { command: null }] = started(failure, RUN, NOW);
      expect(command).toMatchObject({ kind: "Start", keep: true, play: true });
    }
  });

  it("leads back to the branch, the step, the samples and the pace, and forgets the failure's run alone", () => {
    const state = failing("Learning rate 0.3");
    expect(back({ failure: "", before: RUN }, state).map(({ command }) => command)).toEqual([
      { kind: "Choose", branch: 2 },
      { kind: "Seek", step: 200 },
      { kind: "Drop", branch: 3 },
      { kind: "Sample", sampling: { ...DEFAULT_SAMPLING, temperature: 0.5 }, seed: 7 },
      { kind: "Pace", steps_per_second: 100 },
    ]);
  });

  it("forgets what was forked from the failure, and keeps what the reader began meanwhile", () => {
    const state = {
      ...failing("One head"),
      branches: tree(5, facts(1, 1), facts(2, 1), facts(3, 3), facts(4, 4), facts(5, 3)),
    };
    const dropped = back({ failure: "", before: RUN }, state).flatMap(({ command }) =>
      command.kind === "Drop" ? [command.branch] : [],
    );
    expect(dropped).toEqual([3, 5]);
  });

  it("goes from one failure to the next by way of the run before", () => {
    const [next] = FAILURES.filter((one) => one.title === "One channel");
    if (!next) throw new Error("no such failure");
    expect(said(started(next, RUN, failing("One head")))).toEqual(["Choose", "Seek", "Drop", "Sample", "Start"]);
  });

  it("shows a failure of sampling on the run before", () => {
    const [cold] = FAILURES.filter((one) => one.sampling);
    if (!cold) throw new Error("no such failure");
    expect(said(started(cold, RUN, NOW))).toEqual(["Sample"]);
    expect(said(back({ failure: cold.title, before: RUN }, NOW))).toEqual(["Sample"]);
  });

  it("waits until the branches are known", () => {
    expect(before({ ...NOW, branches: null })).toBeNull();
  });
});
