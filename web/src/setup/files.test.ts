import { describe, expect, it } from "vitest";
import { isCheckpoint, read } from "./files";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a file that is brought", () => {
  it("is a checkpoint by what it holds, whatever it is called", () => {
    const head = bytes('{"__metadata__":{}}');
    expect(isCheckpoint(Uint8Array.from([head.length, 0, 0, 0, 0, 0, 0, 0, ...head]))).toBe(true);
  });

  it.each(["", "emma", "anna\nbob\n{", "12345678{", "\ufeffanna {", "0\0\0\0{"])("is a text otherwise (%j)", (text) => {
    expect(isCheckpoint(bytes(text))).toBe(false);
  });

  it("is read with its name", async () => {
    const brought = await read([new File(["emma\n"], "names.txt")]);
    expect(brought).toEqual({ name: "names.txt", bytes: bytes("emma\n") });
  });

  it("is refused with a sentence where it cannot be read, or is one of several", async () => {
    const folder = { name: "folder", arrayBuffer: () => Promise.reject(new Error("a folder")) } as unknown as File;
    expect(await read([folder])).toMatchObject({ problem: "folder cannot be read" });
    expect(await read([new File([], "a"), new File([], "b")])).toMatchObject({
      problem: "2 files were dropped, but a run learns from one",
    });
    expect(await read([])).toBeNull();
  });
});
