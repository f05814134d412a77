// The one live state that views read, and the one loop that paints. A message changes the state at
// once; what is seen changes once a frame, and then the player is told that it was.

import { flushSync } from "svelte";
import type { Address } from "./address";
import type { Command } from "./protocol.gen";
import { DARK, LIGHT, type Palette } from "./scales";
import { type Action, INITIAL, type State, reduce } from "./store";

export type Painter = (state: State, palette: Palette) => void;
type Send = (command: Command, file?: Uint8Array) => void;

class App {
  state: State = INITIAL;
  view = $state.raw(INITIAL);
  palette = $state.raw(LIGHT);
  drawn = 0; // pictures so far, for measuring
  send: Send = () => undefined;
  seen: (state: State) => void = () => undefined;
  #painters = new Set<Painter>();
  #due = false;

  dispatch(action: Action): void {
    this.state = reduce(this.state, action);
    this.ask();
  }

  /** Have everything painted in the next frame. */
  ask(): void {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#flush());
  }

  paint(painter: Painter): () => void {
    this.#painters.add(painter);
    return () => this.#painters.delete(painter);
  }

  dress(dark: boolean): void {
    this.palette = dark ? DARK : LIGHT;
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
    this.ask();
  }

  select(address: Address | null): void {
    this.dispatch({ kind: "select", address });
  }

  #flush(): void {
    this.#due = false;
    this.view = this.state;
    flushSync(); // figures take their new shapes before they are painted
    for (const painter of this.#painters) painter(this.state, this.palette);
    this.drawn += 1;
    this.seen(this.state);
  }
}

export const app = new App();
