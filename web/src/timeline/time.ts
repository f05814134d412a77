// What the keys of time do, whoever presses them.

import { app } from "../state/app.svelte";
import { configOf } from "../state/settings";
import { focusOf, isTimeKey } from "./keys";
import type { Config } from "../protocol.gen";

function position(): number {
  return app.state.frame?.step ?? 0;
}

function total(): number {
  return configOf(app.state).num_steps;
}

export function seek(step: number, last = total()): void {
  app.send({ kind: "Seek", step: Math.max(0, Math.min(last, step)) });
}

export function playOrPause(): void {
  const { frame } = app.state;
  if (!frame) return;
  if (frame.playing || frame.busy) app.send({ kind: "Pause" });
  else {
    if (frame.step >= total())
      app.dispatch({ kind: "offer", offered: true }); // nothing starts over unasked
    else app.send({ kind: "Play" });
  }
}

export function stepBy(steps: number): void {
  seek(position() + steps);
}

export function home(): void {
  seek(0);
}

export function toEnd(): void {
  seek(total());
}

export function pace(steps: number): void {
  app.send({ kind: "Pace", steps_per_second: steps });
}

export function playAgain(): void {
  seek(app.state.hello?.begin ?? 0);
  app.send({ kind: "Play" });
}

/** The run of twice as many steps: the same decay over the new total, from step 0; go on where this one ended. */
export function trainOn(): void {
  const { hello, frame } = app.state;
  if (!hello || !frame) return;
  app.send({ kind: "Start", config: { ...hello.config, num_steps: longer() }, engine: hello.engine.name });
  seek(frame.step, longer());
  app.send({ kind: "Play" });
}

export function longer(): number {
  return 2 * total();
}

/** Begin a run again and play it: the settings are those of this one but for `changes`. */
export function begin(changes: Partial<Config> = {}): void {
  const { hello } = app.state;
  if (!hello) return;
  app.send({ kind: "Start", config: { ...hello.config, ...changes }, engine: hello.engine.name, play: true });
}

export function reset(): void {
  const { hello } = app.state;
  if (hello) app.send({ kind: "Start", config: hello.config, engine: hello.engine.name });
}

export function reseed(): void {
  begin({ seed: Math.floor(Math.random() * 100_000) });
}

let pressed: Element | null = null; // what a pointer pressed last, unless Tab went on from there
let taken = ""; // the key that moved time, until it is released

/** Note how the focus is moved about. */
export function watchFocus(event: Event): void {
  if (event.type === "pointerdown") pressed = event.target instanceof Element ? event.target : null;
  else if (event instanceof KeyboardEvent && event.key === "Tab") pressed = null;
}

/** Keys that move time; `keys.ts` says when they are not those of what has the focus. */
export function timeKeys(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target instanceof Element ? event.target : null;
  const pointed = !!pressed?.closest("label, button, a, summary, canvas")?.contains(target);
  const focus = focusOf(target);
  if (!isTimeKey(event.key, focus, pointed)) {
    if (focus === "figure" && event.key === " ") event.preventDefault(); // the page does not scroll
    return;
  }
  taken = event.key;
  const far = event.shiftKey ? 10 : 1;
  switch (event.key) {
    case " ":
      playOrPause();
      break;
    case "ArrowLeft":
      stepBy(-far);
      break;
    case "ArrowRight":
      stepBy(far);
      break;
    case "Home":
      home();
      break;
    case "End":
      toEnd();
      break;
  }
  event.preventDefault();
}

/** A button is pressed when its key is released: not when that key has moved time. */
export function releaseKey(event: KeyboardEvent): void {
  if (event.key === taken) event.preventDefault();
  taken = "";
}
