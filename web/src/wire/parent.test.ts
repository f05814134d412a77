import { describe, expect, it } from "vitest";
import type { Command } from "../protocol.gen";
import { frame } from "./fixture";
import { type Parent, connect } from "./parent";

describe("the page around this one", () => {
  it("is told what to open, then numbered commands; it tells events, selections and the end", () => {
    const heard: Command[] = [];
    const said: string[] = [];
    let hear: (message: never) => void = () => undefined;
    const parent: Parent = {
      postMessage: (text) => heard.push(JSON.parse(text as string) as Command),
      listen: (ear) => (hear = ear as typeof hear),
    };
    const wire = connect(
      parent,
      {
        open: () => ({ kind: "Open", run: "", link: "", still: true }),
        told: ({ event }) => said.push(event.kind),
        renumbered: () => undefined,
        line: (line, reason) => said.push(`${line} ${reason}`.trim()),
      },
      (address) => said.push(`select ${address}`),
    );
    expect(wire.send({ kind: "Play" })).toBe(1);
    expect(wire.send({ kind: "Ack", seq: 3 })).toBe(0);
    expect(heard).toEqual([
      { kind: "Open", run: "", link: "", still: true },
      { kind: "Play", id: 1 },
      { kind: "Ack", seq: 3 },
    ]);
    hear(frame({ kind: "Frame" }) as never);
    hear({ select: "wte[1,2]" } as never);
    hear({ ended: "the kernel was restarted" } as never);
    expect(said).toEqual(["open", "Frame", "select wte[1,2]", "ended the kernel was restarted"]);
  });
});
