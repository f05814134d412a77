import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Clock } from "./clock";

describe("a pause", () => {
  it("lets the messages be taken that were sent before it", async () => {
    const { port1, port2 } = new MessageChannel();
    const taken: unknown[] = [];
    port1.onmessage = ({ data }) => taken.push(data);
    port2.postMessage("Play");
    await new Clock().pause();
    await new Clock().pause();
    expect(taken).toEqual(["Play"]);
    port1.close();
  });

  it("ends in the order in which it began", async () => {
    const clock = new Clock();
    const ended: number[] = [];
    await Promise.all([1, 2, 3].map((i) => clock.pause().then(() => ended.push(i))));
    expect(ended).toEqual([1, 2, 3]);
  });
});

describe("a sleep", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("ends when its time is over", async () => {
    const slept = new Clock().sleep(0.5);
    await vi.advanceTimersByTimeAsync(499);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await slept).toBe(false);
  });

  it("is ended by a wake, and leaves no timer", async () => {
    const clock = new Clock();
    const slept = clock.sleep(60);
    clock.wake();
    expect(await slept).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("without an end waits for a wake only", async () => {
    const clock = new Clock();
    const slept = clock.sleep(-1);
    expect(vi.getTimerCount()).toBe(0);
    clock.wake();
    expect(await slept).toBe(true);
  });

  it("ends at once after a wake that found none, and the next one does not", async () => {
    const clock = new Clock();
    clock.wake();
    clock.wake();
    expect(await clock.sleep(60)).toBe(true);
    const slept = clock.sleep(0.01);
    await vi.advanceTimersByTimeAsync(10);
    expect(await slept).toBe(false);
  });
});
