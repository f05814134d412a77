import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { unpacked } from "./files";

const TEXT = "a tiny GPT made of glass ".repeat(500);

function host(body: Uint8Array<ArrayBuffer> | null, status = 200): void {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status })));
}

async function textOf(stream: ReadableStream): Promise<string> {
  return new Response(stream).text();
}

describe("a packed file", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("is unpacked, and each piece that comes is counted", async () => {
    const packed = new Uint8Array(gzipSync(TEXT));
    host(packed);
    let bytes = 0;
    expect(await textOf(await unpacked("x.gz", (more) => (bytes += more)))).toBe(TEXT);
    expect(bytes).toBe(packed.length);
  });

  it("that the host has had unpacked already stays as it is", async () => {
    host(new TextEncoder().encode(TEXT));
    expect(await textOf(await unpacked("x.gz", () => undefined))).toBe(TEXT);
  });

  it("that the host does not have is named", async () => {
    host(null, 404);
    await expect(unpacked("pyodide/x.gz", () => undefined)).rejects.toThrow("pyodide/x.gz is missing (404)");
  });
});
