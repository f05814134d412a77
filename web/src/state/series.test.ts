import { describe, expect, it } from "vitest";
import { EMPTY, at, extended, smoothed, summed } from "./series";

describe("series", () => {
  it("grows without changing what was there before", () => {
    const one = extended(EMPTY, 0, [1, 2, 3]);
    const two = extended(one, 3, [4]);
    const other = extended(one, 1, [9]);
    expect([...one.data.subarray(0, one.length)]).toEqual([1, 2, 3]);
    expect([...two.data.subarray(0, two.length)]).toEqual([1, 2, 3, 4]);
    expect([...other.data.subarray(0, other.length)]).toEqual([1, 9]);
  });

  it("keeps every number over many small additions", () => {
    let all = EMPTY;
    for (let i = 0; i < 5000; i++) all = extended(all, i, [i]);
    expect(all.length).toBe(5000);
    expect(at(all, 4999)).toBe(4999);
    expect(at(all, 5000)).toBeNaN();
  });

  it("takes the mean of the last hundred, and of fewer at the start", () => {
    const losses = extended(
      EMPTY,
      0,
      Array.from({ length: 250 }, (_, i) => i),
    );
    const sums = summed(EMPTY, losses, 0);
    expect(smoothed(sums, 1, 0)).toBe(0);
    expect(smoothed(sums, 10, 0)).toBeCloseTo(4.5, 12);
    expect(smoothed(sums, 250, 0)).toBeCloseTo(199.5, 9);
    expect(smoothed(sums, 0, 0)).toBeNaN();
  });

  it("sums on where a part is replaced", () => {
    const losses = extended(EMPTY, 0, [1, 1, 1, 1]);
    const sums = summed(EMPTY, losses, 0);
    const changed = extended(losses, 2, [5, 5, 5]);
    expect(smoothed(summed(sums, changed, 2), 5, 0)).toBeCloseTo(17 / 5, 12);
  });

  it("leaves out what was never told, before the run was opened", () => {
    const losses = extended(EMPTY, 0, [NaN, NaN, 2, 4]);
    expect(smoothed(summed(EMPTY, losses, 0), 4, 2)).toBe(3);
  });
});
