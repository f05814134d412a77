// Settings on a slider: from a value to a place between 0 and 1, and back.

import type { Config, SettingFacts } from "../protocol.gen";

const LEAST = 1 / 50; // of the usual value, at the left end
const MOST = 10; // times the usual value, at the right end

function ends({ default: usual, low, high }: SettingFacts): [number, number] {
  const middle = Math.max(Number(usual), Number.MIN_VALUE);
  return [Math.max(low, middle * LEAST, Number.MIN_VALUE), Math.min(high, middle * MOST)];
}

/** The place of a value: settings act by their ratio, so equal distances are equal factors. */
export function travel(facts: SettingFacts, value: number): number {
  const [low, high] = ends(facts);
  return Math.min(1, Math.max(0, Math.log(Math.max(value, low) / low) / Math.log(high / low)));
}

export function valueAt(facts: SettingFacts, way: number): number {
  const [low, high] = ends(facts);
  const value = low * (high / low) ** way;
  return facts.type === "int" ? Math.max(facts.low, Math.round(value)) : Math.min(high, Number(value.toPrecision(2)));
}

/** The nearest value that makes a model: heads share the channels evenly. */
export function snapped(value: number, { name }: SettingFacts, config: Pick<Config, "n_head" | "n_embd">): number {
  const { n_head: heads, n_embd: channels } = config;
  if (name === "n_embd") return heads * Math.max(1, Math.round(value / heads));
  if (name !== "n_head") return value;
  const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter((n) => channels % n === 0);
  return divisors.reduce((best, n) => (Math.abs(n - value) < Math.abs(best - value) ? n : best), 1);
}
