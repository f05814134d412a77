// Trains with the kernel alone until Python has been loaded. It holds no mathematics: the kernel
// computes, and the file of `browser/first.py` has the weights, the documents and the rates.

import { CREDITS, type Command, type First, type Frame, type Open } from "../protocol.gen";
import { type Tensor, type Told, decode } from "../wire/frames";
import { unpacked } from "../worker/files";
import { Kernel } from "./kernel";

const LAG = 1; // seconds of steps that it may be behind before it drops them
const SLICE = 8; // ms of training at a time
const AT_ONCE = 20; // steps between two looks at the clock

// Commands that change nothing: time need not wait with them for Python.
const ASIDE: ReadonlySet<Command["kind"]> = new Set([
  "Watch",
  "Explain",
  "Read",
  "Tokenize",
  "Consider",
  "Sample",
  "Preview",
  "Spell",
]);

/** What the prelude hands over: how Python goes on from where it stands. */
export interface HandOver {
  open: Open;
  commands: { command: Command; file?: Uint8Array }[];
}

export class Prelude {
  #first: First;
  #kernel: Kernel;
  #rates: Float64Array;
  #losses: number[] = [];
  #step: number;
  #playing: boolean;
  #held = false; // a command waits that is to act at the step that its sender saw
  #pace: number;
  #started = 0; // the time from which steps are due, and how many have been taken since
  #taken = 0;
  #watched: string[];
  #sent = 0;
  #drawn = 0;
  #shown = 0; // losses that the page has
  #current = false; // whether the page has the present numbers
  #waiting: HandOver["commands"] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    instance: WebAssembly.Instance,
    file: ArrayBuffer,
    private open: Open,
    step: number,
    private tell: (told: Told) => void,
  ) {
    const { event, arrays } = decode(file) as unknown as { event: First; arrays: Map<string, Tensor> };
    const data = (name: string): never => arrays.get(name)?.data as never;
    const { hello } = event;
    this.#first = event;
    this.#rates = data("rates");
    this.#kernel = new Kernel(instance, hello.config, hello.characters.length + 1, data("lengths"), data("tokens"));
    this.#kernel.load(hello.params, data("weights"));
    this.#watched = event.watched;
    this.#playing = !open.still && !/(^|&)step=/.test(open.link ?? "");
    this.#losses.push(...this.#kernel.run(0, step));
    this.#step = step;
    this.#pace = hello.pace;
    this.#restart();
    tell({ event: { ...hello, run: open.run ?? "" }, arrays: new Map() });
    this.#tick();
  }

  /** Take a command: those of time are executed, the others wait for Python. */
  hear(command: Command, file?: Uint8Array): void {
    if (command.kind === "Ack") this.#drawn = Math.max(this.#drawn, Math.min(command.seq, this.#sent));
    else if (this.#waiting.some(({ command }) => !ASIDE.has(command.kind)) || !this.#obeys(command))
      this.#waiting.push({ command, file });
    else this.#restart();
  }

  /** Execute a command of time; return false for any other. */
  #obeys(command: Command): boolean {
    if (command.kind === "Play" || command.kind === "Pause") this.#playing = command.kind === "Play";
    else if (command.kind === "Pace") this.#pace = command.steps_per_second;
    else if (command.kind === "Watch") this.#watched = command.arrays;
    else if (!ASIDE.has(command.kind)) this.#held = true;
    this.#current = false;
    return command.kind === "Play" || command.kind === "Pause" || command.kind === "Pace";
  }

  /** Stop, and return what Python continues from. */
  end(): HandOver {
    clearTimeout(this.#timer);
    const open: Open = { ...this.open, link: `step=${this.#step}`, still: true };
    const commands: HandOver["commands"] = [{ command: { kind: "Pace", steps_per_second: this.#pace } }];
    if (this.#playing) commands.push({ command: { kind: "Play" } });
    return { open, commands: [...commands, ...this.#waiting] };
  }

  #restart(): void {
    this.#started = performance.now();
    this.#taken = 0;
  }

  #tick = (): void => {
    if (this.#playing && !this.#held) this.#train(this.#due());
    if (!this.#current && this.#sent - this.#drawn < CREDITS) this.#show();
    this.#timer = setTimeout(this.#tick, 8);
  };

  #due(): number {
    const left = this.#first.hello.config.num_steps - this.#step;
    if (!this.#pace) return left;
    const due = Math.floor(((performance.now() - this.#started) / 1000) * this.#pace) - this.#taken;
    if (due <= Math.max(1, LAG * this.#pace)) return Math.min(due, left);
    this.#restart();
    return Math.min(1, left);
  }

  #train(steps: number): void {
    const end = performance.now() + SLICE;
    while (steps > 0 && performance.now() < end) {
      const some = Math.min(steps, AT_ONCE);
      const losses = this.#kernel.run(this.#step, some);
      this.#losses.push(...losses);
      this.#step += losses.length;
      this.#taken += losses.length;
      steps -= some;
      this.#current = false;
      if (losses.length < some) this.#playing = false; // Python says why
    }
    if (this.#step === this.#first.hello.config.num_steps) this.#playing = false;
  }

  #show(): void {
    this.#kernel.forward(this.#step);
    const { hello } = this.#first;
    const tokens = this.#kernel.tokens(this.#step);
    const arrays = new Map<string, Tensor>();
    if (this.#losses.length > this.#shown) {
      arrays.set("losses", flat(this.#losses.slice(this.#shown)));
      arrays.set("rates", flat(this.#rates.slice(this.#shown, this.#losses.length)));
    }
    for (const name of this.#watched) {
      const shape = this.#shape(name, tokens.length - 1);
      const tensor = shape && this.#kernel.read(name.replace("value:", ""), shape);
      if (tensor) arrays.set(name, tensor);
    }
    const frame: Frame = {
      kind: "Frame",
      seq: (this.#sent += 1),
      step: this.#step,
      reached: this.#step,
      playing: this.#playing,
      busy: false,
      pace: this.#pace,
      speed: this.#playing ? this.#taken / Math.max(0.001, (performance.now() - this.#started) / 1000) : 0,
      rate: this.#rates[this.#step]!,
      document: [...tokens].flatMap((id) => hello.characters[id] ?? []).join(""),
      tokens: [...tokens],
      watching: false,
      first: this.#shown,
      arrays: [...arrays].map(([name, { shape }]) => ({ name, dtype: "f8", shape })),
    };
    this.#shown = this.#losses.length;
    this.#current = true;
    this.tell({ event: frame, arrays });
  }

  /** The shape of the value of a parameter or site, for a document of this many positions. */
  #shape(name: string, positions: number): number[] | null {
    const { config, params, sites, characters } = this.#first.hello;
    const [, rest] = /^value:([^[]+)$/.exec(name) ?? [];
    const param = params.find((one) => one.name === rest);
    const site = sites.find((one) => one.name === rest);
    const sizes: Record<string, number> = {
      T: positions,
      S: positions,
      C: config.n_embd,
      H: config.n_head,
      F: 4 * config.n_embd,
      V: characters.length + 1,
    };
    return param?.shape ?? site?.axes.map((axis) => sizes[axis]!) ?? null;
  }
}

function flat(numbers: ArrayLike<number>): Tensor {
  return { data: Float64Array.from(numbers), shape: [numbers.length] };
}

/** Load kernel and run from the folder of Python's files, and begin at `step`. */
export async function beginPrelude(
  folder: string,
  open: Open,
  step: number,
  tell: (told: Told) => void,
): Promise<Prelude> {
  const bytes = async (name: string): Promise<ArrayBuffer> =>
    new Response(await unpacked(`${folder}${name}.gz`, () => undefined)).arrayBuffer();
  const [wasm, first] = await Promise.all([bytes("glass.wasm"), bytes("first.bin")]);
  const { instance } = await WebAssembly.instantiate(wasm, {});
  return new Prelude(instance, first, open, step, tell);
}
