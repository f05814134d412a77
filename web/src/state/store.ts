// The state of the page: what the player has sent and what the reader has chosen. It changes in
// `reduce` and nowhere else; it is independent of DOM and socket.

import { type Address, KINDS, type Kind, type Show, formatAddress, offsetOf, sameAddress } from "./address";
import type { Lesson } from "./lesson";
import type { Detour, Progress } from "./progress";
import type {
  Branches,
  EnginesCompared,
  Considered,
  Difference,
  Ended,
  Explained,
  Frame,
  ValidationLoss,
  Hello,
  Previewed,
  Baselines,
  Neighbours,
  Attribution,
  WeightHistory,
  Price,
  Refused,
  Samples,
  SeedBand,
  SiteFacts,
  Spelling,
  Stopped,
  Tokens,
  Verified,
} from "../protocol.gen";
import { type Quantity, magnitude, quantity, scaleEnd } from "./scales";
import { configOf } from "./settings";
import { EMPTY, type Series, extended, summed } from "./series";
import type { Tensor, Told } from "../wire/frames";
import type { Line } from "../wire/wire";

export interface Spelled {
  event: Spelling;
  arrays: Map<string, Tensor>;
}

export interface Remembered {
  event: WeightHistory;
  arrays: Map<string, Tensor>;
}

/** A branch that is not shown: its losses from its fork on, and what it writes at rest. */
export interface Other {
  first: number;
  losses: ArrayLike<number>;
  samples: Samples | null;
  difference: Difference | null;
}

/** A complete run of other settings: its losses as far as they have come. */
export interface Preview {
  event: Previewed;
  losses: Series;
}

export interface Seeds {
  event: SeedBand;
  arrays: Map<string, Tensor>;
}

export interface State {
  line: Line;
  reason: string; // of the server, for the line being as it is
  hello: Hello | null;
  sites: Map<string, SiteFacts>;
  frame: Frame | null;
  arrays: Map<string, Tensor>;
  losses: Series; // number n is of the step after n updates
  rates: Series;
  sums: Series; // running sums of losses, for means
  old: Series; // the losses that were there before a change made them another run's
  branches: Branches | null;
  others: ReadonlyMap<number, Other>; // by number
  prices: ReadonlyMap<number, Price>;
  preview: Preview | null;
  band: Seeds | null;
  bands: ReadonlyMap<string, Seeds>; // of all runs that have one, by their link
  attribution: Attribution | null;
  curve: ArrayLike<number>; // of the attribution: log p at every position
  baselines: Baselines | null;
  validation: ValidationLoss[]; // of the branch that is shown
  validations: ReadonlyMap<number, ValidationLoss[]>; // of those that were shown before
  samples: Samples | null;
  spelled: Spelled | null;
  documents: Map<number, string>;
  considered: Considered | null;
  enginesCompared: EnginesCompared | null; // the engines on this run
  tokens: Tokens | null;
  explained: { event: Explained } | null; // the number that was opened last
  weightHistory: Remembered | null; // of the weight among them
  trail: Address[]; // the numbers that were selected before, the last one last
  verified: Verified | null; // the scalar engine against the one shown
  neighbours: Neighbours | null; // of the node of the graph that was entered
  refused: Refused | null;
  uncopied: string | null; // what the browser would not copy: it is offered to the reader's hand
  stopped: Stopped | null;
  scales: Map<Quantity, number>;
  link: string;
  show: Show;
  moments: "" | "m" | "v";
  selected: Address | null;
  hovered: Address | null;
  watched: string | null; // the text that the reader holds the machine to
  reading: boolean; // is the mathematics in sight?
  offered: boolean; // to train on, at the end of a run
  sight: ReadonlyMap<string, number>; // how many figures in sight show a site or parameter
  story: Progress | null; // where the reader is in the story, while it is open
  lesson: Lesson; // what a teacher's link hides and asks
  detour: Detour | null; // the failure on show, and the run to go back to
}

