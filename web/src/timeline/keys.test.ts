import { describe, expect, it } from "vitest";
import { type Focus, isTimeKey } from "./keys";

const KEYS = [" ", "ArrowLeft", "ArrowRight", "Home", "End"];
const of = (focus: Focus, pointed: boolean): string[] => KEYS.filter((key) => isTimeKey(key, focus, pointed));

describe("the keys of time", () => {
  it("are all there after a click on a button or a switch, whatever that began", () => {
    expect(of("button", true)).toEqual(KEYS);
    expect(of("switch", true)).toEqual(KEYS);
  });

  it("leave a button that was reached by Tab its space, and a switch its arrows", () => {
    expect(of("button", false)).toEqual(["ArrowLeft", "ArrowRight", "Home", "End"]);
    expect(of("switch", false)).toEqual([" ", "Home", "End"]);
  });

  it.each([true, false])("leave sliders, figures and text what they use (pointed: %s)", (pointed) => {
    expect(of("curve", pointed)).toEqual([" "]);
    expect(of("slider", pointed)).toEqual([" "]);
    expect(of("figure", pointed)).toEqual(pointed ? [" "] : []);
    expect(of("text", pointed)).toEqual([]);
    expect(of("page", pointed)).toEqual(KEYS);
  });

  it("are no others", () => {
    for (const key of ["a", "Enter", "Tab", "ArrowUp", "?"]) expect(isTimeKey(key, "page", true)).toBe(false);
  });
});
