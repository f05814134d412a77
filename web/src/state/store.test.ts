import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, DEFAULT_SAMPLING, type Event, type Frame, type Hello } from "../protocol.gen";
import { at } from "./series";
import { INITIAL, type State, grain, numberAt, reduce, wanted } from "./store";
import type { Tensor } from "../wire/frames";

const HELLO: Hello = {
  kind: "Hello",
  version: 1,
  run: "r",
  engine: { name: "scalar", instruction_set: "python" },
  engines: ["scalar"],
  settings: [],
  sampling_settings: [],
  config: { ...DEFAULT_CONFIG, num_steps: 10, seed: 1 },
  sampling: DEFAULT_SAMPLING,
  sample_seed: null,
  sites: [
    { name: "tok", axes: ["T", "C"], op: "embedding", inputs: [], sentence: "", weight: "wte" },
    { name: "loss", axes: [], op: "mean", inputs: [], sentence: "", weight: "" },
  ],
  params: [{ name: "wte", shape: [3, 2] }],
  parameters: 6,
  characters: ["a", "b"],
  data_name: "names",
  data_sha256: "x",
  documents: 2,
  validation_from: 1,
  longest: 3,
  typical: 3,
  clipped: 0,
  begin: 0,
  reached: 0,
  pace: 100,
  schedule: [0.01, 0],
  link: "seed=1",
  notice: "",
  pending_link: null,
};

function frame(step: number, first: number, more: Partial<Frame> = {}): Frame {
  return {
    kind: "Frame",
    seq: 1,
    step,
    reached: step,
    playing: true,
    busy: false,
    pace: 100,
    speed: 0,
    rate: 0.01,
    document: "ab",
    tokens: [2, 0, 1, 2],
    watching: false,
    first,
    arrays: [],
    ...more,
  };
}

function tensor(...data: number[]): Tensor {
  return { data: Float64Array.from(data), shape: [data.length] };
}

function tell(state: State, event: Event, arrays: Record<string, Tensor> = {}): State {
  return reduce(state, { kind: "told", told: { event, arrays: new Map(Object.entries(arrays)) } });
}

const greeted = tell(INITIAL, HELLO);

