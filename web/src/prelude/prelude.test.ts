// With the files that tools/build_python.py builds; what they compute is compared with Python's in tests/e2e.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Command, type Frame, type Open } from "../protocol.gen";
import type { Told } from "../wire/frames";
import { Prelude } from "./prelude";

const FILES = join(import.meta.dirname, "../../../src/glassgpt/pyodide");
const OPEN: Open = { kind: "Open", run: "a1", link: "", still: false };

function file(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gunzipSync(readFileSync(join(FILES, `${name}.gz`))));
}

describe.skipIf(!existsSync(FILES))("the first steps", () => {
  const told: Told[] = [];
  let prelude: Prelude;

  async function begin(open: Open, step = 0): Promise<void> {
    told.length = 0;
    const { instance } = await WebAssembly.instantiate(file("glass.wasm"), {});
    prelude = new Prelude(instance, file("first.bin").buffer, open, step, (one) => told.push(one));
  }

  function frames(): Frame[] {
    return told.map(({ event }) => event).filter((event): event is Frame => event.kind === "Frame");
  }

  function draw(): void {
    prelude.hear({ kind: "Ack", seq: frames().at(-1)!.seq });
  }

  async function lasts(seconds: number): Promise<void> {
    for (let i = 0; i < 100 * seconds; i++) {
      await vi.advanceTimersByTimeAsync(10);
      draw();
    }
  }

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    await begin(OPEN);
  });
  afterEach(() => {
    prelude.end();
    vi.useRealTimers();
  });

  it("are taken at the pace, each loss is sent once", async () => {
    await lasts(2);
    expect(told[0]?.event).toMatchObject({ kind: "Hello", run: "a1" });
    expect(frames().at(-1)!.step).toBeGreaterThan(190);
    const losses = told.flatMap(({ arrays }) => [...(arrays.get("losses")?.data ?? [])]);
    expect(losses.length).toBe(frames().at(-1)!.step);
    expect(losses[0]).toBeCloseTo(Math.log(27), 0);
    expect(losses.slice(-50).reduce((a, b) => a + b) / 50).toBeLessThan(
      losses.slice(0, 20).reduce((a, b) => a + b) / 20,
    );
  });

  it("are shown no faster than the page draws", async () => {
    await vi.advanceTimersByTimeAsync(500);
    expect(frames().length).toBe(2);
    draw();
    await vi.advanceTimersByTimeAsync(500);
    expect(frames().length).toBe(4);
  });

  it("wait while a page stands still, with every value in its shape", async () => {
    prelude.end();
    await begin({ ...OPEN, still: true });
    await lasts(1);
    expect(frames().map(({ step }) => step)).toEqual([0]);
    const { arrays } = told.at(-1)!;
    const positions = frames()[0]!.tokens.length - 1;
    expect(arrays.get("value:wte")?.shape).toEqual([27, 16]);
    expect(arrays.get("value:layer0.attn.weights")?.shape).toEqual([4, positions, positions]);
    expect(arrays.get("value:loss")?.shape).toEqual([]);
    expect(arrays.size).toBeGreaterThan(30);
  });

  it("begin at the step of a link, and wait there", async () => {
    prelude.end();
    await begin({ ...OPEN, link: "seed=42&step=300" }, 300);
    await lasts(1);
    expect(frames().map(({ step, playing }) => [step, playing])).toEqual([[300, false]]);
    expect(told.at(-1)!.arrays.get("losses")?.data.length).toBe(300);
  });

  it("go to the end at once where no pace is set", async () => {
    prelude.hear({ kind: "Pace", steps_per_second: 0 });
    await lasts(1);
    expect(frames().at(-1)).toMatchObject({ step: 1000, playing: false, rate: 0 });
  });

  it("end where Python goes on", async () => {
    await lasts(0.5);
    prelude.hear({ kind: "Pace", steps_per_second: 50 });
    const { open, commands } = prelude.end();
    expect(open).toEqual({ ...OPEN, link: `step=${frames().at(-1)!.step}`, still: true });
    expect(commands.map(({ command }) => command)).toEqual([{ kind: "Pace", steps_per_second: 50 }, { kind: "Play" }]);
    const { length } = told;
    await vi.advanceTimersByTimeAsync(1000);
    expect(told.length).toBe(length);
  });

  it("stop for a command that only Python can execute, and what is said after it waits too", async () => {
    await lasts(0.5);
    const edit: Command = { kind: "Edit", param: "wte", row: 0, column: 0, value: 1, id: 4 };
    const watch: Command = { kind: "Watch", arrays: ["value:wte", "grad:wte"] };
    prelude.hear(watch);
    await lasts(0.1);
    expect(
      frames()
        .at(-1)!
        .arrays.map(({ name }) => name),
    ).toContain("value:wte");
    prelude.hear(edit);
    const { step } = frames().at(-1)!;
    prelude.hear({ kind: "Pause" });
    await lasts(0.5);
    expect(frames().at(-1)!.step).toBeLessThanOrEqual(step + 1);
    const kinds = prelude.end().commands.map(({ command }) => command.kind);
    expect(kinds).toEqual(["Pace", "Play", "Watch", "Edit", "Pause"]);
  });
});
