import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Command } from "../protocol.gen";
import { frame } from "./fixture";
import type { Told } from "./frames";
import type { FromPage, FromWorker } from "./messages";
import { type Line, type Said, type StandIn, connect } from "./worker";
import type { Wire } from "./wire";

class Worker implements Line {
  heard: FromPage[] = [];
  ended = false;
  onmessage: Line["onmessage"] = null;
  onerror: Line["onerror"] = null;
  postMessage(message: FromPage): void {
    this.heard.push(message);
  }
  terminate(): void {
    this.ended = true;
  }
  says(data: FromWorker): void {
    this.onmessage?.({ data } as MessageEvent<FromWorker>);
  }
  get commands(): Command[] {
    return this.heard.slice(1).map((text) => JSON.parse(text as string) as Command);
  }
}

class FirstSteps implements StandIn {
  heard: Command[] = [];
  ended = false;
  hear(command: Command): void {
    this.heard.push(command);
  }
  end(): { open: Command & { kind: "Open" }; commands: Said[] } {
    this.ended = true;
    return {
      open: { kind: "Open", run: "a1", link: "step=7", still: true },
      commands: [{ command: { kind: "Play" } }],
    };
  }
}

const BEGIN = { python: "https://host/pyodide/", documents: null };
const workers: Worker[] = [];
const said: string[] = [];
let wire: Wire;

function dial(standIn: Promise<StandIn> | null): (told: Told) => void {
  let tell: (told: Told) => void = () => undefined;
  workers.length = said.length = 0;
  const ears = {
    open: () => ({ kind: "Open" as const, run: "of the last time", link: "", still: true }),
    told: ({ event }: Told) => said.push(event.kind),
    renumbered: () => said.push("renumbered"),
    line: (line: string, reason: string) => said.push(`${line} ${reason}`.trim()),
  };
  const start = (): Worker => workers[workers.push(new Worker()) - 1]!;
  wire = connect({ begin: BEGIN, start, standIn: (_, told) => ((tell = told), standIn) }, ears);
  return (told) => tell(told);
}

describe("a worker", () => {
  beforeEach(() => void dial(null));

  it("is told where Python is, and when that is ready what to open and what was said meanwhile", () => {
    expect(wire.send({ kind: "Play" })).toBe(1);
    expect(workers[0]!.heard).toEqual([BEGIN]);
    workers[0]!.says({ news: "ready" });
    expect(wire.send({ kind: "Ack", seq: 2 })).toBe(0);
    expect(workers[0]!.commands).toEqual([
      { kind: "Open", run: expect.stringMatching(/^[0-9a-z]{12,}$/) as unknown, link: "", still: true },
      { kind: "Play", id: 1 },
      { kind: "Ack", seq: 2 },
    ]);
  });

  it("says how much of Python has come, and is open with the first event", () => {
    workers[0]!.says({ news: "loading", bytes: 1_250_000, of: 5_400_000 });
    workers[0]!.says({ news: "loading", bytes: 5_400_000, of: 5_400_000 });
    workers[0]!.says({ news: "ready" });
    workers[0]!.says(frame({ kind: "Hello" }));
    workers[0]!.says(frame({ kind: "Frame" }));
    expect(said).toEqual(["loading 1.3 of 5.4 MB", "loading starting", "open", "Hello", "Frame"]);
  });

  it("that cannot run Python says why", () => {
    workers[0]!.says({ news: "failed", reason: "pyodide.mjs is missing (404)" });
    workers[0]!.onerror?.({ message: "" } as ErrorEvent);
    expect(said).toEqual(["failed pyodide.mjs is missing (404)", "failed its program could not be loaded"]);
  });

  it("is not started where there is no WebAssembly", () => {
    vi.stubGlobal("WebAssembly", undefined);
    dial(null);
    vi.unstubAllGlobals();
    expect(said).toEqual(["failed this browser has no WebAssembly, or it is switched off"]);
    expect(workers[0]!.ended).toBe(true);
  });

  it("whose run has ended is replaced by a new one when the page asks", () => {
    workers[0]!.says({ news: "ready" });
    workers[0]!.says(frame({ kind: "Frame" }));
    workers[0]!.says({ news: "ended", reason: "too much memory" });
    wire.again();
    expect(said).toEqual(["open", "Frame", "ended too much memory"]);
    expect(workers.map((worker) => worker.ended)).toEqual([true, false]);
    expect(workers[1]!.heard).toEqual([BEGIN]);
  });
});

describe("what stands in for Python", () => {
  const first = { event: { kind: "Frame" }, arrays: new Map() } as unknown as Told;

  it("is heard until Python is ready, which then opens the run where it has come to, without a gap", async () => {
    const steps = new FirstSteps();
    const tell = dial(Promise.resolve(steps));
    wire.send({ kind: "Pause" }); // before it is there
    await Promise.resolve();
    tell(first);
    wire.send({ kind: "Play" });
    expect(steps.heard.map(({ kind }) => kind)).toEqual(["Pause", "Play"]);
    workers[0]!.says({ news: "ready" });
    expect(steps.ended).toBe(true);
    expect(workers[0]!.commands.map(({ kind }) => kind)).toEqual(["Open", "Play"]);
    expect(workers[0]!.commands[0]).toMatchObject({ link: "step=7" });
    tell(first); // too late
    workers[0]!.says(frame({ kind: "Hello" }));
    workers[0]!.says(frame({ kind: "Frame", seq: 1, step: 3, busy: true }));
    expect(said).toEqual(["Frame"]); // until it is at the same step
    expect(workers[0]!.commands.at(-1)).toEqual({ kind: "Ack", seq: 1 });
    workers[0]!.says(frame({ kind: "Frame", seq: 2, step: 7, busy: false }));
    expect(said).toEqual(["Frame", "renumbered", "open", "Hello", "Frame", "Frame"]);
  });

  it("that comes after Python is not needed", async () => {
    const steps = new FirstSteps();
    dial(Promise.resolve(steps));
    workers[0]!.says({ news: "ready" });
    await Promise.resolve();
    wire.send({ kind: "Play" });
    expect([steps.ended, steps.heard.length]).toEqual([true, 0]);
    expect(workers[0]!.commands.map(({ kind }) => kind)).toEqual(["Open", "Play"]);
  });

  it("that cannot be loaded is done without", async () => {
    dial(Promise.reject(new Error("first.bin is missing (404)")));
    wire.send({ kind: "Play" });
    await Promise.resolve();
    workers[0]!.says({ news: "ready" });
    expect(workers[0]!.commands.map(({ kind }) => kind)).toEqual(["Open", "Play"]);
  });
});
