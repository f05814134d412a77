import { describe, expect, it } from "vitest";
import { DARK, LIGHT, colourAt, level, lookup, magnitude, roundUp, scaleEnd } from "./scales";

describe("scales", () => {
  it("end on 1, 2 or 5 times a power of ten", () => {
    expect([0.03, 0.5, 0.51, 1, 1.01, 4.9, 7, 1000].map(roundUp)).toEqual([0.05, 0.5, 1, 1, 2, 5, 10, 1000]);
    expect(roundUp(0)).toBe(1);
    expect(roundUp(NaN)).toBe(1);
  });

  it("stand still while the numbers stay within them", () => {
    expect(scaleEnd(1, 0.9)).toBe(1);
    expect(scaleEnd(1, 0.4)).toBe(1);
    expect(scaleEnd(1, 0.3)).toBe(0.5);
    expect(scaleEnd(1, 1.1)).toBe(2);
    expect(scaleEnd(undefined, 0.07)).toBe(0.1);
    expect(scaleEnd(0.5, 0)).toBe(0.5);
  });

  it("grow with the value, with marks of their own outside", () => {
    const levels = [-2, -1, -0.5, 0, 0.5, 1, 2].map((value) => level(value, 1));
    expect([...levels].sort((a, b) => a - b)).toEqual(levels);
    expect(new Set(levels).size).toBe(levels.length);
    expect(level(-Infinity, 1)).toBe(level(NaN, 1)); // no colour of a number
    expect(level(NaN, 1)).toBe(level(Infinity, 1));
    expect(level(NaN, 1)).not.toBe(level(2, 1));
  });

  it("give the marks colours that nothing else has", () => {
    for (const palette of [LIGHT, DARK]) {
      const table = lookup(palette, "weights");
      const ramp = new Set(table.slice(2, table.length - 2));
      for (const mark of [1, table.length - 2, table.length - 1]) expect(ramp.has(table[mark] ?? 0)).toBe(false);
      expect(table[0]).toBe(0);
    }
  });

  it("draw zero as paper and the ends as themselves", () => {
    expect(colourAt(LIGHT, "weights", 0)).toEqual(LIGHT.paper);
    expect(colourAt(LIGHT, "weights", 1)).toEqual(LIGHT.high);
    expect(colourAt(LIGHT, "weights", -1)).toEqual(LIGHT.low);
    expect(colourAt(LIGHT, "shares", 1)).toEqual(LIGHT.ink);
  });

  it("know how large numbers usually are", () => {
    expect(
      magnitude([
        [1, -2, 3],
        [-Infinity, NaN],
      ]),
    ).toBe(3);
    expect(magnitude([Array.from({ length: 1000 }, (_, i) => (i === 0 ? 1e9 : 1))])).toBe(1);
    expect(magnitude([])).toBe(0);
  });
});
