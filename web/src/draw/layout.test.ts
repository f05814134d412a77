import { describe, expect, it } from "vitest";
import { type Plan, apart, bands, boxOf, columns, hit, likeliest, maps, matrix, strip, ticks, wrap } from "./layout";
import type { SiteFacts } from "../protocol.gen";

const plans: [string, Plan, number][] = [
  ["a strip", strip(columns(600, 9), 7, 16, 13), 7 * 16],
  ["a wrapped strip", strip(columns(300, 6), 5, 256, 13), 5 * 256],
  ["a strip whose last row is not full", strip(columns(300, 6), 5, 13, 13), 5 * 13],
  ["a matrix", matrix(27, 16, 100), 27 * 16],
  ["a matrix that lies", matrix(64, 16, 220), 64 * 16],
  ["a matrix larger than its room", matrix(1024, 256, 220), 1024 * 256],
];

describe("layout", () => {
  it.each(plans)("finds each number of %s where it has put it", (_, plan, size) => {
    for (let offset = 0; offset < size; offset += Math.max(1, Math.floor(size / 500))) {
      const box = boxOf(plan, offset);
      expect(box).not.toBeNull();
      if (box) expect(hit(plan, box.x + box.width / 2, box.y + box.height / 2)).toBe(offset);
    }
    expect(boxOf(plan, size)).toBeNull();
  });

  it.each(plans)("keeps %s inside its picture", (_, plan) => {
    for (const block of plan.blocks) {
      expect(block.x + block.width).toBeLessThanOrEqual(plan.width + 1e-9);
      expect(block.y + block.height).toBeLessThanOrEqual(plan.height + 1e-9);
    }
  });

  it("shows of a map only what can be seen", () => {
    const plan = maps(600, 4, 5, 8);
    for (let h = 0; h < 4; h++) {
      for (let t = 0; t < 5; t++) {
        const box = boxOf(plan, h * 25 + t * 5 + t);
        if (box) expect(hit(plan, box.x + box.width / 2, box.y + box.height / 2)).toBe(h * 25 + t * 5 + t);
      }
      const future = boxOf(plan, h * 25 + 4);
      if (future) expect(hit(plan, future.x + future.width / 2, future.y + future.height / 2, 1)).toBe(-1);
    }
  });

  it("picks the nearest cell for a finger beside it, and none far away", () => {
    const plan = matrix(4, 4, 40);
    expect(hit(plan, -5, 2)).toBe(0);
    expect(hit(plan, -50, 2)).toBe(-1);
  });

  it("breaks long rows evenly", () => {
    expect(wrap(16, 48)).toEqual({ rows: 1, cols: 16 });
    expect(wrap(64, 48)).toEqual({ rows: 4, cols: 16 });
    expect(wrap(27, 30)).toEqual({ rows: 3, cols: 9 });
    expect(wrap(13, 10)).toEqual({ rows: 3, cols: 5 }); // or else 13 rows of one cell
  });

  it.each([3001, 20001])("draws %d tokens no taller than a screen", (tokens) => {
    const plan = strip(columns(900, 16), 16, tokens, 13);
    expect(plan.height).toBeLessThanOrEqual(160);
    expect(boxOf(plan, 16 * tokens - 1)).not.toBeNull();
    expect(boxOf(plan, 16 * tokens)).toBeNull();
  });

  it("keeps labels apart, in their order and inside", () => {
    expect(apart([10, 12, 90], 15, 100)).toEqual([10, 25, 90]);
    expect(apart([99, 10, 98], 15, 100)).toEqual([100, 10, 85]);
  });

  it("draws of many tokens the likeliest and the one that was chosen", () => {
    expect(likeliest([0.1, 0.5, 0.2, 0, 0.2], 3, 2)).toEqual([1, 2, 3]);
    expect(likeliest([0.1, 0.9], 0, 2)).toEqual([0, 1]);
  });

  it("finds the stages of a machine by its operations", () => {
    const site = (name: string, op: string, axes = "TC", weight = ""): SiteFacts => ({
      name,
      op,
      axes: [...axes],
      inputs: [],
      sentence: "",
      weight,
    });
    const found = bands([
      site("tok", "embedding", "TC", "wte"),
      site("pos", "embedding", "TC", "wpe"),
      site("embd", "sum"),
      site("norm.scale", "norm_scale", "T"),
      site("norm", "product"),
      site("layer0.attn.norm.scale", "norm_scale", "T"),
      site("layer0.attn.q", "linear", "TC", "layer0.attn_wq"),
      site("layer0.attn.scores", "scores", "HTS"),
      site("layer0.attn.heads", "attend"),
      site("logits", "linear", "TV", "lm_head"),
      site("probs", "softmax", "TV"),
    ]);
    expect(found.map((band) => band.sites.length)).toEqual([5, 2, 1, 1, 2]);
    expect(found.map((band) => band.weights.join())).toEqual(["wte,wpe", "layer0.attn_wq", "", "", "lm_head"]);
    expect(found.map((band) => band.layer)).toEqual([-1, 0, 0, 0, -1]);
  });

  it("names as many steps under the curve as stand clear of each other", () => {
    expect(ticks(1000, 600)).toEqual([0, 200, 400, 600, 800, 1000]);
    expect(ticks(12_000, 288)).toEqual([0, 3000, 6000, 9000, 12_000]);
    expect(ticks(1_000_000, 288)).toEqual([0, 500_000, 1_000_000]);
    expect(ticks(1_000_000, 60)).toEqual([0, 1_000_000]);
    expect(ticks(3, 600)).toEqual([0, 1, 2, 3]);
  });
});
