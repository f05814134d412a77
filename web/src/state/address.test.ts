import { describe, expect, it } from "vitest";
import { formatAddress, indexOf, offsetOf, parseAddress, sameAddress } from "./address";

describe("address", () => {
  it("is read as it is written", () => {
    for (const text of ["value:wte[3,7]", "grad:layer0.attn.weights[0,3,2]", "m:lm_head[0,0]", "value:loss"]) {
      const address = parseAddress(text);
      expect(address && formatAddress(address)).toBe(text);
    }
  });

  it("is the value where nothing else is said, and null where it is none", () => {
    expect(parseAddress("wte[1,2]")).toEqual({ kind: "value", name: "wte", index: [1, 2] });
    for (const text of ["", "wte[", "wte[1,]x", "some words", "a<b>"]) expect(parseAddress(text)).toBeNull();
  });

  it("finds the place of every index and the index of every place", () => {
    const shape = [2, 3, 4];
    for (let offset = 0; offset < 24; offset++) expect(offsetOf(indexOf(offset, shape), shape)).toBe(offset);
    expect(offsetOf([2, 0, 0], shape)).toBe(-1);
    expect(offsetOf([0, -1, 0], shape)).toBe(-1);
    expect(offsetOf([0, 0], shape)).toBe(-1);
    expect(offsetOf([], [])).toBe(0);
  });

  it("is the same where all of it is", () => {
    expect(sameAddress(null, null)).toBe(true);
    expect(sameAddress(parseAddress("wte[1,2]"), parseAddress("value:wte[1,2]"))).toBe(true);
    expect(sameAddress(parseAddress("wte[1,2]"), null)).toBe(false);
  });
});