export const INITIAL: State = {
  line: "connecting",
  reason: "",
  hello: null,
  sites: new Map(),
  frame: null,
  arrays: new Map(),
  losses: EMPTY,
  rates: EMPTY,
  sums: EMPTY,
  old: EMPTY,
  branches: null,
  others: new Map(),
  prices: new Map(),
  preview: null,
  band: null,
  bands: new Map(),
  attribution: null,
  curve: [],
  baselines: null,
  validation: [],
  validations: new Map(),
  samples: null,
  spelled: null,
  documents: new Map(),
  considered: null,
  enginesCompared: null,
  tokens: null,
  explained: null,
  weightHistory: null,
  trail: [],
  verified: null,
  neighbours: null,
  refused: null,
  uncopied: null,
  stopped: null,
  scales: new Map(),
  link: "",
  show: "value",
  moments: "",
  selected: null,
  hovered: null,
  watched: null,
  reading: false,
  offered: false,
  sight: new Map(),
  story: null,
  lesson: { hide: [], ask: "" },
  detour: null,
};

export type Action =
  | { kind: "told"; told: Told }
  | { kind: "line"; line: Line; reason: string }
  | { kind: "show"; show: Show }
  | { kind: "moments"; moments: "" | "m" | "v" }
  | { kind: "select"; address: Address | null }
  | { kind: "back" } // to the number selected before
  | { kind: "hover"; address: Address | null }
  | { kind: "watch"; document: string | null }
  | { kind: "reading"; reading: boolean }
  | { kind: "offer"; offered: boolean }
  | { kind: "sight"; name: string; visible: boolean }
  | { kind: "story"; story: Progress | null }
  | { kind: "lesson"; lesson: Lesson }
  | { kind: "detour"; detour: Detour | null }
  | { kind: "refuse"; what: string; hint: string }
  | { kind: "uncopied"; text: string }
  | { kind: "close"; what: "band" | "refused" | "uncopied" | "stopped" | "spelled" | "considered" };

export function reduce(state: State, action: Action): State {
  switch (action.kind) {
    case "told":
      return told(state, action.told);
    case "line":
      return { ...state, line: action.line, reason: action.reason };
    case "show":
      return { ...state, show: action.show };
    case "moments":
      return { ...state, moments: action.moments };
    case "select":
      return selecting(state, action.address);
    case "back":
      return { ...state, selected: state.trail.at(-1) ?? state.selected, trail: state.trail.slice(0, -1) };
    case "hover":
      return { ...state, hovered: action.address };
    case "watch":
      return { ...state, watched: action.document };
    case "reading":
      return { ...state, reading: action.reading };
    case "offer":
      return { ...state, offered: action.offered };
    case "sight":
      return { ...state, sight: seen(state.sight, action.name, action.visible) };
    case "story":
      return { ...state, story: action.story };
    case "lesson":
      return { ...state, lesson: action.lesson };
    case "detour":
      return { ...state, detour: action.detour };
    case "refuse":
      return { ...state, refused: { kind: "Refused", command: "", what: action.what, hint: action.hint } };
    case "uncopied":
      return { ...state, uncopied: action.text };
    case "close":
      return action.what === "band" ? unbanded(state) : { ...state, [action.what]: null };
    default:
      return assertNever(action);
  }
}

/** What a job has sent until it was ended stays, where it is true of a part. */
function ended(state: State, { job, stopped }: Ended): State {
  switch (job) {
    case "verification":
      return { ...state, verified: state.verified && { ...state.verified, running: false } };
    case "seed band": {
      if (stopped) return unbanded(state); // an event that was under way may have come meanwhile
      const bands = new Map([...state.bands].filter(([, band]) => band.event.finished).map(shortened));
      return { ...state, bands, band: bands.get(runOfLink(state.link)) ?? null };
    }
    case "attribution":
      return { ...state, attribution: state.attribution?.done ? state.attribution : null };
    case "preview":
      return { ...state, preview: state.preview?.event.done ? state.preview : null };
    case "weight history":
      return state;
    default:
      return assertNever(job);
  }
}

/** A band of no more seeds than have finished. */
function shortened([link, band]: [string, Seeds]): [string, Seeds] {
  return [link, { ...band, event: { ...band.event, seeds: band.event.finished } }];
}

function unbanded(state: State): State {
  const bands = new Map(state.bands);
  bands.delete(runOfLink(state.link));
  return { ...state, band: null, bands };
}

const TRAIL = 100; // selections that can be taken back

function selecting(state: State, address: Address | null): State {
  if (sameAddress(address, state.selected)) return { ...state, selected: address };
  const trail = state.selected ? [...state.trail, state.selected].slice(-TRAIL) : state.trail;
  return { ...state, selected: address, trail };
}

/** Does time run, so that another frame is on its way? */
export function isMoving({ frame }: State): boolean {
  return !!frame && (frame.playing || frame.busy);
}

