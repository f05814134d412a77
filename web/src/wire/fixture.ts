// A frame as Python sends it, for the tests.

export function frame(head: object, ...bodies: Uint8Array[]): ArrayBuffer {
  let text = JSON.stringify(head);
  text += " ".repeat((8 - ((text.length + 4) % 8)) % 8);
  const bytes = [...new TextEncoder().encode(text)];
  const all = [bytes.length & 255, (bytes.length >> 8) & 255, 0, 0, ...bytes, ...bodies.flatMap((body) => [...body])];
  return new Uint8Array(all).buffer;
}
