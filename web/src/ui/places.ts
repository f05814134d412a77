// Where the panels and the rows of the machine stand on the page, for what leads there.

import type { Attachment } from "svelte/attachments";
import type { Panel } from "../state/panels";

type Place = Panel | `site:${string}`;

const known = new Map<Place, Element>();

/** Let others find an element while it is on the page: `{@attach place("log")}`. */
export function place(name: Place): Attachment {
  return (element) => {
    known.set(name, element);
    return () => {
      if (known.get(name) === element) known.delete(name);
    };
  };
}

export function placeOf(name: Place): Element | undefined {
  return known.get(name);
}
