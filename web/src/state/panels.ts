// The panels of the page by the names that the story and a teacher's link call them, and in words.

export const PANELS = {
  samples: "what it writes",
  model: "the model in figures",
  "set-up": "set-up",
  "what-if": "what if",
  true: "the check against the reference engine",
  machine: "the machine",
  weights: "weights",
  selected: "the selected number",
  tokenizer: "tokenizer",
  log: "log",
  futures: "the futures of a run that was changed",
  loss: "the loss curve",
  time: "the keys of time",
  pace: "speed, reset and new seed",
  mathematics: "the mathematics",
  failures: "the gallery of failures",
} as const;

export type Panel = keyof typeof PANELS;

/** What a teacher may hide: all but the keys of time, without which nothing moves. */
export const HIDEABLE: readonly Panel[] = namesOf().filter((name) => name !== "time");

function namesOf(): Panel[] {
  const isPanel = (name: string): name is Panel => name in PANELS;
  return Object.keys(PANELS).filter(isPanel);
}

/** What can be shown alone, in a frame of another page. */
export const VIEWS = ["curve", "machine", "attention", "number", "samples"] as const;

export type View = (typeof VIEWS)[number];
