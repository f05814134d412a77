// The wire to a worker of this page, in which Python runs; until it has been loaded, to what stands in.

import type { Command, Event, Open } from "../protocol.gen";
import { type Told, decode, encode } from "./frames";
import type { Begin, FromPage, FromWorker } from "./messages";
import type { Ears, Wire } from "./wire";

/** A worker, or what stands for it in tests. */
export interface Line {
  postMessage(message: FromPage): void;
  onmessage: ((message: MessageEvent<FromWorker>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

/** What takes the first steps until Python has been loaded: `end` stops it, for Python to go on from there. */
export interface StandIn {
  hear(command: Command, file?: Uint8Array): void;
  end(): { open: Open; commands: Said[] };
}

export interface Said {
  command: Command;
  file?: Uint8Array;
}

/** How a worker is started, and what stands in for it, null where nothing can. */
export interface Site {
  begin: Begin;
  start(): Line;
  standIn(open: Open, tell: (told: Told) => void): Promise<StandIn> | null;
}

/** Connect to a new worker, and to another one when the page asks again. */
export function connect(site: Site, ears: Ears): Wire {
  let call = new Call(site, ears);
  let sent = 0; // the id of the last command
  return {
    send(command, file) {
      if (command.kind !== "Ack") command = { ...command, id: (sent += 1) };
      call.say({ command, file });
      return command.kind === "Ack" ? 0 : sent;
    },
    again() {
      call.end();
      call = new Call(site, ears);
    },
  };
}

/** One worker, from its start to its end. */
class Call {
  #ears: Ears;
  #worker: Line;
  #ready = false; // Python has been told what to open
  #open = false; // and has answered
  #held: Told[] | null = null; // its first events, until it has come to the same step
  #wanted: Open;
  #early: Said[] = []; // what is said before anybody can hear it
  #standIn: StandIn | null = null;
  #ended = false;

  constructor(site: Site, ears: Ears) {
    this.#ears = ears;
    this.#wanted = { ...ears.open(), run: newName() }; // of a tab's earlier run nothing is left
    this.#worker = site.start();
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      this.end();
      ears.line(this.#open ? "ended" : "failed", event.message || "its program could not be loaded");
    };
    if (typeof WebAssembly === "undefined") {
      this.end();
      ears.line("failed", "this browser has no WebAssembly, or it is switched off");
      return;
    }
    this.#worker.postMessage(site.begin);
    site
      .standIn(this.#wanted, (told) => this.#ready || this.#ended || ears.told(told))
      ?.then(
        (standIn) => this.#enter(standIn),
        () => undefined, // Python comes without it, only later
      );
  }

  say(said: Said): void {
    if (this.#ready) this.#worker.postMessage(encode(said.command, said.file));
    else if (this.#standIn) this.#standIn.hear(said.command, said.file);
    else this.#early.push(said);
  }

  end(): void {
    this.#ended = true;
    this.#standIn?.end();
    this.#worker.terminate();
  }

  #enter(standIn: StandIn): void {
    if (this.#ready || this.#ended) {
      standIn.end();
      return;
    }
    this.#standIn = standIn;
    for (const { command, file } of this.#early.splice(0)) standIn.hear(command, file);
  }

  #hear(data: FromWorker): void {
    if (data instanceof ArrayBuffer) this.#told(decode(data));
    else if (data.news === "loading") this.#ears.line("loading", loaded(data.bytes, data.of));
    else if (data.news === "ready") this.#goOn();
    else {
      if (data.news === "failed") this.#worker.terminate(); // what still loads is of no use
      this.#ears.line(data.news, data.reason);
    }
  }

  /** Have Python open the run, where the stand-in has come to. */
  #goOn(): void {
    const { open, commands } = this.#standIn?.end() ?? { open: this.#wanted, commands: this.#early };
    this.#ready = true;
    if (this.#standIn) this.#held = [];
    for (const { command, file } of [{ command: open, file: undefined }, ...commands])
      this.#worker.postMessage(encode(command, file));
    this.#standIn = null;
  }

  #told(told: Told): void {
    if (this.#held && !isThere(told.event)) {
      this.#held.push(told);
      if ("seq" in told.event) this.say({ command: { kind: "Ack", seq: told.event.seq } });
      return;
    }
    const all = [...(this.#held ?? []), told];
    if (this.#held) this.#ears.renumbered();
    this.#held = null;
    if (!this.#open) this.#ears.line("open", "");
    this.#open = true;
    all.forEach((one) => this.#ears.told(one));
  }
}

/** A name that no run had before; `crypto.randomUUID` is missing on a host without https. */
function newName(): string {
  return Date.now().toString(36) + Math.random().toString(36).slice(2);
}

/** Whether Python has come to the step of the stand-in, or says why it cannot. */
function isThere(event: Event): boolean {
  return event.kind === "Frame" ? !event.busy : event.kind === "Refused" || event.kind === "Stopped";
}

function loaded(bytes: number, of: number): string {
  const megabytes = (n: number): string => (n / 1e6).toFixed(1);
  return bytes < of ? `${megabytes(bytes)} of ${megabytes(of)} MB` : "starting";
}
