import { describe, expect, it } from "vitest";
import type { HeldOut } from "../src/protocol.gen";
import { heldOutOf } from "../src/views/words";

const judged = (documents: number, seen: number): HeldOut => ({ kind: "HeldOut", seq: 1, step: 1, loss: 2, documents, seen, engine: "fast" });

describe("the held-out loss", () => {
  it("says in plain words whether the run has learned from equal texts", () => {
    expect(heldOutOf(judged(516, 0))).toBe("516 documents it has not seen");
    expect(heldOutOf(judged(8, 3))).toBe("8 documents, but it has also learned from texts equal to 3 of them");
    expect(heldOutOf(judged(8, 8))).toBe("8 documents, but it has also learned from the same texts");
  });
});
