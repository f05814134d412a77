import { describe, expect, it } from "vitest";
import { decode, encode } from "./frames";
import { frame } from "./fixture";

const doubles = (...numbers: number[]): Uint8Array => new Uint8Array(new Float64Array(numbers).buffer);

describe("a frame", () => {
  it("sees the arrays of a frame where they lie, without a copy", () => {
    const buffer = frame(
      {
        kind: "File",
        name: "x",
        type: "",
        arrays: [
          { name: "a", dtype: "f8", shape: [3] },
          { name: "b", dtype: "u1", shape: [2] },
          { name: "c", dtype: "f8", shape: [] },
        ],
      },
      doubles(1, -0.5, NaN),
      new Uint8Array([7, 8, 0, 0, 0, 0, 0, 0]),
      doubles(9),
    );
    const { event, arrays } = decode(buffer);
    expect(event.kind).toBe("File");
    expect([...(arrays.get("a")?.data ?? [])]).toEqual([1, -0.5, NaN]);
    expect([...(arrays.get("b")?.data ?? [])]).toEqual([7, 8]);
    expect([...(arrays.get("c")?.data ?? [])]).toEqual([9]);
    expect(arrays.get("a")?.data.buffer).toBe(buffer);
  });

  it("refuses numbers of a type that it does not know", () => {
    expect(() => decode(frame({ kind: "File", arrays: [{ name: "a", dtype: "f2", shape: [1] }] }, doubles(1)))).toThrow(
      "f2",
    );
  });

  it("sends a command as text, or with the file it brings", () => {
    expect(encode({ kind: "Seek", step: 3 })).toBe('{"kind":"Seek","step":3}');
    const sent = encode({ kind: "Save", what: "é" }, new Uint8Array([1, 2]));
    if (typeof sent === "string") throw new Error("not a frame");
    const length = new DataView(sent).getUint32(0, true);
    expect(JSON.parse(new TextDecoder().decode(new Uint8Array(sent, 4, length)))).toEqual({ kind: "Save", what: "é" });
    expect([...new Uint8Array(sent, 4 + length)]).toEqual([1, 2]);
  });
});
