import { expect, test } from "vitest";
import { sparkline } from "./spark";

test("a line goes from edge to edge, and its highest number is at the top", () => {
  expect(sparkline([0, 10, 20], [1, 3, 2], 100, 21)).toBe("M0.0 20.0L50.0 1.0L100.0 10.5");
});

test("numbers that are all alike lie in the middle, and what is not finite is left out", () => {
  expect(sparkline([0, 1], [5, 5], 10, 20)).toBe("M0.0 10.0L10.0 10.0");
  expect(sparkline([0, 1, 2], [0, NaN, 2], 10, 21)).toBe("M0.0 20.0L10.0 1.0");
});
