// Files of the site, packed by gzip because not every host compresses, and how much of them is here.

/** What `tools/build_python.py` says of its files: their sizes in bytes, packed. */
export interface Manifest {
  lock: { info: object; packages: object };
  sizes: Record<string, number>;
}

/** Fetch a file; raise an error with its address if the host does not have it. */
export async function fetched(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} is missing (${response.status})`);
  return response;
}

/** The unpacked content of a file; `came` is told of each piece that arrives, in packed bytes. */
export async function unpacked(url: string, came: (bytes: number) => void): Promise<ReadableStream<BufferSource>> {
  const response = await fetched(url);
  if (!response.body) throw new Error(`${url} is empty`);
  const reader = response.body.getReader();
  const first = await reader.read();
  const bytes = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(stream) {
      if (first.value) pass(stream, first.value);
      if (first.done) stream.close();
    },
    async pull(stream) {
      const { done, value } = await reader.read();
      if (done) stream.close();
      else pass(stream, value);
    },
  });
  function pass(
    stream: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
    piece: Uint8Array<ArrayBuffer>,
  ): void {
    came(piece.length);
    stream.enqueue(piece);
  }
  return isPacked(first.value) ? bytes.pipeThrough(new DecompressionStream("gzip")) : bytes;
}

/** Whether it begins as gzip does: some hosts have the browser unpack such files already. */
function isPacked(begin: Uint8Array | undefined): boolean {
  return begin?.[0] === 0x1f && begin[1] === 0x8b;
}
