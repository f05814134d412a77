// The fast engine's kernel as plain WebAssembly, over one workspace that its own table divides into
// named arrays: what `engines/fast.py` is in Python, as far as training and looking need it.

import type { Config } from "../protocol.gen";
import type { Tensor } from "../wire/frames";

const ALIGNMENT = 64; // bytes
const PAGE = 65_536;
const NAME_BYTES = 40;
const INFO_BYTES = NAME_BYTES + 4 + 4 + 8 + 3 * 8 + 3 * 8; // ArrayInfo in library.c
const PARAMETER = 0;
const ACTIVATION = 4; // kinds in library.c

interface Exports {
  memory: WebAssembly.Memory;
  __heap_base: WebAssembly.Global<"i32">;
  glass_workspace_size(dims: number): bigint;
  glass_arrays(dims: number, workspace: number, infos: number, capacity: bigint): bigint;
  glass_forward_simd128(dims: number, workspace: number, tokens: number, positions: bigint): number;
  glass_run_simd128(
    dims: number,
    workspace: number,
    schedule: number,
    documents: bigint,
    tokens: number,
    offsets: number,
    start: bigint,
    steps: bigint,
    losses: number,
    done: number,
    reason: number,
  ): void;
}

interface ArrayInfo {
  ndim: number;
  offset: number; // bytes
  strides: number[]; // elements
}

/** A model of `config`, whose documents are `lengths` tokens each. */
export class Kernel {
  #exports: Exports;
  #top: number;
  #dims: number;
  #workspace: number;
  #schedule: number;
  #documents: number;
  #tokens: number;
  #offsets: number;
  #losses: number;
  #done: number;
  #table = new Map<string, ArrayInfo>();
  #begins: number[] = [0];

  constructor(
    instance: WebAssembly.Instance,
    config: Config,
    vocabSize: number,
    lengths: Uint8Array,
    tokens: Uint8Array,
  ) {
    this.#exports = instance.exports as unknown as Exports;
    this.#top = this.#exports.__heap_base.value;
    const { n_layer, n_embd, n_head, block_size, learning_rate, beta1, beta2, eps, num_steps } = config;
    this.#dims = this.#put(Int32Array.of(n_layer, n_embd, n_head, block_size, vocabSize));
    const size = Number(this.#exports.glass_workspace_size(this.#dims));
    this.#workspace = this.#allocate(size);
    this.#readTable();
    this.#schedule = this.#put(Float64Array.of(learning_rate, beta1, beta2, eps, 0));
    this.#view(BigInt64Array, this.#schedule + 32, 1)[0] = BigInt(num_steps);
    for (const length of lengths) this.#begins.push(this.#begins.at(-1)! + length);
    this.#documents = lengths.length;
    this.#tokens = this.#put(Int32Array.from(tokens));
    this.#offsets = this.#put(BigInt64Array.from(this.#begins, BigInt));
    this.#losses = this.#allocate(8 * num_steps);
    this.#done = this.#allocate(16);
  }

  /** Set the parameters of these names and shapes, one after the other; moments and gradients are zero. */
  load(params: readonly { name: string; shape: number[] }[], weights: Float64Array): void {
    let next = 0;
    for (const { name, shape } of params)
      for (const row of this.#rows(PARAMETER, name, shape)) {
        row.set(weights.subarray(next, next + row.length));
        next += row.length;
      }
    this.#view(Float64Array, this.#workspace, 1)[0] = 1; // gradients start from zero
  }

  /** Take `steps` steps after `start`; return their losses, fewer if one would give a number that is not finite. */
  run(start: number, steps: number): Float64Array {
    this.#view(BigInt64Array, this.#done, 2).fill(0n);
    this.#exports.glass_run_simd128(
      this.#dims,
      this.#workspace,
      this.#schedule,
      BigInt(this.#documents),
      this.#tokens,
      this.#offsets,
      BigInt(start),
      BigInt(steps),
      this.#losses,
      this.#done,
      this.#done + 8,
    );
    const done = Number(this.#view(BigInt64Array, this.#done, 1)[0]);
    return this.#view(Float64Array, this.#losses, done).slice();
  }

  /** The tokens of a document. */
  tokens(document: number): Int32Array {
    const [begin, end] = [this.#begins[document]!, this.#begins[document + 1]!];
    return this.#view(Int32Array, this.#tokens + 4 * begin, end - begin).slice();
  }

  /** Compute the activations of a document. */
  forward(document: number): void {
    const positions = this.tokens(document).length - 1;
    const tokens = this.#tokens + 4 * this.#begins[document]!;
    this.#exports.glass_forward_simd128(this.#dims, this.#workspace, tokens, BigInt(positions));
  }

  /** A copy of a parameter, or of an activation of the last forward, in its shape. */
  read(name: string, shape: number[]): Tensor | null {
    const kind = [PARAMETER, ACTIVATION].find((one) => this.#table.has(`${one}:${name}`));
    if (kind === undefined) return null;
    const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
    let next = 0;
    for (const row of this.#rows(kind, name, shape)) {
      data.set(row, next);
      next += row.length;
    }
    return { data, shape };
  }

  /** The rows of the first `shape` of an array, where they lie. */
  *#rows(kind: number, name: string, shape: number[]): Generator<Float64Array> {
    const info = this.#table.get(`${kind}:${name}`);
    if (!info) throw new Error(`the kernel has no array ${name}`);
    const [width = 1, ...outer] = [...shape].reverse();
    const [rows = 1, planes = 1] = outer;
    const strides = info.strides.slice(0, info.ndim - 1).reverse(); // of rows, of planes
    for (let i = 0; i < planes; i++)
      for (let j = 0; j < rows; j++) {
        const at = i * (strides[1] ?? 0) + j * (strides[0] ?? 0);
        yield this.#view(Float64Array, this.#workspace + info.offset + 8 * at, width);
      }
  }

  #readTable(): void {
    const count = this.#exports.glass_arrays(this.#dims, this.#workspace, 0, 0n);
    const infos = this.#allocate(Number(count) * INFO_BYTES);
    this.#exports.glass_arrays(this.#dims, this.#workspace, infos, count);
    for (let i = 0; i < count; i++) {
      const at = infos + i * INFO_BYTES;
      const name = String.fromCharCode(...this.#view(Uint8Array, at, NAME_BYTES)).replace(/\0.*/, "");
      const [kind = 0, ndim = 0] = this.#view(Int32Array, at + NAME_BYTES, 2);
      const [offset = 0, ...more] = Array.from(this.#view(BigInt64Array, at + NAME_BYTES + 8, 7), Number);
      this.#table.set(`${kind}:${name}`, { ndim, offset, strides: more.slice(3) });
    }
  }

  #allocate(bytes: number): number {
    const at = Math.ceil(this.#top / ALIGNMENT) * ALIGNMENT;
    this.#top = at + bytes;
    const { memory } = this.#exports;
    const missing = this.#top - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    return at;
  }

  #put(numbers: Int32Array | Float64Array | BigInt64Array): number {
    const at = this.#allocate(numbers.byteLength);
    const { buffer, byteOffset, byteLength } = numbers;
    this.#view(Uint8Array, at, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
    return at;
  }

  #view<T>(Type: new (buffer: ArrayBuffer, at: number, length: number) => T, at: number, length: number): T {
    return new Type(this.#exports.memory.buffer as ArrayBuffer, at, length);
  }
}
