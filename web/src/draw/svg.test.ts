import { expect, it } from "vitest";
import { svgLabels, svgOf } from "./svg";
import { maps, matrix } from "./layout";
import { LIGHT, lookup } from "../state/scales";

it("draws every cell that the canvas draws, in its colour", () => {
  const text = svgOf(
    matrix(2, 3, 30),
    Float64Array.from([0, 1, -1, 0.5, -Infinity, NaN]),
    1,
    lookup(LIGHT, "weights"),
    "wte",
  );
  expect(text.match(/<rect/g)).toHaveLength(6); // what is not a finite number has a colour of its own
  expect(text).toContain("#f6f3ec");
  expect(text).toContain("#d96c16");
  expect(text).toContain("#1e5aa8");
});

it("leaves the future out", () => {
  const text = svgOf(maps(300, 1, 3, 3), new Float64Array(9), 1, lookup(LIGHT, "shares"), "attention");
  expect(text.match(/<rect/g)).toHaveLength(6);
});

it("writes letters that mean something to SVG as letters", () => {
  expect(svgLabels([{ x: 1, y: 2, size: 9, text: "<&" }], LIGHT).join("")).toContain(">&lt;&amp;</text>");
});
