// The panels of the page by the names that the story and a teacher's link call them: each with what
// it is called in words, and the id of its section or of the heading in it.

export const PANELS = {
  samples: { words: "what it writes", id: "samples" },
  model: { words: "the model in figures", id: "stats" },
  "set-up": { words: "set-up", id: "setup" },
  "what-if": { words: "what if", id: "what-if" },
  true: { words: "is it true?", id: "true" },
  machine: { words: "the machine", id: "machine" },
  weights: { words: "weights", id: "weights" },
  selected: { words: "the selected number", id: "selected" },
  tokenizer: { words: "tokenizer", id: "tokenizer" },
  log: { words: "log", id: "log" },
  futures: { words: "the futures of a run that was changed", id: "futures" },
  loss: { words: "the loss curve", id: "loss" },
  time: { words: "the keys of time", id: "time" },
  pace: { words: "speed, reset and new seed", id: "pace" },
  mathematics: { words: "the mathematics", id: "mathematics" },
  failures: { words: "the gallery of failures", id: "failures" },
} as const;

export type Panel = keyof typeof PANELS;

/** What a teacher may hide: all but the keys of time, without which nothing moves. */
export const HIDEABLE: readonly Panel[] = namesOf().filter((name) => name !== "time");

function namesOf(): Panel[] {
  const isPanel = (name: string): name is Panel => name in PANELS;
  return Object.keys(PANELS).filter(isPanel);
}
