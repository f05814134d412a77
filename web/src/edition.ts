// Which edition of the page this is: with a server, or without, where Python runs in a worker.

import type { Begin } from "./wire/messages";

/** Where Python's files are, as `glassgpt site` has written it into the page; null with a server. */
export function site(): Begin | null {
  const python = content("python");
  if (!python) return null;
  const documents = content("documents");
  return { python: absolute(python), documents: documents ? absolute(documents) : null };
}

/** The link of the run that a cell of a notebook shows; null on a page of its own. */
export function inNotebook(): string | null {
  return content("notebook") ?? null;
}

function content(name: string): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="glassgpt-${name}"]`)?.content;
}

function absolute(path: string): string {
  return new URL(path, document.baseURI).href;
}

/** Have a static site's files kept, so that a later visit needs no network. */
export async function keepOffline(): Promise<void> {
  if (!isSecureContext || !("serviceWorker" in navigator)) return; // as over plain http from another machine
  await navigator.serviceWorker.register("offline.js").catch(() => undefined); // a visitor may forbid it
}
