import { describe, expect, it } from "vitest";
import { ablatedPart } from "./futures";
import type { Part } from "./parts";
import { type BranchFacts, type Branches, DEFAULT_CONFIG, type Frame } from "../protocol.gen";
import { INITIAL, type State } from "./store";

const HEAD: Part = { part: "head", layer: 0, number: 2 };
const facts = (number: number, parent: number | null, changes: string): BranchFacts => ({
  number,
  parent,
  run: 1,
  fork: 0,
  words: [],
  changes,
  ablated: [],
  config: DEFAULT_CONFIG,
  data_name: "names",
  engine: "fast",
});

/** The state at a step, in a line of branches with these changes. */
function at(step: number, ...changes: string[]): State {
  const branches = changes.map((one, i) => facts(i + 1, i || null, one));
  const tree: Branches = {
    kind: "Branches",
    current: changes.length,
    compared: null,
    undo: true,
    redo: false,
    most: 8,
    branches,
  };
  return { ...INITIAL, branches: tree, frame: { step } as Frame };
}

describe("a part that was switched off", () => {
  it("shows it, while it is zero and afterwards", () => {
    expect(ablatedPart(at(400, "", "400:head0.2"), HEAD)).toEqual({ step: 400, now: true, last: true });
    expect(ablatedPart(at(450, "", "400:head0.2!"), HEAD)).toEqual({ step: 400, now: false, last: true });
  });

  it("is switched on again by undoing only where nothing else was changed since", () => {
    expect(ablatedPart(at(450, "", "400:head0.2;400:wte[0,0]=1.0"), HEAD)?.last).toBe(false);
    expect(ablatedPart(at(450, "", "400:head0.2", "410:learning_rate=0.1"), HEAD)?.last).toBe(false);
  });

  it("is another part, or not yet, or free again", () => {
    expect(ablatedPart(at(450, "", "400:head0.1"), HEAD)).toBeNull();
    expect(ablatedPart(at(300, "", "400:head0.2"), HEAD)).toBeNull();
    expect(ablatedPart(at(450, "", "400:head0.2!", "420:~head0.2"), HEAD)).toBeNull();
    expect(ablatedPart(at(450, ""), HEAD)).toBeNull();
  });
});
