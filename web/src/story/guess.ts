// Predict, then reveal: what the reader is asked, what came, and what a guess costs in nats.

import { token } from "../format";
import type { LetterQuestion, Question, TrendQuestion } from "../state/progress";
import { smoothed } from "../state/series";
import type { State } from "../state/store";

/** What came, of the outcomes, and the model's own shares where it has any. */
export interface Answer {
  came: number;
  model: number[] | null;
}

const CANDIDATES = 5;

/** The run that a question is about; another run is another question. */
export function runOf({ hello }: State): string {
  return hello ? JSON.stringify([hello.config, hello.data_sha256]) : "";
}

/** A question about the letter at `at` of the `nth` fitting document that the page has, or null. */
export function letterQuestion(state: State, at: number, nth: number): LetterQuestion | null {
  const { hello, documents } = state;
  if (!hello) return null;
  const place = Math.min(at, hello.config.block_size - 1);
  const fitting = [...documents].sort(([a], [b]) => a - b).filter(([, text]) => [...text].length > place);
  const document = fitting[Math.min(nth, fitting.length - 1)]?.[1];
  if (document === undefined) return null;
  const letters = [...document];
  const came = hello.characters.indexOf(letters[place] ?? "");
  const before = place ? letters[place - 1] : undefined;
  const usual = followers([...documents.values()], before).map((letter) => hello.characters.indexOf(letter));
  const others = [...usual, ...hello.characters.keys()].filter((id) => id >= 0 && id !== came);
  const candidates = [came, ...new Set(others)].slice(0, CANDIDATES).sort((a, b) => a - b);
  return { kind: "letter", run: runOf(state), document, at: place, candidates };
}

/** The letters that follow `before` (or open a text), the most frequent first. */
function followers(texts: readonly string[], before: string | undefined): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const letters = [...text];
    letters.forEach((letter, i) => {
      if (before === undefined ? i === 0 : letters[i - 1] === before) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    });
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([letter]) => letter);
}

const LEAST_STEPS = 20;

/** A question about steps that this run has not taken yet, or null where too few are left. */
export function trendQuestion(state: State): TrendQuestion | null {
  const { hello, losses } = state;
  if (!hello) return null;
  const total = hello.config.num_steps;
  const stretch = Math.max(LEAST_STEPS, Math.min(200, Math.floor(total / 5)));
  const from = losses.length;
  return from + stretch <= total ? { kind: "trend", run: runOf(state), from, to: from + stretch } : null;
}

/** Can the question still be asked? It is about this run, and nothing has given it away. */
export function stands(question: Question, state: State): boolean {
  if (question.run !== runOf(state)) return false;
  return question.kind === "letter" || state.losses.length === question.from;
}

/** The outcomes in print. */
export function outcomes(question: Question, characters: readonly string[]): string[] {
  if (question.kind === "trend") return ["less", "not less"];
  return [...question.candidates.map((id) => token(id, characters)), "another"];
}

/** What came, or null until the live run has shown it. */
export function answer(question: Question, state: State): Answer | null {
  return question.kind === "letter" ? letterAnswer(question, state) : trendAnswer(question, state);
}

function letterAnswer({ document, at, candidates }: LetterQuestion, state: State): Answer | null {
  const { hello, frame } = state;
  const probs = state.arrays.get("value:probs");
  const size = (hello?.characters.length ?? 0) + 1;
  if (
    !hello ||
    !frame?.watching ||
    frame.document !== document ||
    probs?.data.length !== size * (frame.tokens.length - 1)
  )
    return null;
  const row = probs.data.slice(at * size, (at + 1) * size);
  const named = candidates.map((id) => row[id] ?? 0);
  const rest = Math.max(0, 1 - named.reduce((sum, p) => sum + p, 0));
  return { came: candidates.indexOf(frame.tokens[at + 1] ?? -1), model: [...named, rest] };
}

function trendAnswer({ from, to }: TrendQuestion, state: State): Answer | null {
  const means = halves({ from, to }, state);
  return means && { came: means[1] < means[0] ? 0 : 1, model: null };
}

/** The mean losses of both halves, or null until the run has taken them. */
export function halves(
  { from, to }: { from: number; to: number },
  { sums, losses, frame }: State,
): [number, number] | null {
  if (losses.length < to || (frame?.step ?? 0) < to) return null;
  const middle = Math.floor((from + to) / 2);
  return [smoothed(sums, middle, from), smoothed(sums, to, middle)];
}

/** Shares of 1 from what the reader gave to each outcome; none is left without any, as −log 0 has no end. */
export function sharesOf(parts: readonly number[]): number[] {
  const sum = parts.reduce((all, part) => all + part + 1, 0);
  return parts.map((part) => (part + 1) / sum);
}

/** The surprise at what came, in nats. */
export function surprise(shares: readonly number[], came: number): number {
  return -Math.log(shares[came] ?? NaN);
}

/** The mean surprise, in nats, of one who believes `shares` where `truth` holds. */
export function crossEntropy(truth: readonly number[], shares: readonly number[]): number {
  return truth.reduce((sum, p, i) => sum + (p > 0 ? p * surprise(shares, i) : 0), 0);
}
