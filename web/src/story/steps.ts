// The story: the text of each step, its task, and its place on the page. A check is a pure function of the state
// and of what the state was when the step began; it never counts clicks.

import type { Address } from "../state/address";
import { count, short } from "../format";
import { letterQuestion, runOf, trendQuestion } from "./guess";
import type { Memo, Question } from "../state/progress";
import { type Command, DEFAULT_CONFIG, type Explained, type Explanation } from "../protocol.gen";
import { smoothed } from "../state/series";
import { configOf } from "../state/settings";
import { type State, numberAt } from "../state/store";
import type { Panel } from "../state/panels";

export interface Step {
  section: number;
  title: string;
  text: (state: State) => string;
  task: string;
  where: Panel;
  site?: string; // the one in that panel that it is about
  done: (state: State, memo: Memo) => boolean;
  help?: { label: string; commands: (state: State) => Command[] }; // brings the run to where the step can be done
  lends?: "show" | "moments"; // a switch that the step asks to turn, and that is turned back when it is left
  ask?: (state: State) => Question | null; // of a step that is done by a guess and its answer
}

export const SECTIONS = ["Tokenizer", "Autograd", "Model", "Adam", "Inference", "What the big models add"] as const;

type Told = Omit<Step, "section">;

export const STAND: Step["help"] = { label: "Pause", commands: () => [{ kind: "Pause" }] };
const TRAIN: Step["help"] = {
  label: "Train it to the end",
  commands: (state) => [{ kind: "Seek", step: configOf(state).num_steps }],
};

const TOKENIZER: Told[] = [
  {
    title: "Before it has learned anything",
    text: (s) =>
      `This page is a small language model that learns from ${s.hello?.data_name ?? "a text"}. Its ${count(s.hello?.parameters ?? 0)} numbers began as pure chance, and so did its writing. Time runs both ways here, so you can go and look.`,
    task: "Let it learn for a moment, then go back to step 0 (⇤) and read what it writes there.",
    where: "time",
    done: ({ frame, hello, samples, losses }) =>
      losses.length > Number(hello?.begin) && frame?.step === hello?.begin && samples?.step === frame?.step,
  },
  {
    title: "Letters become numbers",
    text: (s) =>
      `A model can only compute. So each of the ${s.hello?.characters.length ?? 0} characters in its data got a number, in alphabetical order. That number is called a token.`,
    task: "Type your name into the tokenizer, in the letters of its data, and read your numbers.",
    where: "tokenizer",
    done: ({ tokens }, memo) => !!tokens && !tokens.problem && tokens.ids.length > 1 && tokens.text !== memo.typed,
  },
  {
    title: "What it has never seen",
    text: () =>
      "Its vocabulary is the characters of its data. No other character has a number, so the model cannot read one. Big models avoid this with tokens for single bytes, of which every text is made.",
    task: "Type a character that its data does not have, perhaps a 7 or a ?, and see what the tokenizer answers.",
    where: "tokenizer",
    done: ({ tokens }, memo) => !!tokens?.problem && tokens.text !== memo.typed,
  },
  {
    title: "The end is a token too",
    text: (s) =>
      `One more token, BOS, opens and closes every text: its number is ${s.hello?.characters.length ?? 0}. The model learns from it how names begin. And it learns where they stop, because BOS is what comes then.`,
    task: "Type a name again, and send it through the machine. The machine now shows this name.",
    where: "tokenizer",
    done: ({ watched, frame }, memo) =>
      watched !== null && !!frame?.watching && frame.document === watched && watched !== memo.watched,
  },
];

