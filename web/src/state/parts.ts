// The parts of the model that can be switched off, and which of them a number belongs to.

import type { Address } from "./address";
import type { Ablate } from "../protocol.gen";
import { configOf } from "./settings";
import type { State } from "./store";

export type Part = Pick<Required<Ablate>, "part" | "layer" | "number">;

/** How many channels a head has. */
export function headDimOf(state: State): number {
  const { n_embd, n_head } = configOf(state);
  return n_embd / n_head;
}

/** What a number belongs to that can be switched off, or nothing. `headDim` channels are a head. */
export function partOf({ name, index }: Address, headDim: number): Part | null {
  if (name === "pos" || name === "wpe") return { part: "position", layer: 0, number: 0 };
  const split = /^layer(\d+)\.(.+)$/.exec(name);
  if (!split) return null;
  const layer = Number(split[1]);
  const [first = 0, last = 0] = [index[0], index.at(-1)];
  switch (split[2]) {
    case "attn.q":
    case "attn.k":
    case "attn.v":
    case "attn.heads":
    case "attn_wo":
      return { part: "head", layer, number: Math.floor(last / headDim) };
    case "attn_wq":
    case "attn_wk":
    case "attn_wv":
      return { part: "head", layer, number: Math.floor(first / headDim) };
    case "attn.scores":
    case "attn.weights":
      return { part: "head", layer, number: first };
    case "mlp.fc1":
    case "mlp.relu":
    case "mlp_fc2":
      return { part: "neuron", layer, number: last };
    case "mlp_fc1":
      return { part: "neuron", layer, number: first };
    default:
      return null;
  }
}

/** The name of a part in the list of ablated ones: `head0.2`. */
export function nameOf({ part, layer, number }: Part): string {
  return part === "position" ? part : `${part}${layer}.${number}`;
}

/** Is a weight of a part that is ablated? `ablated` names those parts. */
export function isKeptOff(address: Address, headDim: number, ablated: readonly string[]): boolean {
  const part = /(attn_wo|mlp_fc2|wpe)$/.test(address.name) ? partOf(address, headDim) : null;
  return !!part && ablated.includes(nameOf(part));
}

/** The weights that are set to zero when it is switched off. */
export function cellsOf({ part, layer, number }: Part, headDim: number): string {
  switch (part) {
    case "head":
      return `columns ${headDim * number} to ${headDim * (number + 1) - 1} of layer${layer}.attn_wo`;
    case "neuron":
      return `column ${number} of layer${layer}.mlp_fc2`;
    case "position":
      return "all of wpe";
  }
}
