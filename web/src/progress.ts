// How far a reader has come in the story: plain data, so that it survives a reload.

import type { Question } from "./guess";

/** What the state was when a step began, as far as steps ask whether it has changed. */
export interface Memo {
  typed: string; // the text in the tokenizer
  watched: string | null; // the text the machine is kept to
  opened: string; // the address that was explained
  step: number;
  prefix: string;
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
