import { expect, test } from "vitest";
import { DEFAULT_CONFIG, type SettingFacts } from "../protocol.gen";
import { snapped, travel, valueAt } from "./whatif";

const facts = (name: string, usual: number, low: number, high: number, type = "float"): SettingFacts => ({
  name,
  default: usual,
  help: "",
  low,
  high,
  live: false,
  option: name,
  type,
});

test("a slider goes from a fiftieth to ten times the usual value, within the bounds", () => {
  const rate = facts("learning_rate", 0.01, 0, 10);
  expect([0, 1].map((way) => valueAt(rate, way))).toEqual([0.0002, 0.1]);
  expect(valueAt(rate, travel(rate, 0.01))).toBe(0.01);
  expect(valueAt(facts("beta1", 0.85, 0, 0.9999), 1)).toBe(0.9999);
  expect(valueAt(facts("n_layer", 1, 1, 64, "int"), 0)).toBe(1);
});

test("channels and heads are taken so that they fit", () => {
  expect(snapped(18, facts("n_embd", 16, 1, 1024, "int"), { n_head: 4, n_embd: 16 })).toBe(20);
  expect(snapped(7, facts("n_head", 4, 1, 64, "int"), { n_head: 4, n_embd: 16 })).toBe(8);
  expect(snapped(0.3, facts("beta1", 0.85, 0, 0.9999), DEFAULT_CONFIG)).toBe(0.3);
});
