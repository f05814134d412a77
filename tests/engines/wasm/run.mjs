// Trains with the kernel as WebAssembly: node run.mjs glass.wasm task.json > result.json
// The task holds sizes, initial weights in parameter order, documents as tokens, and the schedule.
import { readFileSync } from "node:fs";

const [wasm, taskFile] = process.argv.slice(2);
const task = JSON.parse(readFileSync(taskFile, "utf8"));
const { instance } = await WebAssembly.instantiate(readFileSync(wasm), {});
const kernel = instance.exports;

let top = kernel.__heap_base.value;
function allocate(bytes) {
  top = (top + 63) & ~63;
  const at = top;
  top += bytes;
  const missing = top - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65536));
  return at;
}
function put(Type, numbers) {
  const at = allocate(numbers.length * Type.BYTES_PER_ELEMENT);
  new Type(kernel.memory.buffer, at, numbers.length).set(numbers);
  return at;
}

const dims = put(Int32Array, task.dims);
const size = Number(kernel.glass_workspace_size(dims));
const workspace = allocate(size);
const infoBytes = 40 + 4 + 4 + 8 + 24 + 24; // ArrayInfo in library.c
const count = Number(kernel.glass_arrays(dims, workspace, 0, 0n));
const infos = allocate(count * infoBytes);
kernel.glass_arrays(dims, workspace, infos, BigInt(count));

function load(weights) {
  new Uint8Array(kernel.memory.buffer, workspace, size).fill(0);
  const view = new DataView(kernel.memory.buffer, infos);
  let next = 0;
  for (let i = 0; i < count; i++) {
    const at = i * infoBytes;
    if (view.getInt32(at + 40, true) !== 0) continue; // parameters are kind 0
    const number = (k) => Number(view.getBigInt64(at + 48 + 8 * k, true));
    const [offset, rows, columns, , stride] = [0, 1, 2, 3, 4].map(number);
    for (let r = 0; r < rows; r++, next += columns)
      new Float64Array(kernel.memory.buffer, workspace + offset + 8 * r * stride, columns).set(
        weights.slice(next, next + columns),
      );
  }
  if (next !== weights.length) throw new Error(`${next} weights placed of ${weights.length}`);
}

const schedule = allocate(40);
new Float64Array(kernel.memory.buffer, schedule, 4).set(task.schedule.slice(0, 4));
new BigInt64Array(kernel.memory.buffer, schedule + 32, 1)[0] = BigInt(task.schedule[4]);
const tokens = put(Int32Array, task.tokens);
const offsets = put(BigInt64Array, task.offsets.map(BigInt));
const losses = allocate(8 * task.steps);
const reason = allocate(4);

function run() {
  load(task.weights);
  const began = performance.now();
  kernel.glass_run_simd128(
    dims, workspace, schedule, BigInt(task.offsets.length - 1), tokens, offsets, 0n,
    BigInt(task.steps), losses, reason,
  );
  return (1000 * (performance.now() - began)) / task.steps;
}
const times = Array.from({ length: 8 }, run);
const found = Array.from(new Float64Array(kernel.memory.buffer, losses, task.steps));
console.log(JSON.stringify({ losses: found, microseconds: Math.min(...times.slice(1)) }));
