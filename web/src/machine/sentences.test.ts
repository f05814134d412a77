import { describe, expect, it } from "vitest";
import type { Frame, ValidationLoss, Hello, SiteFacts } from "../protocol.gen";
import { EMPTY, extended } from "../state/series";
import { INITIAL, type State } from "../state/store";
import { validationTexts, inWords, whoseLoss } from "./sentences";

const judged = (documents: number, seen: number): ValidationLoss => ({
  kind: "ValidationLoss",
  seq: 1,
  step: 1,
  loss: 2,
  documents,
  seen,
  engine: "fast",
});

describe("the validation loss", () => {
  it("says in plain words whether the run has learned from equal texts", () => {
    expect(validationTexts(judged(516, 0))).toBe("516 documents it has not seen");
    expect(validationTexts(judged(8, 3))).toBe("8 documents, but it has also learned from texts equal to 3 of them");
    expect(validationTexts(judged(1, 1))).toBe("1 document, but it has also learned from the same text");
    expect(validationTexts(judged(8, 8))).toBe("8 documents, but it has also learned from the same texts");
  });
});

describe("whose loss is shown", () => {
  const frame = { step: 2, document: "cara", watching: false, playing: false, busy: false } as Frame;
  const still: State = {
    ...INITIAL,
    frame,
    hello: { begin: 0, documents: 3 } as Hello,
    documents: new Map([
      [0, "anna"],
      [1, "bob"],
      [2, "cara"],
    ]),
    losses: extended(EMPTY, 0, [3.25, 2.5]),
  };

  it("is told of the document in the machine and of the one at the top, while time stands", () => {
    expect(whoseLoss(still)).toBe(
      "This is the loss of “cara”, which comes next. The loss of “bob”, which it learned last, was 2.5000.",
    );
    expect(whoseLoss({ ...still, frame: { ...frame, playing: true } })).toBe("");
  });

  it("is only of the document in the machine where nothing was learned, or it is not known what", () => {
    expect(whoseLoss({ ...still, frame: { ...frame, step: 0, document: "anna" } })).toBe(
      "This is the loss of “anna”, which comes next.",
    );
    expect(whoseLoss({ ...still, documents: new Map() })).toBe("This is the loss of “cara”, which comes next.");
    expect(whoseLoss({ ...still, documents: new Map(), frame: { ...frame, watching: true } })).toBe(
      "This is the loss of “cara”, to which the machine is fixed.",
    );
  });
});

describe("where a number is", () => {
  it("is told by its row, and by its place where it has one", () => {
    const sites = new Map(
      Object.entries({ loss: [], losses: ["T"] }).map(([name, axes]) => [name, { name, axes } as unknown as SiteFacts]),
    );
    const state: State = {
      ...INITIAL,
      sites,
      frame: { tokens: [1, 0, 1] } as Frame,
      hello: { characters: ["a"] } as Hello,
    };
    expect(inWords({ kind: "value", name: "loss", index: [] }, state)).toBe("mean");
    expect(inWords({ kind: "value", name: "losses", index: [1] }, state)).toBe("surprise: position 1 (a)");
  });
});
