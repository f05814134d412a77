import { flushSync } from "svelte";
import { expect, test } from "vitest";
import { Slices } from "./slices.svelte";
import { INITIAL, type State } from "./store";

test("what reads a slice runs again when that slice is another, and only then", () => {
  const slices = new Slices(INITIAL);
  const links: string[] = [];
  const stop = $effect.root(() => {
    $effect(() => void links.push(slices.view.link));
  });
  flushSync();
  const other: State = { ...INITIAL, link: "seed=1" };
  for (const state of [{ ...INITIAL, show: "grad" as const }, other, { ...other, reading: true }]) {
    slices.follow(state);
    flushSync();
  }
  expect(links).toEqual(["", "seed=1"]);
  expect(slices.view.reading).toBe(true);
  stop();
});

test("a copy of the view is the state that it follows", () => {
  const slices = new Slices(INITIAL);
  const state: State = { ...INITIAL, link: "seed=2", offered: true };
  slices.follow(state);
  expect({ ...slices.view }).toEqual(state);
});
