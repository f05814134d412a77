// The one live state that views read, and the one loop that paints. A message changes the state at
// once. Weights are painted with every picture; text, the curve and the machine follow ten times a
// second while time runs, and always belong to one step: the text with one picture, what is painted
// with the next, so that neither is late. What the reader does is seen with the next picture.

import { flushSync } from "svelte";
import type { Address } from "./address";
import type { Command } from "../protocol.gen";
import { DARK, LIGHT, type Palette } from "./scales";
import { Slices } from "./slices.svelte";
import { type Action, INITIAL, type State, isMoving, reduce } from "./store";

export type Painter = (state: State, palette: Palette) => void;
export type Beat = "picture" | "view"; // what a painter follows
type Send = (command: Command, file?: Uint8Array) => number; // its id

const VIEW = 100; // ms between two views while time runs

class App {
  state: State = INITIAL; // the newest
  viewed: State = INITIAL; // what is in view: up to a tenth of a second older
  palette = $state.raw(LIGHT);
  drawn = 0; // pictures so far, for measuring
  send: Send = () => 0;
  seen: (state: State) => void = () => undefined; // after every picture
  told: (state: State) => void = () => undefined; // after every view
  #slices = new Slices(INITIAL);
  readonly view = this.#slices.view; // the same as `viewed`, each slice of it a signal
  #painters: Record<Beat, Set<Painter>> = { picture: new Set(), view: new Set() };
  #due = false;
  #urgent = false;
  #viewed = 0; // when the view last followed the state
  #later = 0;
  #half = false; // is the view up to date, but not yet painted?

  dispatch(action: Action): void {
    this.state = reduce(this.state, action);
    if (!canWait(action, this.state)) this.#urgent = true;
    this.#ask();
  }

  paint(beat: Beat, painter: Painter): () => void {
    this.#painters[beat].add(painter);
    return () => this.#painters[beat].delete(painter);
  }

  dress(dark: boolean): void {
    this.palette = dark ? DARK : LIGHT;
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
    this.#urgent = true;
    this.#ask();
  }

  select(address: Address | null): void {
    this.dispatch({ kind: "select", address });
  }

  #ask(): void {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame((now) => this.#flush(now));
  }

  #flush(now: number): void {
    this.#due = false;
    const wait = VIEW - (now - this.#viewed);
    if (this.#half) this.#paintView();
    if (this.#urgent || wait <= 0) this.#follow(now);
    else this.#later ||= window.setTimeout(() => this.#wake(), wait); // were this the last
    for (const painter of this.#painters.picture) painter(this.state, this.palette);
    this.drawn += 1;
    this.seen(this.state);
  }

  #wake(): void {
    this.#later = 0; // a picture may come a moment before the wait is over, and then waits again
    this.#ask();
  }

  #follow(now: number): void {
    clearTimeout(this.#later);
    this.#later = 0;
    const urgent = this.#urgent;
    this.#urgent = false;
    this.#viewed = now;
    this.viewed = this.state;
    this.#slices.follow(this.state);
    flushSync(); // figures take their new shapes before they are painted
    if (urgent) this.#paintView();
    else this.#half = true;
    this.told(this.state);
    if (this.#half) this.#ask();
  }

  #paintView(): void {
    this.#half = false;
    for (const painter of this.#painters.view) painter(this.viewed, this.palette);
  }
}

/** Is it nothing that the reader waits for, or does it come often while time runs? Then the next view will do. */
function canWait(action: Action, state: State): boolean {
  if (action.kind === "sight") return true;
  if (action.kind !== "told") return false;
  const { kind } = action.told.event;
  return (
    ["WeightHistory", "Samples", "ValidationLoss", "Documents"].includes(kind) || (kind === "Frame" && isMoving(state))
  );
}

export const app = new App();
