// The wire to a server: a socket that comes back when it is lost.

import { ENDED, TAKEN_OVER, VERSION } from "../protocol.gen";
import { decode, encode } from "./frames";
import type { Ears, Wire } from "./wire";

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
