// Bytes to events, and commands to bytes.

import { type ArrayHead, type Command, type Event } from "../protocol.gen";

export type Numbers = Float64Array | Float32Array | Uint8Array;

export interface Tensor {
  data: Numbers;
  shape: number[];
}

export interface Told {
  event: Event;
  arrays: Map<string, Tensor>;
}

/** What is in a frame: u32 header length, JSON header, arrays each on a multiple of eight bytes. */
export function decode(buffer: ArrayBuffer): Told {
  const length = new DataView(buffer).getUint32(0, true);
  const event = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Event;
  const arrays = new Map<string, Tensor>();
  let offset = 4 + length;
  for (const head of "arrays" in event ? event.arrays : []) {
    const size = head.shape.reduce((a, b) => a * b, 1);
    const data = view(head, buffer, offset, size);
    arrays.set(head.name, { data, shape: head.shape });
    offset += Math.ceil(data.byteLength / 8) * 8;
  }
  return { event, arrays };
}

function view(head: ArrayHead, buffer: ArrayBuffer, offset: number, size: number): Numbers {
  switch (head.dtype) {
    case "f8":
      return new Float64Array(buffer, offset, size);
    case "f4":
      return new Float32Array(buffer, offset, size);
    case "u1":
      return new Uint8Array(buffer, offset, size);
    default:
      throw new Error(`an array of unknown type ${head.dtype}`);
  }
}

/** A command as text, or as a frame where it brings a file along. */
export function encode(command: Command, file?: Uint8Array): string | ArrayBuffer {
  const text = JSON.stringify(command);
  if (!file) return text;
  const head = new TextEncoder().encode(text);
  const bytes = new Uint8Array(4 + head.length + file.length);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  bytes.set(head, 4);
  bytes.set(file, 4 + head.length);
  return bytes.buffer;
}
