import { describe, expect, it } from "vitest";
import { paintLetters } from "./cells";
import { maps } from "./layout";
import { LIGHT } from "../state/scales";

describe("the letters of a map", () => {
  it("cover none of the letters before them, however close they stand", () => {
    const calls: string[] = [];
    const pen = { strokeText: () => calls.push("room"), fillText: () => calls.push("letter") };
    const plan = maps(300, 1, 7, 40);
    paintLetters(pen as unknown as CanvasRenderingContext2D, plan, ["BOS", ..."mickie", "BOS"], LIGHT);
    expect(calls).toEqual([...Array<string>(14).fill("room"), ...Array<string>(14).fill("letter")]);
  });
});
