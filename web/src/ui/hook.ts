// What tests and curious readers can ask of the page in its console: `glass.drawn(address)`.

import { type Address, formatAddress, offsetOf, parseAddress } from "../state/address";
import type { Painter, app as App } from "../state/app.svelte";
import { exact } from "../format";
import type { Command } from "../protocol.gen";
import { type State, numberAt, question } from "../state/store";

export interface Drawn {
  value: string; // at full precision
  step: number;
  document: string;
  colour: number[]; // as it is on the canvas, red green blue
}

/** A figure that can say where it draws a number. */
export interface Figure {
  canvas: HTMLCanvasElement;
  refresh(): void; // a figure out of sight is not kept painted
  centre(offset: number): { x: number; y: number } | null;
  end(): number;
}

export const figures = new Map<string, Figure>(); // by `kind:name`

interface Glass {
  drawn(address: string): Drawn | null;
  figures(): string[];
  end(figure: string): number;
  state(): State;
  select(address: Address): void;
  send(command: Command): void;
  asked(): string; // the address that the page asks an explanation of now
  pictures(): number;
  settled(): boolean; // is everything that is known in view?
  paint(painter: Painter): () => void;
}

declare global {
  interface Window {
    glass: Glass;
  }
}

export function expose(app: typeof App): void {
  window.glass = {
    drawn(text) {
      const address = parseAddress(text);
      if (!address) return null;
      const name = formatAddress({ ...address, index: [] });
      const tensor = app.viewed.arrays.get(name);
      const offset = tensor ? offsetOf(address.index, tensor.shape) : -1;
      const value = numberAt(app.viewed, address);
      const frame = app.viewed.frame;
      if (value === undefined || !frame || offset < 0) return null;
      const figure = figures.get(name);
      figure?.refresh();
      const at = figure?.centre(offset);
      const pixel = at && figure?.canvas.getContext("2d")?.getImageData(at.x, at.y, 1, 1).data;
      return {
        value: exact(value),
        step: frame.step,
        document: frame.document,
        colour: pixel ? [...pixel].slice(0, 3) : [],
      };
    },
    figures: () => [...figures.keys()],
    end: (name) => figures.get(name)?.end() ?? NaN,
    state: () => app.viewed,
    select: (address) => app.select(address),
    send: (command) => app.send(command),
    asked: () => question(app.state)?.address ?? "",
    pictures: () => app.drawn,
    settled: () => app.viewed === app.state,
    paint: (painter) => app.paint("picture", painter),
  };
}
