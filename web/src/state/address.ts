// The address of a number: what of it, where, at which index, as in `grad:layer0.attn.q[3,7]`.

export type Kind = "value" | "grad" | "delta" | "m" | "v";

export type Show = Extract<Kind, "value" | "grad" | "delta">; // what the machine's switch chooses from

export interface Address {
  kind: Kind;
  name: string;
  index: number[];
}

export const KINDS: readonly Kind[] = ["value", "grad", "delta", "m", "v"];
const PATTERN = /^(?:(value|grad|delta|m|v):)?([\w.]+?)(?:\[([\d,]*)\])?$/;

export function formatAddress(address: Address): string {
  const where = address.index.length ? `[${address.index.join(",")}]` : "";
  return `${address.kind}:${address.name}${where}`;
}

/** The address in a text, or null where there is no valid one. Without a kind it is the value. */
export function parseAddress(text: string): Address | null {
  const match = PATTERN.exec(text);
  const name = match?.[2];
  if (!match || !name) return null;
  const kind = KINDS.find((known) => known === match[1]) ?? "value";
  const index = match[3] ? match[3].split(",").map(Number) : [];
  return index.some((i) => !Number.isInteger(i)) ? null : { kind, name, index };
}

export function sameAddress(a: Address | null, b: Address | null): boolean {
  return a === b || (!!a && !!b && formatAddress(a) === formatAddress(b));
}

/** The place of an index in row-major order, or -1 where the shape has no such place. */
export function offsetOf(index: readonly number[], shape: readonly number[]): number {
  if (index.length !== shape.length) return -1;
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const i = index[axis] ?? -1;
    const size = shape[axis] ?? 0;
    if (i < 0 || i >= size) return -1;
    offset = offset * size + i;
  }
  return offset;
}

export function indexOf(offset: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    index.unshift(offset % size);
    offset = Math.floor(offset / size);
  }
  return index;
}