describe("store", () => {
  it("keeps every loss, in order, whatever frames were left out", () => {
    let state = tell(greeted, frame(2, 0), { losses: tensor(3, 2), rates: tensor(0.1, 0.1) });
    state = tell(state, frame(5, 2), { losses: tensor(1, 0.5, 0.25), rates: tensor(0.1, 0.1, 0.1) });
    expect([0, 1, 2, 3, 4, 5].map((i) => at(state.losses, i))).toEqual([3, 2, 1, 0.5, 0.25, NaN]);
  });

  it("keeps what comes after when time goes back, and forgets it when the run takes another way", () => {
    let state = tell(greeted, frame(3, 0), { losses: tensor(3, 2, 1), rates: tensor(1, 1, 1) });
    state = tell(state, frame(1, 3, { reached: 3 }));
    expect(state.losses.length).toBe(3);
    state = tell(state, frame(1, 1, { reached: 1 }));
    expect(state.losses.length).toBe(1);
  });

  it("begins anew with another run, whose old curve stays behind it", () => {
    const before = tell(greeted, frame(1, 0), { losses: tensor(3), rates: tensor(1) });
    const after = tell(before, { ...HELLO, config: { ...DEFAULT_CONFIG, num_steps: 10, seed: 2 } });
    expect(after.losses.length).toBe(0);
    expect(at(after.old, 0)).toBe(3);
    expect(after.frame).toBeNull();
  });

  it("keeps what a branch lost on what is held out; its fork has what came before", () => {
    const facts = {
      run: 1,
      words: [],
      changes: "",
      ablated: [],
      config: DEFAULT_CONFIG,
      data_name: "names",
      engine: "fast",
    };
    const tree = (current: number): Event => ({
      kind: "Branches",
      current,
      compared: null,
      undo: false,
      redo: false,
      most: 8,
      branches: [
        { ...facts, number: 1, parent: null, fork: 0 },
        { ...facts, number: 2, parent: 1, fork: 5 },
      ],
    });
    const judged = (step: number, loss: number): Event => ({
      kind: "ValidationLoss",
      seq: 1,
      step,
      loss,
      documents: 2,
      seen: 0,
      engine: "fast",
    });
    const points = (state: State): number[][] => state.validation.map(({ step, loss }) => [step, loss]);
    const one = [judged(4, 3), judged(5, 2.5), judged(8, 2)].reduce(
      (state, event) => tell(state, event),
      tell(greeted, tree(1)),
    );
    const two = tell(tell(one, tree(2)), judged(5, 2.75));
    expect(points(two)).toEqual([
      [4, 3],
      [5, 2.75],
    ]);
    expect(points(tell(two, tree(1)))).toEqual([
      [4, 3],
      [5, 2.5],
      [8, 2],
    ]);
    expect(points(tell(tell(two, tree(1)), tree(2)))).toEqual([
      [4, 3],
      [5, 2.75],
    ]);
  });

  it("keeps other branches aside: their curve, their samples, how they differ; and forgets those that are gone", () => {
    const facts = {
      parent: null,
      run: 1,
      fork: 0,
      words: [],
      changes: "",
      ablated: [],
      config: DEFAULT_CONFIG,
      data_name: "names",
      engine: "fast",
    };
    const tree = (current: number, ...numbers: number[]): Event => ({
      kind: "Branches",
      current,
      compared: null,
      undo: false,
      redo: false,
      most: 8,
      branches: numbers.map((number) => ({ ...facts, number })),
    });
    const samples = (branch: number): Event => ({
      kind: "Samples",
      seq: 1,
      branch,
      step: 3,
      sampling: DEFAULT_SAMPLING,
      seed: null,
      written: [],
      link: `of ${branch}`,
    });
    let state = [tree(2, 1, 2), samples(2), samples(1)].reduce((before, event) => tell(before, event), greeted);
    state = tell(state, { kind: "Curve", branch: 1, first: 2, arrays: [] }, { losses: tensor(3, 2) });
    expect([state.samples?.branch, state.link]).toEqual([2, "of 2"]);
    expect([state.others.get(1)?.samples?.branch, state.others.get(1)?.first]).toEqual([1, 2]);
    expect(Array.from(state.others.get(1)?.losses ?? [])).toEqual([3, 2]);
    expect(tell(state, tree(1, 1, 2)).others.size).toBe(0); // what is shown is not aside
    expect(tell(state, tree(2, 2)).others.size).toBe(0);
  });

  it("lets a preview run grow, and begins anew with another", () => {
    const preview = (first: number): Event => ({
      kind: "Previewed",
      config: DEFAULT_CONFIG,
      done: false,
      first,
      taken: first + 2,
      written: [],
      validation_loss: null,
      seconds: 0,
      stopped: "",
      arrays: [],
    });
    let state = tell(greeted, preview(0), { losses: tensor(5, 4) });
    state = tell(state, preview(2), { losses: tensor(3, 2) });
    expect([0, 1, 2, 3].map((i) => at(state.preview?.losses ?? state.losses, i))).toEqual([5, 4, 3, 2]);
    expect(tell(state, preview(0), { losses: tensor(9, 8) }).preview?.losses.length).toBe(2);
  });

  it("keeps the selection through a reconnection and through the first greeting", () => {
    const address = { kind: "value" as const, name: "wte", index: [0, 0] };
    const early = tell(reduce(INITIAL, { kind: "select", address }), HELLO);
    expect(early.selected).toEqual(address);
    expect(tell(early, HELLO).selected).toEqual(address);
    expect(tell(early, { ...HELLO, data_sha256: "y" }).selected).toBeNull();
  });

  it("keeps a link's document through the first greeting, and lets go of one that is refused", () => {
    const early = tell(reduce(INITIAL, { kind: "watch", document: "ab" }), HELLO);
    expect(early.watched).toBe("ab");
    expect(tell(early, { ...HELLO, data_sha256: "y" }).watched).toBeNull();
    expect(tell(early, { kind: "Refused", command: "Seek", what: "", hint: "" }).watched).toBe("ab");
    expect(tell(early, { kind: "Refused", command: "Watch", what: "", hint: "" }).watched).toBeNull();
  });

  it("asks for what is shown, and for all of what is selected", () => {
    expect(wanted(greeted)).toEqual(["value:tok", "value:loss", "value:wte"]);
    const gradients = reduce(greeted, { kind: "show", show: "grad" });
    expect(wanted(gradients)).toContain("grad:wte");
    const moments = reduce(greeted, { kind: "moments", moments: "v" });
    expect(wanted(moments)).toContain("v:wte");
    const selected = reduce(greeted, { kind: "select", address: { kind: "value", name: "wte", index: [0, 0] } });
    expect(wanted(selected)).toEqual(expect.arrayContaining(["grad:wte", "delta:wte", "m:wte", "v:wte"]));
    const site = reduce(greeted, { kind: "select", address: { kind: "value", name: "tok", index: [0, 0] } });
    expect(wanted(site)).not.toContain("m:tok");
  });

  it("asks for all that stands still, and of what moves for what is in sight", () => {
    const moving = tell(greeted, frame(1, 0), { "value:wte": { data: new Float64Array(6), shape: [3, 2] } });
    expect(wanted(moving)).toEqual(["value:loss"]);
    const seen = reduce(moving, { kind: "sight", name: "wte", visible: true });
    const twice = reduce(seen, { kind: "sight", name: "wte", visible: true });
    expect(wanted(reduce(twice, { kind: "sight", name: "wte", visible: false }))).toEqual(["value:loss", "value:wte"]);
    expect(wanted(tell(moving, frame(1, 0, { playing: false })))).toContain("value:tok");
  });

  it("reads a number of a reduced parameter only where it is told exactly", () => {
    const address = { kind: "value" as const, name: "wte", index: [1, 1] };
    const small = { data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] };
    const large = { ...HELLO, params: [{ name: "wte", shape: [4, 2] }] };
    const state = reduce(tell(tell(INITIAL, large), frame(1, 0), { "value:wte": small }), { kind: "select", address });
    expect(grain(state, "wte")).toEqual([2, 1]);
    expect(numberAt(state, address)).toBeUndefined();
    expect(wanted(state)).toContain("value:wte[1,1]");
    const told = tell(state, frame(1, 0), {
      "value:wte": small,
      "value:wte[1,1]": { data: Float64Array.of(9), shape: [] },
    });
    expect(numberAt(told, address)).toBe(9);
    const whole = tell(tell(INITIAL, HELLO), frame(1, 0), {
      "value:wte": { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] },
    });
    expect(numberAt(whole, address)).toBe(4);
  });

  it("takes the offer to train on back once the run stands elsewhere", () => {
    const offered = reduce(greeted, { kind: "offer", offered: true });
    expect(tell(offered, frame(10, 0)).offered).toBe(true);
    expect(tell(offered, frame(9, 0)).offered).toBe(false);
  });

  it("has one scale for each quantity", () => {
    const state = tell(greeted, frame(0, 0), {
      "value:wte": tensor(0.3, -0.4),
      "grad:wte": tensor(0.01),
      "value:loss": tensor(100),
    });
    expect(state.scales.get("weights")).toBe(0.5);
    expect(state.scales.get("weight gradients")).toBe(0.01);
    expect(state.scales.has("activations")).toBe(false);
  });

  it("never changes a state that was there before", () => {
    const frozen = Object.freeze({ ...greeted });
    expect(() => tell(frozen, frame(1, 0), { losses: tensor(1), rates: tensor(1) })).not.toThrow();
    expect(greeted.losses.length).toBe(0);
  });

  it("forgets what a file would give once another one is refused", () => {
    const considered = tell(greeted, {
      kind: "Considered",
      config: DEFAULT_CONFIG,
      parameters: 1,
      bytes: 8,
      documents: 2,
      characters: ["a"],
      character_count: 1,
      examples: [],
      clipped: 0,
      data_sha256: "",
      encoding: "",
      cut: "",
      cuts: [],
      problem: "",
      hint: "",
    });
    const refused = { kind: "Refused", what: "bad.txt is not UTF-8 text", hint: "" } as const;
    expect(tell(considered, { ...refused, command: "Tune" }).considered).not.toBeNull();
    expect(tell(considered, { ...refused, command: "Consider" }).considered).toBeNull();
  });

  it("forgets that a run stopped once the reader has gone elsewhere", () => {
    const stopped = tell(greeted, { kind: "Stopped", step: 4, what: "", hint: "", site: "", index: [] });
    expect(tell(stopped, frame(4, 0)).stopped).not.toBeNull();
    expect(tell(stopped, frame(3, 0)).stopped).toBeNull();
  });
});
