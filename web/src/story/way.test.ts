import { describe, expect, it } from "vitest";
import { crossEntropy, letterQuestion, sharesOf, surprise } from "./guess";
import type { Progress } from "../state/progress";
import {
  type Breakdown,
  type Config,
  type Considered,
  DEFAULT_CONFIG,
  DEFAULT_SAMPLING,
  type Event,
  type Explained,
  type Frame,
  type Hello,
  type AdamUpdate,
  type Samples,
} from "../protocol.gen";
import { INITIAL, type State, reduce } from "../state/store";
import { BEGINNING, askedNow, begun, guessed, isDone, kept, keepProgress, lent, onward, seen, skipping } from "./way";
import type { Tensor } from "../wire/frames";
import { STEPS } from "./steps";

const CONFIG = {
  ...DEFAULT_CONFIG,
  n_layer: 1,
  n_embd: 2,
  n_head: 1,
  block_size: 4,
  num_steps: 100,
  learning_rate: 0.01,
  beta1: 0.9,
  seed: 1,
};
const SITES = [
  ["tok", [], "wte"],
  ["probs", ["logits"], ""],
  ["losses", ["probs"], ""],
  ["loss", ["losses"], ""],
  ["logits", ["tok"], "lm_head"],
] as const;
const HELLO: Hello = {
  kind: "Hello",
  version: 1,
  run: "r",
  engine: { name: "scalar", instruction_set: "python" },
  engines: ["scalar"],
  settings: [],
  sampling_settings: [],
  config: CONFIG,
  sampling: DEFAULT_SAMPLING,
  sample_seed: null,
  sites: SITES.map(([name, inputs, weight]) => ({
    name,
    axes: ["T", "C"],
    op: "linear",
    inputs: [...inputs],
    sentence: "",
    weight,
  })),
  params: [
    { name: "wte", shape: [3, 2] },
    { name: "lm_head", shape: [3, 2] },
  ],
  parameters: 12,
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

function frame(step: number, more: Partial<Frame> = {}): Frame {
  return {
    kind: "Frame",
    seq: 1,
    step,
    reached: step,
    playing: false,
    busy: false,
    pace: 100,
    speed: 0,
    rate: 0.01,
    document: "ab",
    tokens: [2, 0, 1, 2],
    watching: false,
    first: 0,
    arrays: [],
    ...more,
  };
}

function samples(step: number, more: Partial<Samples> = {}): Samples {
  const written = [
    { text: "abba", seen: true, probability: 0.1, ended: true, nearest: "", distance: 0 },
    { text: "ab", seen: false, probability: 0.1, ended: true, nearest: "abba", distance: 2 },
  ];
  return {
    kind: "Samples",
    seq: 1,
    branch: 0,
    step,
    sampling: { ...DEFAULT_SAMPLING, temperature: 0.5, prefix: "" },
    seed: null,
    written,
    link: "",
    ...more,
  };
}

function tensor(shape: number[], ...data: number[]): Tensor {
  return { data: Float64Array.from(data), shape };
}

function tell(state: State, event: Event, arrays: Record<string, Tensor> = {}): State {
  return reduce(state, { kind: "told", told: { event, arrays: new Map(Object.entries(arrays)) } });
}

function trained(state: State, steps: number, losses = Array.from({ length: steps }, (_, i) => 3 - i / 100)): State {
  return tell(state, frame(steps), {
    losses: tensor([steps], ...losses),
    rates: tensor([steps], ...losses.map(() => 0.01)),
  });
}

const here = tell(tell(tell(INITIAL, HELLO), frame(0)), samples(0));
const measured = tell(here, { kind: "Baselines", uniform: 1.1, unigram: 1, bigram: 0.9, trigram: 0.8 });

interface Facts {
  value?: number;
  grad?: number;
  delta?: number;
  nudged?: boolean;
}

function breakdown(number: number): Breakdown {
  return { number, formula: "", numbers: "", terms: [], total: number, total_name: "", lines: [] };
}

/** The state once a number was selected and explained. */
function open(state: State, address: string, { value = 1, grad = 1, delta, nudged = false }: Facts = {}): State {
  const [, name = "", index = ""] = /^value:([\w.]+)(?:\[([\d,]+)\])?$/.exec(address) ?? [];
  const selected = reduce(state, {
    kind: "select",
    address: { kind: "value", name, index: index ? index.split(",").map(Number) : [] },
  });
  const update = delta === undefined ? null : ({ delta } as Partial<AdamUpdate> as AdamUpdate);
  const gradient_check = nudged
    ? {
        epsilon: 1,
        loss: 1,
        loss_up: 1,
        loss_down: 1,
        slope: 1,
        grad: 1,
        error: 1,
        switches: 0,
        formula: "",
        numbers: "",
      }
    : null;
  const event: Explained = {
    kind: "Explained",
    address,
    step: 0,
    document: "ab",
    value_terms: 1,
    gradient_terms: 1,
    gradient_check,
    problem: "",
    hint: "",
    explanation: { address, words: "", sentence: "", value: breakdown(value), gradient: breakdown(grad), update },
  };
  return tell(selected, event);
}

function set(state: State, changes: Partial<Config>): State {
  return tell(state, { kind: "Settings", config: { ...CONFIG, ...changes }, schedule: [], link: "" });
}

function typed(text: string, problem = ""): Event {
  return { kind: "Tokens", text, ids: problem ? [] : [...text].map(() => 0), problem, hint: "" };
}

const looking = { ...here, arrays: new Map([["value:layer0.attn.weights", tensor([1, 2, 2], 1, 0, 0.7, 0.3)]]) };
const walked = ["value:loss", "value:losses[1]", "value:probs[1,1]", "value:logits[1,1]"].reduce(
  (state, address) => open(state, address),
  here,
);
const considered: Considered = {
  kind: "Considered",
  config: DEFAULT_CONFIG,
  parameters: 0,
  bytes: 8,
  documents: 4,
  characters: [],
  character_count: 0,
  examples: [],
  clipped: 0,
  data_sha256: "x",
  encoding: "",
  cut: "",
  cuts: [],
  problem: "",
  hint: "",
};

/** Each step's check, by the title of the step: a state that is near to it and does not meet it, and one that does. */
const CASES: Record<string, [State, State]> = {
  "Before it has learned anything": [
    tell(trained(here, 9), samples(9)),
    tell(tell(trained(here, 9), frame(0, { reached: 9, first: 9 })), samples(0)),
  ],
  "Letters become numbers": [tell(here, typed("x", "no x")), tell(here, typed("ab"))],
  "What it has never seen": [tell(here, typed("ab")), tell(here, typed("a7", "no 7"))],
  "The end is a token too": [
    reduce(here, { kind: "watch", document: "ba" }),
    tell(reduce(here, { kind: "watch", document: "ba" }), frame(0, { document: "ba", watching: true })),
  ],
  "Surprise, in one number": [open(here, "value:losses[0]"), open(here, "value:loss")],
  "Every number has its parents": [
    open(walked, "value:wte[1,0]", { delta: 1 }),
    open(walked, "value:lm_head[1,0]", { delta: 1 }),
  ],
  "Which way is downhill": [
    open(here, "value:logits[0,1]", { grad: 0.2 }),
    open(here, "value:logits[0,0]", { grad: -0.2 }),
  ],
  "Do not believe it, check it": [open(here, "value:tok[0,0]"), open(here, "value:wte[1,1]", { nudged: true })],
  "What, and where": [open(here, "value:tok[0,0]"), open(here, "value:embd[0,0]")],
  "A letter asks": [
    open(here, "value:layer0.attn.q[0,0]", { value: 0 }),
    open(here, "value:layer0.attn.q[0,0]", { value: 0.1 }),
  ],
  "Looking back": [
    open(looking, "value:layer0.attn.weights[0,1,1]"),
    open(looking, "value:layer0.attn.weights[0,1,0]"),
  ],
  "The silent ones": [
    open(here, "value:layer0.mlp.relu[0,3]", { value: 0.2 }),
    open(here, "value:layer0.mlp.relu[0,3]", { value: 0 }),
  ],
  "The stream runs through": [open(here, "value:layer0.mlp.fc2[0,0]"), open(here, "value:layer0.mlp.resid[0,0]")],
  "One step": [trained(here, 1), reduce(trained(here, 1), { kind: "show", show: "delta" })],
  "How a weight changes": [open(here, "value:wte[0,0]", { delta: 0.1 }), open(here, "value:wte[0,0]", { delta: -0.1 })],
  "It remembers where it was going": [
    reduce(here, { kind: "moments", moments: "v" }),
    reduce(here, { kind: "moments", moments: "m" }),
  ],
  "Steps that are too large": [
    set(trained(here, 10), { learning_rate: 1 }),
    tell(set(here, { learning_rate: 1 }), { kind: "Stopped", step: 4, what: "", hint: "", site: "", index: [] }),
  ],
  "And the cure": [
    trained(measured, 100),
    trained(
      measured,
      100,
      Array.from({ length: 100 }, () => 1),
    ),
  ],
  "Writing is drawing lots": [here, here].map((state, index) =>
    tell(state, { kind: "Spelling", index, step: 0, text: "", prefix: [], tokens: [], temperature: 1, arrays: [] }),
  ) as [State, State],
  Cold: [
    tell(here, samples(0, { sampling: { ...DEFAULT_SAMPLING, temperature: 0.11, prefix: "" } })),
    tell(here, samples(0, { sampling: { ...DEFAULT_SAMPLING, temperature: 0.1, prefix: "" } })),
  ],
  Hot: [
    tell(here, samples(0, { sampling: { ...DEFAULT_SAMPLING, temperature: 1.9, prefix: "" } })),
    tell(here, samples(0, { sampling: { ...DEFAULT_SAMPLING, temperature: 2, prefix: "" } })),
  ],
  "You begin, it continues": [
    tell(here, samples(0, { sampling: { ...DEFAULT_SAMPLING, temperature: 1, prefix: "ba" } })),
    tell(here, samples(0, { sampling: { ...DEFAULT_SAMPLING, temperature: 1, prefix: "ab" } })),
  ],
  "The same, with more numbers": [
    tell(here, { ...considered, parameters: 23 }),
    tell(here, { ...considered, parameters: 24 }),
  ],
  "The same, with more text": [tell(here, considered), tell(here, { ...considered, data_sha256: "y" })],
  "Your own model": [trained(here, 20), trained(tell(tell(here, { ...HELLO, data_sha256: "y" }), samples(20)), 20)],
};

const GUESSES = STEPS.filter((step) => step.ask);

describe("the story", () => {
  const memo = seen(BEGINNING, here).memo ?? expect.fail("nothing was remembered");

  it("has a case for every step that is no guess, and titles of their own", () => {
    const titles = STEPS.map((step) => step.title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(Object.keys(CASES)).toEqual(STEPS.filter((step) => !step.ask).map((step) => step.title));
    expect(GUESSES).toHaveLength(3);
  });

  it.each(Object.entries(CASES))("%s: the check fails before it is done, and holds after", (title, [before, after]) => {
    const step = STEPS.find((one) => one.title === title) ?? expect.fail(title);
    expect([INITIAL, here, before].map((state) => step.done(state, memo))).toEqual([false, false, false]);
    expect(step.done(after, memo)).toBe(true);
  });

  it.each(Object.entries(CASES))("%s: cannot be passed until it is done", (title, [before, after]) => {
    const at = STEPS.findIndex((one) => one.title === title);
    const standing = seen(seen(begun(BEGINNING, at), here), before);
    expect(onward(standing)).toBe(standing);
    const done = seen(standing, after);
    expect(onward(done).at).toBe(at + 1);
  });

  it("asks for a change where things are so already when a step begins", () => {
    const at = STEPS.findIndex((one) => one.title === "Cold");
    const [warm, cold] = CASES["Cold"] ?? [here, here];
    const early = seen(begun(BEGINNING, at), cold);
    expect(isDone(seen(early, cold))).toBe(false);
    expect(isDone(seen(seen(early, warm), cold))).toBe(true);
  });

  it("begins a step only once the state is whole, so that a link cannot do it", () => {
    const at = STEPS.findIndex((one) => one.title === "Surprise, in one number");
    const selected = reduce(here, { kind: "select", address: { kind: "value", name: "loss", index: [] } });
    const waiting = begun(BEGINNING, at);
    expect(seen(waiting, selected)).toBe(waiting);
    expect(isDone(seen(seen(waiting, open(here, "value:loss")), open(here, "value:loss")))).toBe(false);
  });

  it("marks what is left out, until it is done after all", () => {
    const later = skipping(BEGINNING);
    expect([later.at, later.skipped, later.done]).toEqual([1, [0], []]);
    const back = seen(begun(later, 0), here);
    const done = seen(back, CASES["Before it has learned anything"]?.[1] ?? here);
    expect([done.done, done.skipped]).toEqual([[0], []]);
  });

  it("is kept through a reload, and a link may ask for a step of it", () => {
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, text: string) => void items.set(key, text),
    } as Storage;
    expect(kept(storage)).toEqual(BEGINNING);
    keepProgress(skipping(BEGINNING), storage);
    expect(kept(storage)).toEqual(skipping(BEGINNING));
    expect(kept(storage, 12)).toMatchObject({ at: 11, skipped: [0] });
    expect(kept(storage, 999).at).toBe(STEPS.length);
  });

  it.each(["", "{", "null", "{}", JSON.stringify({ ...BEGINNING, done: ["first"] }), JSON.stringify({ at: 3 })])(
    "begins anew where the tab has kept what another version wrote: %s",
    (text) => {
      expect(kept({ getItem: () => text } as unknown as Storage)).toEqual(BEGINNING);
    },
  );
});

