// How far a reader has come in the story, and from which run a detour leads: plain data, so that
// it survives a reload.

import type { Config, Sampling } from "../protocol.gen";
import type { Show } from "./address";

/** Which letter comes at position `at` of a document? `candidates` are tokens; any other is one more outcome. */
export interface LetterQuestion {
  kind: "letter";
  run: string;
  document: string;
  at: number;
  candidates: number[];
}

/** Will the second half of the steps `from` to `to` surprise the model less than the first? */
export interface TrendQuestion {
  kind: "trend";
  run: string;
  from: number;
  to: number;
}

export type Question = LetterQuestion | TrendQuestion;

/** What the state was when a step began, as far as steps ask whether it has changed. */
export interface Memo {
  typed: string; // the text in the tokenizer
  watched: string | null; // the text the machine is kept to
  opened: string; // the address that was explained
  step: number;
  prefix: string;
  show: Show;
  moments: "" | "m" | "v";
  run: string; // the settings and the data of the run
}

/** A question, and how the reader shares out what may come: null until the guess is made. */
export interface Asked {
  question: Question;
  shares: number[] | null;
}

export interface Progress {
  at: number; // the step the reader is at; the number of steps when all are behind
  memo: Memo | null; // null until there is a state to remember
  armed: boolean; // has the step's check failed since it began? only then can it be met
  done: number[];
  skipped: number[];
  asked: Record<number, Asked>; // by step
}

/** The run that a detour leads from, which stays beside it, and what is to be as it was. */
export interface Before {
  branch: number;
  runs: number[]; // those there were
  config: Config;
  engine: string;
  document: string; // the one in the machine
  pace: number;
  sampling: Sampling;
  seed: number | null;
  step: number;
}

export interface Detour {
  failure: string; // its title
  before: Before;
}
