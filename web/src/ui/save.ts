// Keeping things: files from the player, and figures as pictures.

import type { Numbers } from "../wire/frames";

/** What is drawn, and how it is kept. */
export interface Picture {
  picture(): HTMLCanvasElement;
  svg?(): string; // where it has one
}

export const pictures = new Map<string, Picture>(); // of all that is drawn now, by `kind:name`
const ENLARGED = 4; // a saved picture is this many times as large as on the page

/** Return a canvas that `paint` has painted, enlarged. */
export function enlarged(
  width: number,
  height: number,
  paint: (pen: CanvasRenderingContext2D) => void,
): HTMLCanvasElement {
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [Math.ceil(ENLARGED * width), Math.ceil(ENLARGED * height)];
  const pen = sheet.getContext("2d");
  pen?.scale(ENLARGED, ENLARGED);
  if (pen) paint(pen);
  return sheet;
}

/** Let a figure be kept while it is drawn; return what ends that. */
export function keepable(key: string, picture: Picture): () => void {
  pictures.set(key, picture);
  return () => {
    if (pictures.get(key) === picture) pictures.delete(key);
  };
}

export function save(name: string, type: string, bytes: Numbers | string | undefined): void {
  if (bytes === undefined) return;
  const part = typeof bytes === "string" ? bytes : new Uint8Array(bytes as Uint8Array<ArrayBuffer>);
  offer(name, new Blob([part], { type }));
}

export function offer(name: string, blob: Blob): void {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

export function savePicture(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => blob && offer(`${name.replaceAll(":", "-")}.png`, blob), "image/png");
}
