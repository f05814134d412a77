// The terms of the field, each in one sentence, and the keys.

export const KEYS: readonly (readonly [string, string])[] = [
  ["space", "play or pause"],
  ["← →", "one step back or forward; with shift ten"],
  ["Home End", "to the first step, to the last"],
  ["arrows in a figure", "move from number to number; Enter selects, Escape deselects"],
  ["arrows in the log", "move from row to row; Enter goes to that step"],
  ["arrows in a switch", "after Tab to the switch, choose its option; after a click on it, move time"],
  ["?", "these keys and words"],
];

export const GLOSSARY: readonly (readonly [string, string])[] = [
  ["surprise", "the negative log-likelihood of what came: −log of the probability that the model gave it"],
  ["nat", "the unit of surprise, with the natural logarithm; log 2 ≈ 0.69 nats is one bit"],
  ["loss", "the mean surprise at what came next in a document, also called cross-entropy; training makes it small"],
  ["token", "what the model reads and writes; here a character, or BOS"],
  ["BOS", "the token that opens and closes every document"],
  ["embedding", "the row of numbers that represents a token or a position"],
  ["channel", "one of the numbers that represent a position"],
  ["head", "a part of attention with its own queries, keys and values"],
  [
    "residual stream",
    "the row of numbers of a position that runs straight through all layers; attention and MLP add to it",
  ],
  ["logit", "the score of a token before scores become probabilities"],
  ["temperature", "what logits are divided by before a draw; below 1 the likely becomes likelier"],
  ["gradient", "how much the loss moves when a number does, per unit"],
  ["moment", "Adam’s memory of a gradient: its running mean m, and that of its square v"],
  ["validation loss", "the loss on documents kept from training: the last tenth of them"],
  ["baseline", "the loss of a simple guess, for comparison: uniform, unigram, bigram or trigram"],
  ["ablation", "switching a part of the model off, to see what it was good for"],
  ["RMSNorm", "dividing the numbers of a position by their size, the root of their mean square"],
  ["unigram, bigram, trigram", "guesses from how often a token comes, alone or after the one or two before it"],
];
