import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Command, VERSION } from "./protocol.gen";
import { type Wire, connect, decode, encode } from "./wire";

function frame(head: object, ...bodies: Uint8Array[]): ArrayBuffer {
  let text = JSON.stringify(head);
  text += " ".repeat((8 - ((text.length + 4) % 8)) % 8);
  const bytes = [...new TextEncoder().encode(text)];
  const all = [bytes.length & 255, (bytes.length >> 8) & 255, 0, 0, ...bytes, ...bodies.flatMap((body) => [...body])];
  return new Uint8Array(all).buffer;
}

const doubles = (...numbers: number[]): Uint8Array => new Uint8Array(new Float64Array(numbers).buffer);

describe("wire", () => {
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

describe("a line", () => {
  const lines: Line[] = [];
  const said: string[] = [];
  const heard: Command[] = [];
  let wire: Wire;

  /** A WebSocket without a network. */
  class Line {
    static OPEN = 1;
    readyState = 1;
    onopen = (): void => undefined;
    onmessage = (_: { data: string | ArrayBuffer }): void => undefined;
    onclose = (_: { code: number; reason: string }): void => undefined;
    constructor(readonly url: string) {
      lines.push(this);
    }
    send(text: string): void {
      heard.push(JSON.parse(text) as Command);
    }
    close(): void {
      this.readyState = 3;
    }
  }

  function dial(answer: Response | null): Line {
    vi.stubGlobal("WebSocket", Line);
    vi.stubGlobal("fetch", () => (answer ? Promise.resolve(answer) : Promise.reject(new Error("no network"))));
    wire = connect("ws://host/lab/ws", {
      open: () => ({ kind: "Open", run: "", link: "", still: true }),
      told: ({ event }) => said.push(event.kind),
      line: (line, reason) => said.push(`${line} ${reason}`.trim()),
    });
    lines[0]!.onopen();
    return lines[0]!;
  }

  beforeEach(() => {
    vi.useFakeTimers();
    lines.length = said.length = heard.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("numbers what is sent, so that an answer can name it", () => {
    dial(null);
    expect(wire.send({ kind: "Play" })).toBe(1);
    expect(wire.send({ kind: "Ack", seq: 9 })).toBe(0);
    expect(wire.send({ kind: "Seek", step: 3 })).toBe(2);
    expect(heard.slice(1)).toEqual([
      { kind: "Play", id: 1 },
      { kind: "Ack", seq: 9 },
      { kind: "Seek", step: 3, id: 2 },
    ]);
  });

  it("that is silent is given up and dialled again; a sign of life keeps it", async () => {
    const line = dial(null);
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(5000);
      line.onmessage({ data: "" });
    }
    expect(said).toEqual(["open"]);
    await vi.advanceTimersByTimeAsync(17_000);
    expect(said).toEqual(["open", "lost"]);
    expect(lines.length).toBe(2);
  });

  it("that the server refuses says why, once", async () => {
    const line = dial(new Response("old link", { status: 403 }));
    line.close();
    line.onclose({ code: 1006, reason: "" });
    await vi.advanceTimersByTimeAsync(100);
    expect(said).toEqual(["open", "lost", "refused old link"]);
  });

  it("whose run has ended stays down, and says why", async () => {
    dial(null).onclose({ code: 4002, reason: "too much memory" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said).toEqual(["open", "ended too much memory"]);
    expect(lines.length).toBe(1);
  });

  it("to a server of another version is given up before anything is told, and says which versions", async () => {
    dial(null).onmessage({ data: frame({ kind: "Hello", version: VERSION + 1 }) });
    await vi.advanceTimersByTimeAsync(60_000);
    const versions = `the page speaks version ${VERSION} of the protocol, the server version ${VERSION + 1}`;
    expect(said).toEqual(["open", `stale ${versions}`]);
    expect(lines.length).toBe(1);
  });
});
