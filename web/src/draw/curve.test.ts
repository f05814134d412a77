import { describe, expect, it } from "vitest";
import { span, stepAt, xOf, yOf } from "./curve";
import { EMPTY, extended } from "../state/series";

const ruler = { width: 500, height: 100, steps: 1000, low: 1, high: 4 };

describe("curve", () => {
  it("finds each step where it has drawn it", () => {
    for (const step of [0, 1, 499, 1000]) expect(stepAt(ruler, xOf(ruler, step))).toBe(step);
    expect(stepAt(ruler, -5)).toBe(0);
    expect(stepAt(ruler, 9999)).toBe(1000);
  });

  it("puts more nats higher", () => {
    expect(yOf(ruler, 4)).toBe(0);
    expect(yOf(ruler, 1)).toBe(100);
  });

  it("spans baselines and losses, without following a wild one out of sight", () => {
    const losses = Array.from({ length: 1000 }, (_, i) => (i === 500 ? 900 : 1.2 + (i % 20) / 10));
    const { low, high } = span(extended(EMPTY, 0, losses), [3.3, 2.0]);
    expect(low).toBeLessThan(1.3);
    expect(high).toBeGreaterThan(3.3);
    expect(high).toBeLessThan(5);
    expect(span(EMPTY, []).high).toBeGreaterThan(3.3);
  });
});
