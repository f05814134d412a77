// The wire: bytes to events and commands to bytes, over a socket that comes back when it is lost.

import { type ArrayHead, type Command, ENDED, type Event, type Open, TAKEN_OVER, VERSION } from "./protocol.gen";

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

/** `refused`: the server answers, but not this page; `ended`: it has ended the run; `stale`: it is of another version. */
export type Line = "connecting" | "open" | "lost" | "refused" | "taken" | "ended" | "stale";

export interface Ears {
  /** What to say first; asked again whenever the line comes back. */
  open(): Open;
  told(told: Told): void;
  line(line: Line, reason: string): void;
}

export interface Wire {
  /** Returns the id that answers name, 0 for what is not sent. */
  send(command: Command, file?: Uint8Array): number;
  again(): void;
}

const SILENCE = 16_000; // ms without a word; the server says something every five seconds
const FIRST_WAIT = 250;
const LONGEST_WAIT = 4000;

/** Connect, and connect again when the line is lost; what is said meanwhile is dropped. */
export function connect(url: string, ears: Ears): Wire {
  let socket: WebSocket | null = null;
  let wait = FIRST_WAIT;
  let sent = 0; // the id of the last command
  let refused = ""; // why, where the server answers

  function dial(): void {
    const line = new WebSocket(url);
    let silence: ReturnType<typeof setTimeout> | undefined;
    socket = line;
    line.binaryType = "arraybuffer";

    function hear(): void {
      clearTimeout(silence);
      silence = setTimeout(() => lose(line), SILENCE);
    }

    line.onopen = () => {
      wait = FIRST_WAIT;
      refused = "";
      line.send(encode(ears.open()));
      ears.line("open", "");
      hear();
    };
    line.onmessage = (message: MessageEvent<ArrayBuffer | string>) => {
      hear();
      if (typeof message.data === "string") return; // a sign of life
      const told = decode(message.data);
      if (told.event.kind === "Hello" && told.event.version !== VERSION) part(line, told.event.version);
      else ears.told(told);
    };
    line.onclose = (event) => {
      clearTimeout(silence);
      if (socket !== line) return;
      if (event.code !== TAKEN_OVER && event.code !== ENDED) return lose(line);
      socket = null;
      ears.line(event.code === ENDED ? "ended" : "taken", event.reason);
    };
  }

  /** Give a connection up for good: this page cannot read what a server of another version sends. */
  function part(line: WebSocket, version: number): void {
    socket = null;
    line.close();
    ears.line("stale", `the page speaks version ${VERSION} of the protocol, the server version ${version}`);
  }

  /** Give a line up, say why, and try again. */
  function lose(line: WebSocket): void {
    if (socket !== line) return;
    socket = null;
    line.close();
    if (!refused) ears.line("lost", "");
    void refusal(url).then((reason) => {
      if (socket?.readyState === WebSocket.OPEN) return;
      if (reason !== refused) ears.line(reason ? "refused" : "lost", reason);
      refused = reason;
    });
    setTimeout(dial, wait);
    wait = Math.min(LONGEST_WAIT, wait * 2);
  }

  dial();
  return {
    send(command, file) {
      if (socket?.readyState !== WebSocket.OPEN) return 0;
      if (command.kind !== "Ack") command = { ...command, id: (sent += 1) };
      socket.send(encode(command, file));
      return command.kind === "Ack" ? 0 : sent;
    },
    again: dial,
  };
}

/** Why a server that answers refuses this page; nothing where it does not answer. */
async function refusal(url: string): Promise<string> {
  const answer = await fetch(new URL("address", url.replace(/^ws/, "http"))).catch(() => null);
  return answer?.status === 403 ? answer.text() : "";
}
