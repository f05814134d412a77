// Sentences about the state, for the loupe and the inspector.

import type { Address } from "../address";
import { token } from "../format";
import type { State } from "../store";
import { PARAMS, kindOfSite, place, title } from "../words/machine";

export function letters(state: State): string[] {
  const characters = state.hello?.characters ?? [];
  return (state.frame?.tokens ?? []).map((id) => token(id, characters));
}

/** Where a number is: “queries, position 3 (m), channel 7”. */
export function inWords(address: Address, state: State): string {
  const characters = state.hello?.characters ?? [];
  const site = state.sites.get(address.name);
  if (site) return `${title(site.name)}: ${place(site.axes, address.index, letters(state), (id) => token(id, characters))}`;
  const facts = PARAMS[kindOfSite(address.name)];
  const [row = 0, col = 0] = address.index;
  const letter = facts?.rows === "token" ? ` (${token(row, characters)})` : "";
  return `${facts?.rows ?? "row"} ${row}${letter}, ${facts?.cols ?? "column"} ${col}`;
}

export function sentence(address: Address, state: State): string {
  return state.sites.get(address.name)?.sentence ?? PARAMS[kindOfSite(address.name)]?.sentence ?? "";
}
