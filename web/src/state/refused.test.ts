import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, DEFAULT_SAMPLING, type Event, type Frame, type Refused, type Samples } from "../protocol.gen";
import { INITIAL, type State, reduce } from "./store";

const tell = (state: State, event: Event): State => reduce(state, { kind: "told", told: { event, arrays: new Map() } });
const refused = (command: string): Refused => ({ kind: "Refused", command, what: "it cannot be", hint: "" });
const drawn = (temperature: number): Samples => ({
  kind: "Samples",
  seq: 1,
  branch: 1,
  step: 0,
  sampling: { ...DEFAULT_SAMPLING, temperature },
  seed: null,
  written: [],
  link: "seed=1",
});
const frame: Frame = {
  kind: "Frame",
  seq: 1,
  step: 3,
  reached: 3,
  playing: false,
  busy: false,
  pace: 100,
  speed: 0,
  rate: 0.01,
  document: "anna",
  tokens: [],
  watching: false,
  first: 0,
  arrays: [],
};
const HERE = tell({ ...INITIAL, link: "seed=1" }, drawn(0.5));

describe("a refusal", () => {
  it.each<[string, Event]>([
    ["Tune", { kind: "Settings", config: DEFAULT_CONFIG, schedule: [], link: "seed=1" }],
    ["Sample", drawn(0.7)],
    ["Watch", { ...frame, watching: true }],
    ["Play", { ...frame, playing: true }],
    [
      "Consider",
      {
        kind: "Considered",
        config: DEFAULT_CONFIG,
        parameters: 1,
        bytes: 8,
        documents: 2,
        characters: [],
        character_count: 0,
        examples: [],
        clipped: 0,
        data_sha256: "",
        encoding: "",
        cut: "",
        cuts: [],
        problem: "",
        hint: "",
      },
    ],
  ])("of %s goes once such a command is accepted", (command, event) => {
    const state = tell(HERE, refused(command));
    expect(state.refused?.command).toBe(command);
    expect(tell(state, event).refused).toBeNull();
  });

  it("stays while nothing else was accepted", () => {
    const state = tell(HERE, refused("Sample"));
    expect(tell(tell(state, drawn(0.5)), frame).refused).not.toBeNull();
  });

  it("of a run that cannot begin ends the detour to it", () => {
    const detour = { failure: "One head", before: {} as never };
    expect(tell({ ...HERE, detour }, refused("Start")).detour).toBeNull();
    expect(tell({ ...HERE, detour }, refused("Tune")).detour).toBe(detour);
  });
});

describe("a band of seeds", () => {
  const banded = tell(HERE, { kind: "SeedBand", seeds: 20, finished: 20, arrays: [] });
  const settings = (link: string): Event => ({ kind: "Settings", config: DEFAULT_CONFIG, schedule: [], link });

  it("belongs to its run: another branch has none, and with the first it comes back", () => {
    const other = tell(banded, settings("seed=1&do=3:position!"));
    expect(other.band).toBeNull();
    expect(tell(other, settings("seed=1")).band).toBe(banded.band);
  });

  it("stays when only the samples are drawn otherwise", () => {
    expect(tell(banded, { ...drawn(0.9), link: "seed=1&temperature=0.9&draw=3" }).band).toBe(banded.band);
  });

  it("does not come back once it was closed", () => {
    const closed = reduce(banded, { kind: "close", what: "band" });
    expect(closed.band).toBeNull();
    expect(tell(tell(closed, settings("seed=2")), settings("seed=1")).band).toBeNull();
  });
});

it("what a change ends half-way is not shown as if it went on", () => {
  const looking: State = {
    ...HERE,
    attribution: {
      kind: "Attribution",
      context: [],
      token: 0,
      begin: 0,
      step: 9,
      taken: 4,
      done: false,
      moves: [],
      arrays: [],
    },
  };
  expect(tell(looking, { kind: "Ended", job: "attribution", stopped: false }).attribution).toBeNull();
});

it("a verification that is ended says how far it came", () => {
  const event = {
    kind: "Verified",
    step: 30,
    steps: 200,
    running: true,
    gaps: [],
    holds: true,
    recorded: false,
  } as const;
  const ended = tell(tell(HERE, { ...event, gaps: [] }), { kind: "Ended", job: "verification", stopped: true });
  expect(ended.verified).toEqual({ ...event, running: false });
});

it("a band that is ended is that of the seeds that have finished, and none before the first has", () => {
  for (const [finished, left] of [
    [30, 30],
    [0, undefined],
  ] as const) {
    const banded = tell(HERE, { kind: "SeedBand", seeds: 200, finished, arrays: [] });
    expect(tell(banded, { kind: "Ended", job: "seed band", stopped: false }).band?.event.seeds).toBe(left);
    expect(tell(banded, { kind: "Ended", job: "seed band", stopped: true }).band).toBeNull();
  }
});