/** Has the run stopped where its pass does not end in finite numbers, so that only weights are here? */
export function isWithoutPass(state: State): boolean {
  return !!state.stopped && !!state.frame && !state.arrays.has("value:embd");
}

function seen(sight: State["sight"], name: string, visible: boolean): State["sight"] {
  return new Map(sight).set(name, (sight.get(name) ?? 0) + (visible ? 1 : -1));
}

function told(state: State, { event, arrays }: Told): State {
  switch (event.kind) {
    case "Hello":
      return greeted(state, event);
    case "Frame":
      return framed(state, event, arrays);
    case "Samples":
      return written(state, event);
    case "Spelling":
      return { ...state, spelled: { event, arrays } };
    case "Baselines":
      return { ...state, baselines: event };
    case "ValidationLoss":
      return { ...state, validation: judged(state.validation, event) };
    case "Documents": {
      const documents = new Map(state.documents);
      event.documents.forEach((text, i) => documents.set(event.first + i, text));
      return { ...state, documents };
    }
    case "Tokens":
      return { ...state, tokens: event };
    case "Explained":
      return { ...state, explained: { event } };
    case "WeightHistory":
      return { ...state, weightHistory: { event, arrays } };
    case "EnginesCompared":
      return { ...state, enginesCompared: event };
    case "Considered":
      return { ...state, considered: event, refused: accepted(state, "Consider", "Start") };
    case "Settings": {
      const hello = state.hello && { ...state.hello, config: event.config, schedule: event.schedule };
      return { ...linked(state, event.link), hello, refused: null }; // a change was accepted
    }
    case "Branches":
      return grown(state, event);
    case "Curve":
      return other(state, event.branch, { first: event.first, losses: arrays.get("losses")?.data ?? [] });
    case "Difference":
      return other(state, event.branch, { difference: event });
    case "Price":
      return { ...state, prices: new Map(state.prices).set(event.branch, event) };
    case "Previewed":
      return { ...state, preview: previewed(event.first ? state.preview : null, event, arrays) };
    case "Verified":
      return { ...state, verified: event };
    case "Done":
      return state; // which says nothing of the run
    case "Ended":
      return ended(state, event);
    case "Neighbours":
      return { ...state, neighbours: event, refused: state.refused?.command === "Enter" ? null : state.refused };
    case "SeedBand": {
      const band = { event, arrays };
      return { ...state, band, bands: new Map(state.bands).set(runOfLink(state.link), band) };
    }
    case "Attribution":
      return { ...state, attribution: event, curve: arrays.get("curve")?.data ?? [] };
    case "File":
      return state; // kept by the reader, not by the page
    case "Refused": {
      const considered = event.command === "Consider" ? null : state.considered; // it was of another file
      const watched = event.command === "Watch" ? null : state.watched; // it cannot be read here
      const detour = event.command === "Start" ? null : state.detour; // it has not begun
      return { ...state, refused: event, considered, watched, detour };
    }
    case "Stopped":
      return { ...state, stopped: event };
    default:
      return assertNever(event);
  }
}

/** The refusal that is still shown, now that one of these commands was accepted. */
function accepted({ refused }: State, ...commands: string[]): Refused | null {
  return refused && commands.includes(refused.command) ? null : refused;
}

const OF_SAMPLES = ["temperature", "num_samples", "prefix", "draw"];

/** Which run a link is of, however it is sampled. */
function runOfLink(link: string): string {
  const pairs = new URLSearchParams(link);
  for (const name of OF_SAMPLES) pairs.delete(name);
  return pairs.toString();
}

/** The state with another link: a band of seeds belongs to its run, and comes back with it. */
function linked(state: State, link: string): State {
  const band = runOfLink(link) === runOfLink(state.link) ? state.band : (state.bands.get(runOfLink(link)) ?? null);
  return { ...state, link, band };
}

function written(state: State, event: Samples): State {
  const shown = state.branches?.current ?? event.branch;
  const drawn = JSON.stringify([event.sampling, event.seed]);
  const refused =
    drawn === JSON.stringify([state.samples?.sampling, state.samples?.seed])
      ? state.refused
      : accepted(state, "Sample", "");
  return event.branch === shown
    ? { ...linked(state, event.link), samples: event, refused }
    : other(state, event.branch, { samples: event });
}

