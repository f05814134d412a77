// The wire between the page and its run, which is in a server or in a worker of the page.

import type { Command, Open } from "../protocol.gen";
import type { Told } from "./frames";

/**
 * `loading`: Python is on its way, the reason says how far; `refused`: the server answers, but not this page;
 * `ended`: the run has ended; `stale`: the server is of another version; `failed`: Python cannot run here.
 */
export type Line = "connecting" | "loading" | "open" | "lost" | "refused" | "taken" | "ended" | "stale" | "failed";

export interface Ears {
  /** What to say first; asked again whenever the line comes back. */
  open(): Open;
  told(told: Told): void;
  /** The numbers of events begin again at 1: somebody else sends them now. */
  renumbered(): void;
  line(line: Line, reason: string): void;
}

export interface Wire {
  /** Returns the id that answers name, 0 for what is not sent. */
  send(command: Command, file?: Uint8Array): number;
  again(): void;
}
