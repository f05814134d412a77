// How far a reader has come in the story, and from which run a detour leads: plain data, so that it
// survives a reload. What a tab has kept is checked when it is read: another version may have written it.

import * as v from "valibot";
import { type Config, DEFAULT_CONFIG } from "../protocol.gen";

const SHOW = v.picklist(["value", "grad", "delta"]);
const MOMENTS = v.picklist(["", "m", "v"]);

/** Which letter comes at position `at` of a document? `candidates` are tokens; any other is one more outcome. */
const LETTER = v.object({
  kind: v.literal("letter"),
  run: v.string(),
  document: v.string(),
  at: v.number(),
  candidates: v.array(v.number()),
});

/** Will the second half of the steps `from` to `to` surprise the model less than the first? */
const TREND = v.object({ kind: v.literal("trend"), run: v.string(), from: v.number(), to: v.number() });

/** What the state was when a step began, as far as steps ask whether it has changed. */
const MEMO = v.object({
  typed: v.string(), // the text in the tokenizer
  watched: v.nullable(v.string()), // the text the machine is kept to
  opened: v.string(), // the address that was explained
  step: v.number(),
  prefix: v.string(),
  show: SHOW,
  moments: MOMENTS,
  run: v.string(), // the settings and the data of the run
});

/** A question, and how the reader shares out what may come: null until the guess is made. */
const ASKED = v.object({ question: v.variant("kind", [LETTER, TREND]), shares: v.nullable(v.array(v.number())) });

const PROGRESS = v.object({
  at: v.number(), // the step the reader is at; the number of steps when all are behind
  memo: v.nullable(MEMO), // null until there is a state to remember
  armed: v.boolean(), // has the step's check failed since it began? only then can it be met
  done: v.array(v.number()),
  skipped: v.array(v.number()),
  asked: v.record(v.string(), ASKED), // by step
});

const CONFIG = v.custom<Config>((given) => {
  const known = new Map(Object.entries(given ?? {}));
  return Object.keys(DEFAULT_CONFIG).every((name) => typeof known.get(name) === "number");
});

/** The run that a detour leaves, which stays, and what is restored after it. */
const BEFORE = v.object({
  branch: v.number(),
  runs: v.array(v.number()), // those there were
  config: CONFIG,
  engine: v.string(),
  document: v.string(), // the one in the machine
  pace: v.number(),
  sampling: v.object({ temperature: v.number(), num_samples: v.number(), prefix: v.string() }),
  seed: v.nullable(v.number()),
  step: v.number(),
});

const DETOUR = v.object({
  failure: v.string(), // its title
  before: BEFORE,
});

export type LetterQuestion = v.InferOutput<typeof LETTER>;
export type TrendQuestion = v.InferOutput<typeof TREND>;
export type Question = LetterQuestion | TrendQuestion;
export type Memo = v.InferOutput<typeof MEMO>;
export type Asked = v.InferOutput<typeof ASKED>;
export type Progress = v.InferOutput<typeof PROGRESS>;
export type Before = v.InferOutput<typeof BEFORE>;
export type Detour = v.InferOutput<typeof DETOUR>;

/** What a tab has kept, or null where that is nothing, or not what this version writes. */
function read<Schema extends v.GenericSchema>(schema: Schema, text: string | null): v.InferOutput<Schema> | null {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  return parsed.success ? parsed.output : null;
}

export function readProgress(text: string | null): Progress | null {
  return read(PROGRESS, text);
}

/** The detour that a tab has kept, and the name of the page's run that it belongs to. */
export function readDetour(text: string | null): { run: string; detour: Detour } | null {
  return read(v.object({ run: v.string(), detour: DETOUR }), text);
}