/** The branches as they are now; of those that are gone, or shown, nothing is kept aside. */
function grown(state: State, branches: Branches): State {
  const known = new Set(branches.branches.map((branch) => branch.number));
  const others = new Map([...state.others].filter(([number]) => known.has(number) && number !== branches.current));
  const before = state.branches?.current;
  const old = new Set(branches.branches.map((branch) => branch.run)).size > 1 ? EMPTY : state.old; // the run before is there whole
  if (before === undefined || before === branches.current) return { ...state, branches, others, old };
  const validations = new Map(
    [...state.validations, [before, state.validation] as const].filter(([number]) => known.has(number)),
  );
  const now = branches.branches.find((branch) => branch.number === branches.current);
  const shared = now?.parent === before ? state.validation.filter((one) => one.step < now.fork) : [];
  return { ...state, branches, others, old, validations, validation: validations.get(branches.current) ?? shared };
}

function previewed(before: Preview | null, event: Previewed, arrays: Map<string, Tensor>): Preview {
  return { event, losses: extended(before?.losses ?? EMPTY, event.first, arrays.get("losses")?.data ?? []) };
}

const NOTHING: Other = { first: 0, losses: [], samples: null, difference: null };

function other(state: State, number: number, more: Partial<Other>): State {
  const others = new Map(state.others).set(number, { ...(state.others.get(number) ?? NOTHING), ...more });
  return { ...state, others };
}

function greeted(state: State, hello: Hello): State {
  const same = state.hello?.run === hello.run && sameModel(state.hello, hello);
  return {
    ...INITIAL,
    line: state.line,
    reason: state.reason,
    show: state.show,
    moments: state.moments,
    reading: state.reading,
    sight: state.sight,
    hello,
    story: state.story,
    lesson: state.lesson,
    detour: state.detour,
    sites: new Map(hello.sites.map((site) => [site.name, site])),
    link: hello.link,
    bands: state.hello?.run === hello.run ? state.bands : new Map(),
    band: state.hello?.run === hello.run ? (state.bands.get(runOfLink(hello.link)) ?? null) : null,
    selected: same || !state.hello ? state.selected : null, // a link selects before any event has come
    trail: same ? state.trail : [],
    watched: same || !state.hello ? state.watched : null,
    scales: same ? state.scales : new Map(),
    old: state.hello?.run === hello.run && !same ? state.losses : EMPTY,
  };
}

function sameModel(a: Hello, b: Hello): boolean {
  return (
    a.data_sha256 === b.data_sha256 &&
    JSON.stringify(a.config) === JSON.stringify(b.config) &&
    a.engine.name === b.engine.name
  );
}

function framed(state: State, frame: Frame, arrays: Map<string, Tensor>): State {
  const losses = arrays.get("losses");
  const rates = arrays.get("rates");
  const next = { ...state, frame, arrays, scales: rescaled(state, frame, arrays) };
  if (losses && rates) {
    next.losses = extended(state.losses, frame.first, losses.data);
    next.rates = extended(state.rates, frame.first, rates.data);
    next.sums = summed(state.sums, next.losses, frame.first);
  } else if (frame.reached < state.losses.length) {
    next.losses = { ...state.losses, length: frame.reached };
    next.rates = { ...state.rates, length: frame.reached };
    next.sums = { ...state.sums, length: frame.reached + 1 };
  }
  if (frame.watching) next.refused = accepted(state, "Watch");
  if (frame.playing) next.refused = accepted(next, "Play", "Pace");
  if (state.stopped && frame.step !== state.stopped.step) next.stopped = null;
  if (state.offered && frame.step < configOf(state).num_steps) next.offered = false;
  return next;
}

const RESCALED = 8; // while time runs, scales are renewed after this many frames

