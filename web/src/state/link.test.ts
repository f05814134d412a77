import { describe, expect, it } from "vitest";
import { adopt, fileBeside, isForeign, linkOf, mayWrite, stepOfDefaultRun } from "./link";
import type { Frame, Hello } from "../protocol.gen";
import { INITIAL, type State } from "./store";

class Shelf implements Storage {
  #kept = new Map<string, string>();
  get length(): number {
    return this.#kept.size;
  }
  clear(): void {
    this.#kept.clear();
  }
  key(at: number): string | null {
    return [...this.#kept.keys()][at] ?? null;
  }
  getItem(name: string): string | null {
    return this.#kept.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.#kept.set(name, value);
  }
  removeItem(name: string): void {
    this.#kept.delete(name);
  }
}

const SEEN: State = { ...INITIAL, link: "seed=1" };

describe("the address bar", () => {
  it.each(["anna", "", "a&b=c #é", "日本"])("carries the document “%s” that the machine is kept to", (watched) => {
    const link = linkOf({ ...SEEN, watched });
    expect(adopt(`#${link}`, new Shelf()).watched).toBe(watched);
  });

  it("may ask for one figure alone, and names the figures there are", () => {
    expect(adopt("#seed=1&view=attention", new Shelf()).view).toBe("attention");
    expect(adopt("#seed=1", new Shelf()).view).toBeNull();
    expect(adopt("#view=all", new Shelf()).dropped).toEqual([
      "view=all, but a view is one of curve, machine, attention, number, samples",
    ]);
  });

  it.each([
    ["", 0],
    ["seed=42&step=17&at=value%3Aloss", 17],
    ["view=curve&hide=log", 0],
    ["seed=43", null],
    ["n_embd=8", null],
    ["watch=anna", null],
    ["step=1001", null],
    ["step=x", null],
  ])("knows whether “%s” is the default run, and at which step", (link, step) => {
    expect(stepOfDefaultRun(link)).toBe(step);
  });

  it("needs a file beside it where the text was too large", () => {
    expect(fileBeside("seed=1&data=big.txt&sha256=2e33&step=5")).toBe("big.txt");
    expect(fileBeside("seed=1&data=small.txt&text=eNr")).toBe("");
    expect(fileBeside("seed=1")).toBe("");
  });

  it("leaves out a document that is none, or too long for a link", () => {
    expect(linkOf(SEEN)).toBe("seed=1");
    expect(linkOf({ ...SEEN, watched: "a".repeat(201) })).toBe("seed=1");
    expect(adopt("#seed=1", new Shelf()).watched).toBeNull();
  });

  it.each([
    ["at=wte[3,", "at=wte[3,, which is not an address of a number"],
    ["show=all", "show=all, but a machine shows value, grad or delta"],
    ["story=x", "story=x, which is no step of the story"],
  ])("says of “%s” that the page cannot use it, and keeps the rest", (bad, words) => {
    const bar = adopt(`#seed=1&watch=anna&${bad}`, new Shelf());
    expect(bar.dropped).toEqual([words]);
    expect(bar.watched).toBe("anna");
  });

  it("finds nothing wrong with a link of its own", () => {
    const link = linkOf({
      ...SEEN,
      selected: { kind: "grad", name: "wte", index: [1, 2] },
      show: "delta",
      watched: "anna",
    });
    expect(adopt(`#${link}`, new Shelf()).dropped).toEqual([]);
  });

  describe("with a fault in it", () => {
    const faulty: State = { ...SEEN, hello: { notice: "Not all of the link could be used" } as Hello };
    const at = (step: number): State => ({ ...faulty, frame: { step, playing: false, busy: false } as Frame });

    it("stays as it is while only time moves, and is written once something changes", () => {
      const bar = adopt("#seed=x&n_embd=8", new Shelf());
      expect([0, 5, 1000].map((step) => mayWrite(bar, at(step)))).toEqual([false, false, false]);
      expect(mayWrite(bar, { ...at(1000), selected: { kind: "value", name: "loss", index: [] } })).toBe(true);
      expect(mayWrite(bar, at(1000))).toBe(true); // from then on it is the page's
    });

    it("stays as well where only the page cannot use all of it", () => {
      const bar = adopt("#seed=1&show=all", new Shelf());
      expect(mayWrite(bar, SEEN)).toBe(false);
      expect(mayWrite(bar, { ...SEEN, show: "grad" })).toBe(true);
    });

    it("is written at once where there is none", () =>
      expect(mayWrite(adopt("#seed=1", new Shelf()), SEEN)).toBe(true));
  });

  it("tells a link of the reader's hand from its own", () => {
    const bar = adopt("#seed=1", new Shelf());
    expect(isForeign(bar, "#seed=1")).toBe(false);
    expect(isForeign(bar, "#seed=2")).toBe(true);
  });
});
