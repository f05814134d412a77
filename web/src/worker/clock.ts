// Pauses and sleeps for Python's loop, which would keep the page's messages waiting with its own.

export class Clock {
  #channel = new MessageChannel();
  #paused: (() => void)[] = [];
  #rung = false;
  #end: ((woken: boolean) => void) | null = null;

  constructor() {
    this.#channel.port1.onmessage = () => this.#paused.shift()?.();
  }

  /** Let the messages that have arrived be taken. */
  pause = (): Promise<void> =>
    new Promise((resolve) => {
      this.#paused.push(resolve);
      this.#channel.port2.postMessage(0);
    });

  /** Sleep until `wake`, at most `seconds` unless they are negative; resolves to whether it was woken. */
  sleep = (seconds: number): Promise<boolean> =>
    new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const end = (woken: boolean): void => {
        clearTimeout(timer);
        this.#end = null;
        this.#rung = false;
        resolve(woken);
      };
      if (this.#rung) return end(true);
      this.#end = end;
      if (seconds >= 0) timer = setTimeout(() => end(false), 1000 * seconds);
    });

  /** End the sleep; if there is none, the next one ends at once. */
  wake = (): void => {
    this.#rung = true;
    this.#end?.(true);
  };
}