describe("a guess", () => {
  const known = tell(here, { kind: "Documents", first: 0, documents: ["aba", "abb", "ba"] });

  function asking(title: string, state: State): Progress {
    return seen(
      begun(
        BEGINNING,
        STEPS.findIndex((one) => one.title === title),
      ),
      state,
    );
  }

  it("is about a letter that came, among the most usual ones", () => {
    const question = letterQuestion(known, 2, 0);
    expect(question).toMatchObject({ document: "aba", at: 2, candidates: [0, 1] });
    expect(letterQuestion(here, 2, 0)).toBeNull();
  });

  it("about a letter is answered by the model’s own probabilities, and by nothing before", () => {
    const asked = asking("Guess with it", known);
    const told = tell(known, frame(0, { document: "aba", tokens: [2, 0, 1, 0, 2], watching: true }), {
      "value:probs": tensor([4, 3], 0, 0, 0, 0, 0, 0, 0.25, 0.5, 0.25, 0, 0, 0),
    });
    expect(isDone(seen(asked, told))).toBe(false);
    const guess = guessed(asked, [0.5, 0.25, 0.25]);
    expect(isDone(seen(guess, known))).toBe(false);
    expect(isDone(seen(guess, told))).toBe(true);
    expect(askedNow(guess)?.shares).toEqual([0.5, 0.25, 0.25]);
  });

  it("about the loss waits for steps that were not taken when it was asked", () => {
    const asked = asking("Will it get better?", trained(known, 10));
    expect(askedNow(asked)?.question).toMatchObject({ from: 10, to: 30 });
    expect(askedNow(seen(asked, trained(known, 12)))?.question).toMatchObject({ from: 12, to: 32 });
    const guess = guessed(asked, [0.9, 0.1]);
    expect(isDone(seen(guess, trained(known, 29)))).toBe(false);
    expect(isDone(seen(guess, trained(known, 30)))).toBe(true);
    expect(askedNow(asking("Will it get better?", trained(known, 90)))).toBeUndefined();
  });

  it("costs nats: the surprise at what came, and on average at what the model says", () => {
    expect(sharesOf([0, 0, 98])).toEqual([1 / 101, 1 / 101, 99 / 101]);
    expect(surprise([0.25, 0.75], 0)).toBeCloseTo(Math.log(4), 12);
    const truth = [0.5, 0.25, 0.25, 0];
    expect(crossEntropy(truth, truth)).toBeCloseTo(1.5 * Math.LN2, 12);
    expect(crossEntropy(truth, [0.25, 0.25, 0.25, 0.25])).toBeCloseTo(Math.log(4), 12);
  });
});

describe("a switch that a step asks to turn", () => {
  it.each(STEPS.map((step, at) => [step.title, at, step.lends] as const))(
    "is turned back when “%s” is left, and only then",
    (_, at, lends) => {
      const progress = seen(begun(BEGINNING, at), here);
      const expected = lends === "show" ? { show: "value" } : lends === "moments" ? { moments: "" } : {};
      expect(lent(progress, begun(progress, at + 1))).toEqual(expected);
      expect(lent(progress, null)).toEqual(expected);
      expect(lent(progress, progress)).toEqual({});
    },
  );

  it("is one of three", () => {
    expect(STEPS.filter((step) => step.lends).map((step) => step.title)).toEqual([
      "Which way is downhill",
      "One step",
      "It remembers where it was going",
    ]);
  });
});
