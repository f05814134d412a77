// The names of the machine's parts, as a teacher would give them. Keyed by the kind of site, never by layer.

import { isolated } from "../format";

/** `layer3.attn.q` is of the kind `attn.q`. */
export function kindOfSite(name: string): string {
  return name.replace(/^layer\d+\./, "");
}

export const TITLES: Record<string, string> = {
  tok: "token",
  pos: "position",
  embd: "embedding",
  "norm.scale": "1 / size",
  norm: "norm",
  "attn.norm.scale": "1 / size",
  "attn.norm": "norm",
  "attn.q": "queries",
  "attn.k": "keys",
  "attn.v": "values",
  "attn.scores": "scores",
  "attn.weights": "attention",
  "attn.heads": "heads",
  "attn.out": "out",
  "attn.resid": "stream",
  "mlp.norm.scale": "1 / size",
  "mlp.norm": "norm",
  "mlp.fc1": "hidden",
  "mlp.relu": "ReLU",
  "mlp.fc2": "out",
  "mlp.resid": "stream",
  logits: "logits",
  probs: "next?",
  losses: "surprise",
  loss: "mean",
};

/** The line over a stage, by the kind of the first site in it. */
export const STAGES: Record<string, string> = {
  tok: "each letter and each place becomes a row of numbers",
  "attn.norm.scale": "each position makes a query, a key and a value",
  "attn.scores": "the heads look back: a row for the position that looks, a column for the one it looks at",
  "attn.heads": "what the heads found is added to the stream",
  "mlp.norm.scale": "hidden units; the ReLU sets those below zero to 0",
  "mlp.fc2": "the hidden units, projected back to the channels",
  logits: "a score for each token, and its share",
};

export function title(name: string): string {
  return TITLES[kindOfSite(name)] ?? name;
}

const AXES: Record<string, string> = {
  T: "position",
  S: "looking at",
  C: "channel",
  H: "head",
  F: "hidden unit",
  V: "token",
};

/** An index in words: position 3 (“m”), channel 7. */
export function place(
  axes: readonly string[],
  index: readonly number[],
  letters: readonly string[],
  vocabulary: (id: number) => string,
): string {
  return axes
    .map((axis, i) => {
      const at = index[i] ?? 0;
      const letter = axis === "T" || axis === "S" ? letters[at] : axis === "V" ? vocabulary(at) : undefined;
      return `${AXES[axis] ?? axis} ${at}${letter ? ` (${isolated(letter)})` : ""}`;
    })
    .join(", ");
}

/** What the rows and columns of a parameter are, by its kind. */
export const PARAMS: Record<string, { rows: string; cols: string; sentence: string }> = {
  wte: { rows: "token", cols: "channel", sentence: "token embeddings: a row for each token" },
  wpe: { rows: "position", cols: "channel", sentence: "position embeddings: a row for each position" },
  lm_head: { rows: "token", cols: "channel", sentence: "turns the stream into a score for each token" },
  attn_wq: { rows: "query channel", cols: "channel", sentence: "makes queries" },
  attn_wk: { rows: "key channel", cols: "channel", sentence: "makes keys" },
  attn_wv: { rows: "value channel", cols: "channel", sentence: "makes values" },
  attn_wo: { rows: "channel", cols: "head channel", sentence: "mixes the heads back into the stream" },
  mlp_fc1: { rows: "hidden unit", cols: "channel", sentence: "makes hidden units" },
  mlp_fc2: { rows: "channel", cols: "hidden unit", sentence: "projects the hidden units back to the channels" },
};
