import { describe, expect, it } from "vitest";
import {
  brief,
  bytes,
  capitalised,
  count,
  counted,
  exact,
  figure,
  number,
  parted,
  probability,
  short,
  signed,
  token,
} from "./format";

describe("format", () => {
  it("tells numbers with a true minus and marks for what is not finite", () => {
    expect(number(-1.23456)).toBe("−1.2346");
    expect(number(0)).toBe("0.0000");
    expect(number(1.2e-7)).toBe("1.20e−7");
    expect([NaN, Infinity, -Infinity].map((value) => number(value))).toEqual(["not a number", "∞", "−∞"]);
    expect(number(2.5, 2)).toBe("2.50");
    expect(signed(1, 1)).toBe("+1.0");
  });

  it("gives back every digit when asked to", () => {
    for (const value of [0.1 + 0.2, -1e-300, 3.3659669475848504]) expect(Number(exact(value))).toBe(value);
  });

  it("is brief where there is little room", () => {
    expect([0, 0.5, -0.0123, 12.34, 123456, 0.00012].map(brief)).toEqual([
      "0.00",
      "0.50",
      "−0.012",
      "12.3",
      "1e5",
      "1e−4",
    ]);
  });

  it("counts, weighs and shares", () => {
    expect(count(4192)).toBe("4,192");
    expect(counted(1, "name")).toBe("1 name");
    expect(counted(1000, "name")).toBe("1,000 names");
    expect(bytes(16)).toBe("16 bytes");
    expect(bytes(1500)).toBe("2 kB");
    expect(bytes(2.5e6)).toBe("2.5 MB");
    expect([0.5, 0.0512, 0.00001, 0].map(probability)).toEqual(["0.50", "0.051", "1e-5", "0"]);
    expect(short(0.0099)).toBe("0.0099");
  });

  it("makes every token visible", () => {
    const characters = [" ", "a", "\u0301"];
    expect([0, 1, 2, 3].map((id) => token(id, characters))).toEqual(["␣", "a", "◌\u0301", "BOS"]);
    expect(["\t", "\0", "\x7f", "\x85"].map((one) => token(0, [one]))).toEqual(["␉", "␀", "␡", "␦"]);
  });

  it("parts a text at its control characters and loses none of it", () => {
    const parts = parted("a\tb c\x1b");
    expect(parts.map((part) => part.sign)).toEqual(["", "␉", "", "␛"]);
    expect(parts.map((part) => part.plain).join("")).toBe("a\tb c\x1b");
    expect(parted("")).toEqual([]);
  });

  it("gives a figure four digits that count, whatever its size, and a sign", () => {
    expect([0.00012345678, -1.23456, 123456, -1.5e-9, 0, 12].map(figure)).toEqual([
      "+0.0001235",
      "−1.235",
      "+1.23e5",
      "−1.50e−9",
      "0",
      "+12",
    ]);
    expect([null, -Infinity].map(figure)).toEqual(["not a number", "−∞"]);
  });
});

it("begins a message with a capital, but leaves names out of code as they are", () => {
  expect(capitalised("a smaller learning rate helps")).toBe("A smaller learning rate helps");
  expect(capitalised("learning_rate=“0,03” must be a number")).toBe("learning_rate=“0,03” must be a number");
  expect(capitalised("broken.safetensors is cut")).toBe("broken.safetensors is cut");
});
