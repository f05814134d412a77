import { describe, expect, it } from "vitest";
import { type Kind, parsed, plain, stepped } from "./numbers";

const RATE: Kind = { label: "learning_rate", whole: false, low: 0, high: 10, usual: 0.01 };
const BETA: Kind = { label: "beta2", whole: false, low: 0, high: 0.999999, usual: 0.99 };
const EPS: Kind = { label: "eps", whole: false, low: 1e-15, high: 1, usual: 1e-8 };
const SIZE: Kind = { label: "n_embd", whole: true, low: 1, high: 1024, usual: 16 };
const WEIGHT: Kind = { label: "wte[0,0]", whole: false, low: -1e6, high: 1e6, usual: 0.01 };

describe("a number that is typed", () => {
  it.each([
    ["0.03", 0.03],
    ["0,03", 0.03],
    [",5", 0.5],
    ["1e-8", 1e-8],
    ["1,5e-3", 0.0015],
    [" 2 ", 2],
    ["−0.5", -0.5],
    ["-0,25", -0.25],
    ["0,005", 0.005],
    ["7.", 7],
    ["10,25", 10.25],
  ])("%s is %d", (text, value) => expect(parsed(text, RATE)).toEqual({ value }));

  it.each([
    ["1,000", 1000],
    ["1 000", 1000],
    ["1e3", 1000],
    ["12,345,678", 12345678],
    ["16", 16],
  ])("%s is the whole number %d", (text, value) => {
    expect(parsed(text, SIZE)).toEqual({ value });
  });

  it.each(["", "abc", "0.0.1", "1,2,3", "--1", "0x10", "Infinity", "NaN", "1e999", "5 %"])(
    "“%s” is refused, not mended",
    (text) => {
      expect(parsed(text, RATE)).toEqual({ problem: `learning_rate is “${text}”, but must be a number` });
    },
  );

  it.each(["1.5", "1,5", "1e-3"])("%s is no whole number", (text) => {
    expect(parsed(text, SIZE)).toEqual({ problem: `n_embd is “${text}”, but must be a whole number` });
  });

  it("a comma that may group thousands is refused where it may be a point", () => {
    expect(parsed("1,500", RATE)).toEqual({
      problem: "learning_rate is “1,500”, which can be read in two ways; write 1500 or 1.500",
    });
  });
});

it.each([
  [0.01, "0.01"],
  [16, "16"],
  [-2.5, "-2.5"],
  [1e6, "1000000"],
  [1e-8, "0.00000001"],
  [1.5e-7, "0.00000015"],
])("%d is written without an exponent", (value, text) => {
  expect(plain(value)).toMatch(/^-?[\d.]+$/);
  expect(plain(value).slice(0, text.length)).toBe(text);
});

describe("an arrow on a number", () => {
  it.each([
    [RATE, 0.01, 1, 0.011],
    [RATE, 0.01, -1, 0.009],
    [RATE, 0.05, 1, 0.051],
    [RATE, 0.25, -1, 0.24],
    [RATE, 0, 1, 0.001],
    [RATE, 0, -1, 0],
    [BETA, 0.99, 1, 0.991],
    [BETA, 0.99, -1, 0.989],
    [BETA, 0.85, 1, 0.86],
    [EPS, 1e-8, -1, 9e-9],
    [EPS, 1e-8, 1, 1.1e-8],
    [EPS, 1e-15, -1, 1e-15],
    [SIZE, 16, 1, 17],
    [SIZE, 1, -1, 1],
    [WEIGHT, -0.05, 1, -0.049],
    [WEIGHT, 0, -1, -0.001],
    [WEIGHT, 0.0432, 1, 0.0442],
  ] as const)("goes by a step that suits its size (%#)", (kind, value, way, next) => {
    expect(stepped(value, kind, way)).toBeCloseTo(next, 14);
    expect(stepped(value, kind, way)).toBe(Number(next.toPrecision(12)));
  });

  it("never changes a value by more than its tenth, nor leaves its bounds", () => {
    for (const kind of [RATE, BETA, EPS, WEIGHT]) {
      for (let exponent = -14; exponent < 1; exponent++) {
        for (const digits of [1, 1.5, 2, 5, 9.9]) {
          const value = Math.min(kind.high, Math.max(kind.low, digits * 10 ** exponent));
          for (const way of [1, -1] as const) {
            const next = stepped(value, kind, way);
            expect(Math.abs(next - value)).toBeLessThanOrEqual(Math.abs(value) / 10 + 1e-15);
            expect(next).toBeGreaterThanOrEqual(kind.low);
            expect(next).toBeLessThanOrEqual(kind.high);
          }
        }
      }
    }
  });

  it("goes ten times as far with shift", () => expect(stepped(16, SIZE, 1, true)).toBe(26));
});
