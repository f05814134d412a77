// The gallery of failures: a mistake, its symptom, the reason, and the cure. Every
// symptom is checked against the engine by tests/e2e/test_gallery.py.

import type { Config, Sampling } from "../protocol.gen";

export interface Failure {
  title: string;
  symptom: string;
  why: string;
  cure: string;
  config?: Partial<Config>; // the settings that differ
  sampling?: Partial<Sampling>;
  did?: string; // the change to the run, as in a link
  pace?: number; // steps a second, where the usual pace hides what happens
  single?: boolean; // learns from the document in the machine alone
}

export const FAILURES: readonly Failure[] = [
  {
    title: "Learning rate 0.3",
    symptom:
      "Within a few steps the loss leaps to many times that of blind guessing. Usually it keeps growing until a probability is 0, and training stops. It is shown at 10 steps a second.",
    why: "Adam moves each weight by about the learning rate. The first weights are about 0.1 in size, so a step of 0.3 throws all of them away.",
    cure: "A rate thirty times smaller, coming down to 0.",
    config: { learning_rate: 0.3 },
    pace: 10,
  },
  {
    title: "Learning rate 0.00001",
    symptom: "Nothing breaks and nothing happens: a thousand steps later the loss is hardly lower than at first.",
    why: "Each step goes the right way, but a thousand steps of 0.00001 add up to no more than 0.01.",
    cure: "The largest rate that does not break it. Try a few, each ten times the last.",
    config: { learning_rate: 0.00001 },
  },
  {
    title: "All weights zero",
    symptom: "The loss stays exactly at that of blind guessing. Switch to gradients: every one is zero.",
    why: "Each gradient is a product with other weights, and they are all zero. Nothing shows which way to go.",
    cure: "Small random weights, each a different one.",
    config: { init_std: 0 },
  },
  {
    title: "First weights far too large",
    symptom:
      "It begins many times worse than blind guessing, and a thousand steps later it is still no better than that.",
    why: "Large weights make large scores, and so a model that is sure before it has learned anything. Most steps go into unlearning that.",
    cure: "First weights so small that at first every token is about equally likely.",
    config: { init_std: 1 },
  },
  {
    title: "One head",
    symptom:
      "One map of attention instead of several. At this size the loss is hardly worse, so it is a failure only in larger models.",
    why: "With one head each position has one way of looking back at a time. Several can look for the last letter and the first at once.",
    cure: "Several heads; they cost no more numbers, since they share the channels.",
    config: { n_head: 1 },
  },
  {
    title: "One channel",
    symptom:
      "The loss comes down a little and stays there. In the machine the norm of a position is hardly ever anything but 1 or −1.",
    why: "One number for each position, brought to a common size: all that is left of it is its sign.",
    cure: "More channels, so that a position can hold more than one fact.",
    config: { n_embd: 1, n_head: 1 },
  },
  {
    title: "A context of one",
    symptom: "It writes single letters, though it was shown whole names.",
    why: "The context is all that a model sees and all that it writes. Of each document only the first letter was ever learned.",
    cure: "A context as long as the longest connection to be learned.",
    config: { block_size: 1 },
  },
  {
    title: "No position embedding",
    symptom:
      "It still learns, though a little less. But it cannot distinguish positions: swap two letters before the last, and the prediction is the same.",
    why: "Attention adds up what it sees, and a sum does not depend on the order. Only the rows of wpe say where; here they are held at zero.",
    cure: "A row of numbers for each position, added at the beginning.",
    did: "0:position!",
  },
  {
    title: "A single document",
    symptom: "The loss falls to almost 0, and all it writes is that one text.",
    why: "There are more than enough weights to learn one text by heart. It has learned nothing about other texts.",
    cure: "More data. The validation loss shows whether a model learns or memorises.",
    single: true,
  },
  {
    title: "Temperature 0.01",
    symptom: "It writes one text again and again, or perhaps two, however well it was trained.",
    why: "Divided by 0.01 the highest score is so far ahead that nearly every draw picks it, unless two are almost level.",
    cure: "A temperature between 0.5 and 1. Training is not to blame.",
    sampling: { temperature: 0.01 },
  },
  {
    title: "Temperature 100",
    symptom: "It writes gibberish, however well it was trained.",
    why: "Divided by 100 all scores are nearly 0, and all letters equally likely. What was learned is still in the weights, but hardly counts.",
    cure: "A temperature between 0.5 and 1.",
    sampling: { temperature: 100 },
  },
];
