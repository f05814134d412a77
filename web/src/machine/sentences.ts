// Sentences about the state, for the loupe and the inspector.

import { type Address, offsetOf } from "../state/address";
import { count, counted, isolated, number, shortened, token } from "../format";
import type { EnginesCompared, ValidationLoss } from "../protocol.gen";
import { at } from "../state/series";
import { configOf } from "../state/settings";
import { type State, isMoving } from "../state/store";
import { PARAMS, kindOfSite, place, title } from "./words";

export function letters(state: State): string[] {
  const characters = state.hello?.characters ?? [];
  return (state.frame?.tokens ?? []).map((id) => token(id, characters));
}

/** Where a number is: “queries, position 3 (m), channel 7”. */
export function inWords(address: Address, state: State): string {
  const characters = state.hello?.characters ?? [];
  const site = state.sites.get(address.name);
  if (site)
    return [title(site.name), place(site.axes, address.index, letters(state), (id) => token(id, characters))]
      .filter(Boolean)
      .join(": ");
  const facts = PARAMS[kindOfSite(address.name)];
  const [row = 0, col = 0] = address.index;
  const letter = facts?.rows === "token" ? ` (${isolated(token(row, characters))})` : "";
  return `${facts?.rows ?? "row"} ${row}${letter}, ${facts?.cols ?? "column"} ${col}`;
}

/** The title of a saved picture. */
export function titled(key: string, state: State): string {
  return `${key}, step ${state.frame?.step ?? 0}`;
}

export function sentence(address: Address, state: State): string {
  return state.sites.get(address.name)?.sentence ?? PARAMS[kindOfSite(address.name)]?.sentence ?? "";
}

/** Is there such a number in the model and the document that are here now? */
export function inShape(address: Address, state: State): boolean {
  const param = state.hello?.params.find((one) => one.name === address.name);
  const shape = param?.shape ?? state.arrays.get(`value:${address.name}`)?.shape;
  return !!shape && offsetOf(address.index, shape) >= 0;
}

/** Is a number missing only because the document is too short? A longer one within the context has it. */
export function waitsFor(address: Address, state: State): boolean {
  const site = state.sites.get(address.name);
  const shape = state.arrays.get(`value:${address.name}`)?.shape;
  if (!site || !shape) return false;
  const context = configOf(state).block_size;
  const longest = shape.map((size, axis) => (["T", "S"].includes(site.axes[axis] ?? "") ? context : size));
  return offsetOf(address.index, longest) >= 0;
}

/** What choosing the slow engine means, with the pace of both where it was measured. */
export function sameRun(enginesCompared: EnginesCompared | null): string {
  const same = "The engine scalar computes the same run, one number after the other in Python, so that it can be read.";
  if (!enginesCompared) return `${same} It is some hundred times slower than fast.`;
  const { rates, steps, difference } = enginesCompared;
  const [slow = 0, quick = 0] = [rates["scalar"], rates["fast"]];
  const apart = difference === 0 ? "are equal to the last bit" : `differ by ${number(difference, 4)} at most`;
  return `${same} Here it takes ${counted(Math.max(1, slow), "step")} a second, fast ${count(quick)}. Their losses over the first ${counted(steps, "step")} ${apart}.`;
}

/** What the validation loss is the mean of, and whether the run has trained on equal texts. */
export function validationTexts({ documents, seen }: ValidationLoss): string {
  const all = counted(documents, "document");
  if (!seen) return `${all} it has not seen`;
  return `${all}, but it has also learned from ${seen === documents ? `the same ${documents === 1 ? "text" : "texts"}` : `texts equal to ${count(seen)} of them`}`;
}

/** Which document's loss the machine shows, and which one the top of the page shows, while the run is paused. */
export function whoseLoss(state: State): string {
  const { frame, hello } = state;
  if (!frame || !hello || isMoving(state)) return "";
  const here = `This is the loss of “${shownShort(frame.document)}”, ${frame.watching ? "to which the machine is fixed" : "which comes next"}.`;
  const last = state.documents.get((frame.step - 1) % hello.documents);
  if (frame.step <= hello.begin || last === undefined) return here;
  return `${here} The loss of “${shownShort(last)}”, which it learned last, was ${number(at(state.losses, frame.step - 1))}.`;
}

function shownShort(document: string): string {
  return isolated(shortened(document, 24));
}
