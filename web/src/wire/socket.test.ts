import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Command, VERSION } from "../protocol.gen";
import { frame } from "./fixture";
import { connect } from "./socket";
import type { Wire } from "./wire";

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
      renumbered: () => undefined,
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
