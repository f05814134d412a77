import { describe, expect, it } from "vitest";
import { adopt, isForeign, linkOf } from "../src/bar";
import { INITIAL, type State } from "../src/store";

class Shelf implements Storage {
  #kept = new Map<string, string>();
  get length(): number { return this.#kept.size; }
  clear(): void { this.#kept.clear(); }
  key(at: number): string | null { return [...this.#kept.keys()][at] ?? null; }
  getItem(name: string): string | null { return this.#kept.get(name) ?? null; }
  setItem(name: string, value: string): void { this.#kept.set(name, value); }
  removeItem(name: string): void { this.#kept.delete(name); }
}

const SEEN: State = { ...INITIAL, link: "seed=1" };

describe("the address bar", () => {
  it.each(["anna", "", "a&b=c #é", "日本"])("carries the document “%s” that the machine is kept to", (watched) => {
    const link = linkOf({ ...SEEN, watched });
    expect(adopt(`#${link}`, new Shelf()).watched).toBe(watched);
  });

  it("leaves out a document that is none, or too long for a link", () => {
    expect(linkOf(SEEN)).toBe("seed=1");
    expect(linkOf({ ...SEEN, watched: "a".repeat(201) })).toBe("seed=1");
    expect(adopt("#seed=1", new Shelf()).watched).toBeNull();
  });

  it("tells a link of the reader's hand from its own", () => {
    const bar = adopt("#seed=1", new Shelf());
    expect(isForeign(bar, "#seed=1")).toBe(false);
    expect(isForeign(bar, "#seed=2")).toBe(true);
  });
});