/** The ends of all scales, for the numbers that are here now. */
function rescaled(state: State, frame: Frame, arrays: Map<string, Tensor>): Map<Quantity, number> {
  if ((frame.playing || frame.busy) && frame.seq % RESCALED && state.scales.size) return state.scales;
  const groups = new Map<Quantity, ArrayLike<number>[]>();
  for (const [name, tensor] of arrays) {
    const split = /^(value|grad|delta|m|v):([^[]+)$/.exec(name);
    if (!split) continue;
    const site = state.sites.get(split[2] ?? "");
    if (site && site.axes.length < 2) continue; // scales and losses are shown as numbers
    const which = quantity(kindOf(split[1]), site);
    groups.set(which, [...(groups.get(which) ?? []), tensor.data]);
  }
  const scales = new Map(state.scales);
  for (const [which, members] of groups) {
    scales.set(which, which === "shares" ? 1 : scaleEnd(scales.get(which), magnitude(members)));
  }
  return scales;
}

function kindOf(text: string | undefined): Kind {
  switch (text) {
    case "grad":
    case "delta":
    case "m":
    case "v":
      return text;
    default:
      return "value";
  }
}

function judged(before: ValidationLoss[], event: ValidationLoss): ValidationLoss[] {
  return [...before.filter((one) => one.step !== event.step), event].sort((a, b) => a.step - b.step);
}

/** The weight that the mathematics speaks of: the selected one, or else the first of a layer. */
export function followed(state: State): Address | null {
  const { selected, hello } = state;
  if (selected && !state.sites.has(selected.name)) return selected;
  const first = hello?.params.find((param) => param.name.startsWith("layer")) ?? hello?.params[0];
  return first ? { kind: "value", name: first.name, index: [0, 0] } : null;
}

const MOST_SITES = 100; // of a deeper model only what is in sight is ever sent

/** The arrays that the page draws now, and so asks for: while time runs, only those in sight. */
export function wanted(state: State): string[] {
  const { hello, show } = state;
  if (!hello) return [];
  const all = !isMoving(state) && hello.sites.length <= MOST_SITES;
  const inSight = (name: string): boolean => (state.sight.get(name) ?? 0) > 0;
  const kinds = new Set<Kind>(["value", show]);
  const params = hello.params.map((param) => param.name).filter((name) => all || inSight(name));
  const sites = hello.sites
    .filter((site) => all || state.reading || site.axes.length < 2 || inSight(site.name))
    .map((site) => site.name);
  const arrays = [...kinds].flatMap((kind) => [...sites, ...params].map((name) => `${kind}:${name}`));
  if (state.moments) arrays.push(...params.map((name) => `${state.moments}:${name}`));
  const told =
    state.reading || (all && state.frame) ? [state.selected, followed(state), { name: "logits" }] : [state.selected];
  for (const address of told) {
    if (!address) continue;
    const more: Kind[] = state.sites.has(address.name) ? ["grad", "delta"] : ["grad", "delta", "m", "v"];
    arrays.push(
      ...(isReduced(state, address.name)
        ? cells(address, ["value", ...more])
        : more.map((kind) => `${kind}:${address.name}`)),
    );
  }
  if (state.hovered && isReduced(state, state.hovered.name)) arrays.push(...cells(state.hovered, [state.hovered.kind]));
  return [...new Set(arrays)];
}

function cells(address: Address | { name: string }, kinds: Kind[]): string[] {
  return "index" in address ? kinds.map((kind) => formatAddress({ ...address, kind })) : [];
}

/** How many cells of a parameter stand behind one that is drawn, by axis; 1 where all are here. */
export function grain(state: State, name: string): number[] {
  const full = state.hello?.params.find((param) => param.name === name)?.shape ?? [];
  const tensor = KINDS.map((kind) => state.arrays.get(`${kind}:${name}`)).find((one) => one !== undefined);
  return full.map((n, axis) => Math.ceil(n / (tensor?.shape[axis] ?? n)));
}

/** What is to be explained now: the selected number in the document and at the step that are here. */
export function question(state: State): { address: string; key: string } | null {
  const { selected, frame, hello, branches } = state;
  if (!selected || !frame || !hello) return null;
  const changes = branches?.branches.find((branch) => branch.number === branches.current)?.changes; // a weight that was set has another past
  const address = formatAddress({ ...selected, kind: "value" }); // which explains its gradient as well
  return {
    address,
    key: JSON.stringify([
      address,
      frame.step,
      frame.document,
      hello.run,
      hello.config,
      hello.data_sha256,
      branches?.current,
      changes,
    ]),
  };
}

function isReduced(state: State, name: string): boolean {
  return grain(state, name).some((n) => n > 1);
}

/** One number of the model, or undefined where it is not here. */
export function numberAt(state: State, address: Address, kind: Kind = address.kind): number | undefined {
  const alone = state.arrays.get(formatAddress({ ...address, kind }));
  if (alone && !alone.shape.length) return alone.data[0];
  const tensor = state.arrays.get(`${kind}:${address.name}`);
  if (!tensor || isReduced(state, address.name)) return undefined;
  const offset = offsetOf(address.index, tensor.shape);
  return offset < 0 ? undefined : tensor.data[offset];
}

export function assertNever(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}
