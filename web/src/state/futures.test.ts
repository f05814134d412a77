import { expect, test } from "vitest";
import { futureOf } from "./futures";
import { cellsOf, isKeptOff, nameOf, partOf } from "./parts";
import { DEFAULT_CONFIG } from "../protocol.gen";
import { EMPTY, at, extended } from "./series";
import { INITIAL, type State } from "./store";

const branch = (number: number, parent: number | null, fork: number) => ({
  number,
  parent,
  run: 0,
  fork,
  words: [],
  changes: "",
  ablated: [],
  config: DEFAULT_CONFIG,
  data_name: "",
  engine: "fast",
});
const state: State = {
  ...INITIAL,
  losses: extended(EMPTY, 0, [10, 11, 12, 13]), // of branch 2, which is shown
  branches: {
    kind: "Branches",
    current: 2,
    compared: 0,
    undo: true,
    redo: false,
    most: 8,
    branches: [branch(0, null, 0), branch(1, 0, 1), branch(2, 1, 3)],
  },
  others: new Map([
    [0, { first: 0, losses: [1, 2, 3, 4], samples: null, difference: null }],
    [1, { first: 1, losses: [5, 6], samples: null, difference: null }],
  ]),
};

test("a future is its parent until its fork, and itself from there on", () => {
  const future = futureOf(state, 1);
  expect([0, 1, 2].map((i) => at(future?.losses ?? EMPTY, i))).toEqual([1, 5, 6]);
  expect(future?.losses.length).toBe(3);
  expect(at(future?.sums ?? EMPTY, 3)).toBe(12);
  expect(futureOf(state, 1)).toBe(future);
  expect(futureOf(state, 7)).toBeNull();
});

test("a number belongs to the head or neuron whose weights are switched off", () => {
  const of = (name: string, ...index: number[]) => partOf({ kind: "value", name, index }, 4);
  expect(of("layer1.attn.q", 3, 9)).toEqual({ part: "head", layer: 1, number: 2 });
  expect(of("layer0.attn_wk", 5, 0)).toEqual({ part: "head", layer: 0, number: 1 });
  expect(of("layer0.attn.weights", 3, 2, 1)).toEqual({ part: "head", layer: 0, number: 3 });
  expect(of("layer0.mlp_fc2", 1, 17)).toEqual({ part: "neuron", layer: 0, number: 17 });
  expect(of("wpe", 1, 2)).toEqual({ part: "position", layer: 0, number: 0 });
  expect(of("lm_head", 1, 2)).toBeNull();
  expect(cellsOf({ part: "head", layer: 0, number: 2 }, 4)).toBe("columns 8 to 11 of layer0.attn_wo");
  expect(nameOf({ part: "neuron", layer: 0, number: 17 })).toBe("neuron0.17");
});

test("of a part that is ablated only the weights that are set to zero are", () => {
  const off = (name: string, ...index: number[]) =>
    isKeptOff({ kind: "value", name, index }, 4, ["head0.2", "neuron1.5"]);
  expect(off("layer0.attn_wo", 3, 9)).toBe(true);
  expect(off("layer0.attn_wo", 3, 12)).toBe(false);
  expect(off("layer1.attn_wo", 3, 9)).toBe(false);
  expect(off("layer0.attn_wq", 9, 0)).toBe(false); // of head 2, but not what is set to zero
  expect(off("layer1.mlp_fc2", 3, 5)).toBe(true);
  expect(off("wpe", 1, 1)).toBe(false);
});
