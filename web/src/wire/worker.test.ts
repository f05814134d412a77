import { beforeEach, describe, expect, it } from "vitest";
import { frame } from "./fixture";
import type { FromPage, FromWorker } from "./messages";
import { type Line, connect } from "./worker";
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
}

const BEGIN = { python: "https://host/pyodide/", documents: null };

describe("a worker", () => {
  const workers: Worker[] = [];
  const said: string[] = [];
  let wire: Wire;

  beforeEach(() => {
    workers.length = said.length = 0;
    const ears = {
      open: () => ({ kind: "Open" as const, run: "", link: "", still: true }),
      told: ({ event }: { event: { kind: string } }) => said.push(event.kind),
      line: (line: string, reason: string) => said.push(`${line} ${reason}`.trim()),
    };
    wire = connect(() => workers[workers.push(new Worker()) - 1]!, BEGIN, ears);
  });

  it("is told where Python is, then what the page opens, then numbered commands", () => {
    expect(wire.send({ kind: "Play" })).toBe(1);
    expect(wire.send({ kind: "Ack", seq: 2 })).toBe(0);
    const [begin, ...commands] = workers[0]!.heard;
    expect(begin).toEqual(BEGIN);
    expect(commands.map((text) => JSON.parse(text as string))).toEqual([
      { kind: "Open", run: "", link: "", still: true },
      { kind: "Play", id: 1 },
      { kind: "Ack", seq: 2 },
    ]);
  });

  it("says how much of Python has come, and is open with the first event", () => {
    workers[0]!.says({ news: "loading", bytes: 1_250_000, of: 5_400_000 });
    workers[0]!.says({ news: "loading", bytes: 5_400_000, of: 5_400_000 });
    workers[0]!.says(frame({ kind: "Frame" }));
    workers[0]!.says(frame({ kind: "Samples" }));
    expect(said).toEqual(["loading 1.3 of 5.4 MB", "loading starting", "open", "Frame", "Samples"]);
  });

  it("that cannot run Python says why", () => {
    workers[0]!.says({ news: "failed", reason: "pyodide.mjs is missing (404)" });
    workers[0]!.onerror?.({ message: "" } as ErrorEvent);
    expect(said).toEqual(["failed pyodide.mjs is missing (404)", "failed its program could not be loaded"]);
  });

  it("whose run has ended is replaced by a new one when the page asks", () => {
    workers[0]!.says(frame({ kind: "Frame" }));
    workers[0]!.says({ news: "ended", reason: "too much memory" });
    wire.again();
    expect(said).toEqual(["open", "Frame", "ended too much memory"]);
    expect(workers.map((worker) => worker.ended)).toEqual([true, false]);
    expect(workers[1]!.heard.length).toBe(2);
  });
});