const AUTOGRAD: Told[] = [
  {
    title: "Surprise, in one number",
    text: () =>
      "At each letter the model gives every possible next letter a probability. Its surprise is the negative log-likelihood: −log of the probability of the letter that came, 0 if it was sure and right. The mean of these is the loss (the cross-entropy), and learning means making it small.",
    task: "Click the loss: the number of nats at the very bottom of the machine. It opens under “selected”.",
    where: "machine",
    site: "loss",
    done: (state) => opened(state, /^\w+:loss$/) !== null,
    help: STAND,
  },
  {
    title: "Every number has its parents",
    text: () =>
      "The loss is a mean of surprises, a surprise is made from a probability, a probability from scores, and so on. “How it is made” lists the numbers that a number is computed from, and each name there is a door.",
    task: "Walk from the loss through those doors until you stand at a weight: wte, wpe, lm_head, or one whose name begins with attn_w or mlp_fc. Go only through such doors.",
    where: "selected",
    done: hasWalked,
  },
  {
    title: "Which way is downhill",
    text: () =>
      "A gradient says how much the loss would move if this number were a little larger. Only the score of the letter that came has a negative one: raise it, and the loss falls. All the others push the loss up.",
    task: "Among the logits, find a score whose gradient is below zero, and click it. The switch “gradients” shows where it is.",
    where: "machine",
    site: "logits",
    lends: "show",
    done: (state) => Number(opened(state, /^\w+:logits\[/)?.explanation.gradient.number) < 0,
    help: STAND,
  },
  {
    title: "Do not believe it, check it",
    text: () =>
      "Anyone can test a gradient. Push a weight up a tiny bit and down a tiny bit, compute the whole loss again both times, and take the slope. The page does this gradient check for every weight that you open, under “Is the gradient right?”.",
    task: "Open a weight that you have not just opened, and compare the slope with the gradient from the backward pass.",
    where: "weights",
    done: (state, memo) => {
      const event = opened(state, /./);
      return !!event?.gradient_check && event.address !== memo.opened;
    },
    help: STAND,
  },
];

const MODEL: Told[] = [
  {
    title: "What, and where",
    text: (s) =>
      `A token alone is only a number in a list. So each has a row of ${configOf(s).n_embd} numbers of its own, and each position has one too. They are added: which token, and where.`,
    task: "Open a number of the embedding, and read the two that it is the sum of.",
    where: "machine",
    site: "embd",
    done: (state) => opened(state, /^\w+:embd\[/) !== null,
    help: STAND,
  },
  {
    title: "A letter asks",
    text: () =>
      "Now every position makes a query: what is it looking for? It also makes a key, what it offers, and a value, what it would pass on. Each is the letter’s numbers times a matrix of weights.",
    task: "Open a number of the queries that is not zero, and see the products it is the sum of.",
    where: "machine",
    site: "layer0.attn.q",
    done: (state) => Number(opened(state, /\.attn\.q\[/)?.explanation.value.number ?? 0) !== 0,
    help: STAND,
  },
  {
    title: "Looking back",
    text: (s) =>
      `Where a query fits a key, attention flows. Each of the ${configOf(s).n_head} heads draws its own map: a row for the position that looks, a column for the one it looks at. Later positions are not drawn: no position may look ahead.`,
    task: "In a map of attention, open a place where a letter looks at an earlier letter more than at itself.",
    where: "machine",
    site: "layer0.attn.weights",
    done: looksBack,
    help: STAND,
  },
  {
    title: "The silent ones",
    text: () =>
      "Then each position is computed for itself, in the MLP. Each of its hidden units is a weighted sum; the ReLU cuts those below zero to 0, so they add nothing. Without this kink the two matrices of the MLP could do no more than one.",
    task: "Open a hidden unit that has fallen silent: a ReLU that is exactly 0.",
    where: "machine",
    site: "layer0.mlp.relu",
    done: (state) => opened(state, /\.relu\[/)?.explanation.value.number === 0,
    help: STAND,
  },
  {
    title: "The stream runs through",
    text: () =>
      "Attention and hidden units replace nothing. They only add to the residual stream, which runs straight from the embedding to the scores. That is why a gradient finds its way back through many layers.",
    task: "Below a figure called “out”, at the +, open a number of the stream, and see which two numbers were added.",
    where: "machine",
    site: "layer0.attn.resid",
    done: (state) => opened(state, /\.resid\[/) !== null,
    help: STAND,
  },
  {
    title: "Guess with it",
    text: () =>
      "A guess is honest if it says how sure it is. Spread your shares over the letters before you see the model’s. Your surprise at the answer is counted in nats, just as the model’s is.",
    task: "Share out the next letter, then let the model show its own shares.",
    where: "machine",
    done: () => false, // by its guess
    ask: (state) => letterQuestion(state, 2, 0),
  },
];

const ADAM: Told[] = [
  {
    title: "One step",
    text: () =>
      "Learning is one small step, again and again. Read one text, find all gradients, and move every weight a little against its own. Adam, the rule used here, makes all weights move about equally far.",
    task: "Switch the machine to “last update”, then take one step: press the → key, or the button → at the top. Every weight used so far has moved; the row of a letter that was not seen yet stands still.",
    where: "machine",
    lends: "show",
    done: ({ show, frame, hello }, memo) =>
      show === "delta" && !!frame && frame.step > Number(hello?.begin) && frame.step !== memo.step,
  },
  {
    title: "How a weight changes",
    text: () =>
      "Open a weight and you find the whole computation of its next update, from its gradient g to its new value. Where the gradient is positive, the weight mostly goes down: downhill.",
    task: "Open another weight, one that the next update will make smaller.",
    where: "weights",
    done: (state, memo) => {
      const event = opened(state, /./);
      return Number(event?.explanation.update?.delta) < 0 && event?.address !== memo.opened;
    },
    help: STAND,
  },
  {
    title: "It remembers where it was going",
    text: (s) =>
      `One name is a poor teacher. So Adam keeps for every weight a running mean m of its gradients, and each time only ${short(1 - configOf(s).beta1)} of it is new. A second running mean, v, of their squares, measures how large the gradients usually are.`,
    task: "Switch the weights to m, the mean gradient.",
    where: "weights",
    lends: "moments",
    done: ({ moments }) => moments === "m",
  },
  {
    title: "Will it get better?",
    text: () =>
      "The loss of one step jumps up and down, since some names are odd. You see it fall only over many steps. How sure are you that it will, on the steps that come next?",
    task: "Guess first, then let it train: will the second half of those steps surprise it less than the first?",
    where: "loss",
    done: () => false, // by its guess
    ask: trendQuestion,
    help: {
      label: "Begin a run with another seed",
      commands: ({ hello }) =>
        hello
          ? [
              {
                kind: "Start",
                config: { ...hello.config, seed: hello.config.seed + 1 },
                engine: hello.engine.name,
              },
            ]
          : [],
    },
  },
  {
    title: "Steps that are too large",
    text: () =>
      "The learning rate is how far a step goes. If it is too small, nothing happens; if it is too large, each step leaps across the valley and lands higher than it was. It gets worse until some probability is 0, and −log 0 has no end.",
    task: "Set the learning rate to 1 under set-up, play, and watch it break.",
    where: "set-up",
    done: (state) =>
      configOf(state).learning_rate >= 1 && (!!state.stopped || meanLoss(state) > Number(state.baselines?.uniform)),
    help: {
      label: "Go to the middle of the run",
      commands: (state) => [{ kind: "Seek", step: Math.floor(configOf(state).num_steps / 2) }],
    },
  },
  {
    title: "And the cure",
    text: () =>
      `Nothing is lost: the steps before it broke are kept. A rate of ${short(DEFAULT_CONFIG.learning_rate)} suits a model of this size, and it comes down to 0 towards the end, so that the weights settle.`,
    task: "Set the learning rate back to that, press Reset, and train it to the end (⇥). It must beat guessing blindly.",
    where: "set-up",
    done: (state) =>
      configOf(state).learning_rate <= 0.1 &&
      state.frame?.step === configOf(state).num_steps &&
      !state.stopped &&
      meanLoss(state) < Number(state.baselines?.uniform),
  },
];

const INFERENCE: Told[] = [
  {
    title: "Writing is drawing lots",
    text: () =>
      "To write, the model starts with BOS and gets a probability for every letter. One token is sampled by these probabilities and appended, and this repeats until BOS is sampled.",
    task: "Click a sample that is new (those in italics are in the data), and watch it being drawn.",
    where: "samples",
    done: ({ spelled, samples }) => !!spelled && samples?.written[spelled.event.index]?.seen === false,
    help: TRAIN,
  },
  {
    title: "Cold",
    text: () =>
      "The temperature divides all scores before the lot is drawn. Near 0 only the highest still counts. The model plays safe, and writes the same few names again and again.",
    task: "Turn the temperature down to 0.1 or less, and read what it writes.",
    where: "samples",
    done: ({ samples }) => !!samples && samples.sampling.temperature <= 0.1,
  },
  {
    title: "Hot",
    text: () =>
      "Above 1 the scores move together, and unlikely letters get their chance. At some point everything is equally likely, and all that was learned is gone from its writing. The weights are the same as before.",
    task: "Turn the temperature up to 2 or more.",
    where: "samples",
    done: ({ samples }) => !!samples && samples.sampling.temperature >= 2,
  },
  {
    title: "You begin, it continues",
    text: () =>
      "A chat model does the same with your question. Your text comes first, and the model continues it, token by token. There it is called a prompt.",
    task: "Under “begins with”, give it two or three letters of yours, and press Enter. A temperature of 0.5 keeps it sensible.",
    where: "samples",
    done: ({ samples }, memo) => {
      const prefix = samples?.sampling.prefix ?? "";
      return prefix !== "" && prefix !== memo.prefix && !!samples?.written.every((one) => one.text.startsWith(prefix));
    },
  },
  {
    title: "Guess once more",
    text: () =>
      "How does a text begin? The model has counted nothing and looked nothing up. All it has learned is in its weights. See whether it has become a better guesser than you.",
    task: "Share out the first letter, then let the model show its own shares.",
    where: "machine",
    done: () => false, // by its guess
    ask: (state) => letterQuestion(state, 0, 1),
    help: TRAIN,
  },
];

const BIG: Told[] = [
  {
    title: "The same, with more numbers",
    text: (s) =>
      `This model has ${count(s.hello?.parameters ?? 0)} parameters. GPT-2 small had 124 million, with 12 layers, 768 channels and a context of 1,024 tokens. The parts are the ones on this page, apart from details: LayerNorm instead of RMSNorm, GELU instead of ReLU.`,
    task: "Under set-up, ask for a model with at least twice as many parameters. You need not begin it.",
    where: "set-up",
    done: ({ considered, hello }) =>
      !!considered && !considered.problem && !!hello && considered.parameters >= 2 * hello.parameters,
  },
  {
    title: "The same, with more text",
    text: () =>
      "GPT-2 read 40 gigabytes of text from the web, and its tokens are not letters but some 50,000 pieces of words. What a model can say is what its data lets it say. That holds for yours, too.",
    task: "Under set-up, choose “your own text” and paste a few lines, at least three.",
    where: "set-up",
    done: ({ considered, hello }) =>
      !!considered && !considered.problem && considered.documents >= 3 && considered.data_sha256 !== hello?.data_sha256,
  },
  {
    title: "Your own model",
    text: () =>
      "What the big ones add is scale: many texts at once on many processors, for months. Afterwards people show them how to answer, and reward good answers. Underneath is this loop: read, be surprised, and change a little.",
    task: "Begin the new run, and let it learn its first twenty steps.",
    where: "set-up",
    done: (state, memo) =>
      runOf(state) !== memo.run && (state.frame?.step ?? 0) >= Math.min(20, configOf(state).num_steps),
  },
];

export const STEPS: readonly Step[] = [TOKENIZER, AUTOGRAD, MODEL, ADAM, INFERENCE, BIG].flatMap((steps, section) =>
  steps.map((step) => ({ section, ...step })),
);

function meanLoss({ sums, frame, hello }: State): number {
  return smoothed(sums, frame?.step ?? 0, hello?.begin ?? 0);
}

/** What is explained now, if its address is like that. */
function opened({ explained }: State, pattern: RegExp): (Explained & { explanation: Explanation }) | null {
  const event = explained?.event;
  return event?.explanation && pattern.test(event.address) ? { ...event, explanation: event.explanation } : null;
}

/** Has the reader come from the loss to a weight, each time to a number that the one before is made of? */
function hasWalked(state: State): boolean {
  const path = [...state.trail, ...(state.selected ? [state.selected] : [])];
  const way = path.slice(path.findLastIndex((address) => address.name === "loss"));
  const last = way.at(-1);
  const told = opened(state, /./);
  return (
    way[0]?.name === "loss" &&
    way.length > 2 &&
    !!told?.explanation.update &&
    told.address.includes(`:${last?.name}[`) &&
    way.every((address, i) => i === 0 || isMadeOf(state, way[i - 1], address))
  );
}

function isMadeOf({ sites }: State, made: Address | undefined, part: Address): boolean {
  const site = made && sites.get(made.name);
  return !!site && (site.name === part.name || site.inputs.includes(part.name) || site.weight === part.name);
}

/** Is a place of attention open where an earlier letter gets more of it than the one that looks? */
function looksBack(state: State): boolean {
  const address = opened(state, /\.attn\.weights\[/) && state.selected;
  const [head = 0, looks = 0, at = 0] = address?.index ?? [];
  if (!address || at >= looks) return false;
  const share = (index: number[]): number => numberAt(state, { kind: "value", name: address.name, index }) ?? NaN;
  return share([head, looks, at]) > share([head, looks, looks]);
}
