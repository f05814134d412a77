// The wire to a worker of this page, in which Python runs.

import { decode, encode } from "./frames";
import type { Begin, FromPage, FromWorker } from "./messages";
import type { Ears, Wire } from "./wire";

/** A worker, or what stands for it in tests. */
export interface Line {
  postMessage(message: FromPage): void;
  onmessage: ((message: MessageEvent<FromWorker>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

/** Start a worker with `make`, and a new one when the page asks again. */
export function connect(make: () => Line, begin: Begin, ears: Ears): Wire {
  let worker = dial();
  let sent = 0; // the id of the last command

  function dial(): Line {
    const line = make();
    let open = false;
    line.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) {
        if (!open) ears.line("open", "");
        open = true;
        ears.told(decode(data));
      } else if (data.news === "loading") ears.line("loading", loaded(data.bytes, data.of));
      else ears.line(data.news, data.reason);
    };
    line.onerror = (event) => {
      line.terminate();
      ears.line(open ? "ended" : "failed", event.message || "its program could not be loaded");
    };
    line.postMessage(begin);
    line.postMessage(encode(ears.open()));
    return line;
  }

  return {
    send(command, file) {
      if (command.kind !== "Ack") command = { ...command, id: (sent += 1) };
      worker.postMessage(encode(command, file));
      return command.kind === "Ack" ? 0 : sent;
    },
    again() {
      worker.terminate();
      worker = dial();
    },
  };
}

function loaded(bytes: number, of: number): string {
  const megabytes = (n: number): string => (n / 1e6).toFixed(1);
  return bytes < of ? `${megabytes(bytes)} of ${megabytes(of)} MB` : "starting";
}
