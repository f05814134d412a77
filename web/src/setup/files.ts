// Files that a reader brings: a run's checkpoint, or a text to learn from.

export interface Brought {
  name: string;
  bytes: Uint8Array;
}

/** Is it a safetensors file: a u64 length of a JSON header, then the header? No text begins like that. */
export function isCheckpoint(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);
}

/** Read what was chosen or dropped; a sentence where that cannot be taken. */
export async function read(
  files: ArrayLike<File> | null | undefined,
): Promise<Brought | { problem: string; hint: string } | null> {
  const first = files?.[0];
  if (!files || !first) return null;
  if (files.length > 1)
    return {
      problem: `${files.length} files were dropped, but a run learns from one`,
      hint: "drop one text file, or one checkpoint",
    };
  const octets = await first.arrayBuffer().catch(() => null);
  if (!octets)
    return { problem: `${first.name} cannot be read`, hint: "choose a text file, or a checkpoint that was saved here" };
  return { name: first.name, bytes: new Uint8Array(octets) };
}
