// Keeping things: files from the player, and figures as pictures.

import type { Numbers } from "./wire";

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
