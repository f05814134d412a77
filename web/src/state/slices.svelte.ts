// The state for views: each slice is a signal of its own, so a view that reads the samples is not run
// again by a frame. A slice that is the same object as before makes no component re-run.

import type { State } from "./store";

export class Slices {
  /** To be read in templates, deriveds and effects: they depend on the slices they read. */
  readonly view: Readonly<State>;
  readonly #signals: ((state: State) => void)[];

  constructor(state: State) {
    const view = { ...state };
    this.#signals = keysOf(state).map((key) => signal(view, key));
    this.view = view;
  }

  follow(state: State): void {
    for (const set of this.#signals) set(state);
  }
}

/** Make one slice of `view` a signal; return what sets it. */
function signal<Key extends keyof State>(view: State, key: Key): (state: State) => void {
  let value = $state.raw(view[key]);
  Object.defineProperty(view, key, { get: () => value, enumerable: true });
  return (state) => {
    value = state[key];
  };
}

function keysOf(state: State): (keyof State)[] {
  const isKey = (name: string): name is keyof State => name in state;
  return Object.keys(state).filter(isKey);
}
