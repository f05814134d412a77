// The words of the trade, each in one sentence, and the keys.

export const KEYS: readonly (readonly [string, string])[] = [
  ["space", "play or pause"],
  ["← →", "one step back or on; with shift ten"],
  ["Home End", "to the first step, to the last"],
  ["arrows in a figure", "walk from number to number; Enter selects, Escape lets go"],
  ["arrows in the log", "walk from row to row; Enter goes to that step"],
  ["arrows in a switch", "reached by Tab, choose its option; after a click they are time’s again"],
  ["?", "this sheet"],
];

export const GLOSSARY: readonly (readonly [string, string])[] = [
  ["nat", "the unit of surprise: −log of a probability, with the natural logarithm; log 2 ≈ 0.69 nats is one bit"],
  ["loss", "the mean surprise at what came next in a document; training makes it small"],
  ["token", "what the model reads and writes; here a character, or BOS"],
  ["BOS", "the token that opens and closes every document"],
  ["embedding", "the row of numbers that stands for a token or a position"],
  ["channel", "one of the numbers that stand for a position"],
  ["head", "a part of attention with its own queries, keys and values"],
  ["residual stream", "the line of numbers that runs straight through; attention and MLP add to it"],
  ["logit", "the score of a token before scores become probabilities"],
  ["temperature", "what logits are divided by before a draw; below 1 the likely becomes likelier"],
  ["gradient", "how much the loss moves when a number does, per unit"],
  ["moment", "Adam’s memory of a gradient: its running mean m, and that of its square v"],
  ["held out", "documents the run has not learned from"],
  ["unigram, bigram, trigram", "guessing from how often a token comes, alone or after the one or two before it"],
];
