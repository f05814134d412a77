// The wire to the page around this one: a cell of a notebook, whose widget passes messages to Python and back.

import { decode, encode } from "./frames";
import type { Ears, Wire } from "./wire";

/** What the widget says: an event, or a number to select. */
type FromParent = ArrayBuffer | { select: string } | { ended: string };

/** The window around this one, or what stands for it in tests. */
export interface Parent {
  postMessage(message: string | ArrayBuffer): void;
  listen(hear: (message: FromParent) => void): void;
}

export function connect(parent: Parent, ears: Ears, select: (address: string) => void): Wire {
  let sent = 0; // the id of the last command

  function open(): void {
    parent.postMessage(encode(ears.open()));
    ears.line("open", "");
  }

  parent.listen((message) => {
    if (message instanceof ArrayBuffer) ears.told(decode(message));
    else if ("select" in message) select(message.select);
    else ears.line("ended", message.ended);
  });
  open();
  return {
    send(command, file) {
      if (command.kind !== "Ack") command = { ...command, id: (sent += 1) };
      parent.postMessage(encode(command, file));
      return command.kind === "Ack" ? 0 : sent;
    },
    again: open,
  };
}

/** The window around this one, whose messages alone are heard. */
export function windowAround(): Parent {
  return {
    postMessage: (message) => parent.postMessage(message, "*"),
    listen: (hear) =>
      addEventListener("message", ({ source, data }: MessageEvent<FromParent>) => {
        if (source === parent) hear(data);
      }),
  };
}
