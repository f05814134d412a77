// Paints the loss curve: every loss as a dot, their mean over a hundred steps as a line.

import { type Palette, css } from "../state/scales";
import { type Series, at, smoothed } from "../state/series";

export interface Ruler {
  width: number;
  height: number;
  steps: number; // the position at the right end
  low: number; // nats at the bottom
  high: number; // and at the top
}

export function xOf(ruler: Ruler, step: number): number {
  return (step / Math.max(1, ruler.steps)) * ruler.width;
}

export function yOf(ruler: Ruler, nats: number): number {
  return ((ruler.high - nats) / (ruler.high - ruler.low)) * ruler.height;
}

export function stepAt(ruler: Ruler, x: number): number {
  return Math.max(0, Math.min(ruler.steps, Math.round((x / ruler.width) * ruler.steps)));
}

/** The span of nats that holds the baselines and nearly all losses. */
export function span(losses: Series, baselines: readonly number[]): { low: number; high: number } {
  const known = baselines.filter(Number.isFinite);
  const stride = Math.max(1, Math.floor(losses.length / 1000));
  const some: number[] = [];
  for (let i = 0; i < losses.length; i += stride) {
    const loss = at(losses, i);
    if (Number.isFinite(loss)) some.push(loss);
  }
  const sorted = Float64Array.from(some).sort();
  const part = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
  const low = Math.min(2, ...known, ...[part(0.02)].filter(Number.isFinite));
  const high = Math.max(3.4, ...known, ...[part(0.99)].filter(Number.isFinite));
  return { low: Math.max(0, Math.floor(4 * low) / 4), high: Math.ceil(4 * high + 0.5) / 4 };
}

export interface Curve {
  losses: Series;
  sums: Series;
  begin: number;
  step: number; // the position of the run: what comes after is known, but ahead
  old: Series;
  futures: readonly { losses: Series; sums: Series; first: number; compared: boolean }[]; // other branches
  preview: { losses: Series; sums: Series } | null; // a run that might be
  band: {
    positions: ArrayLike<number>;
    low: ArrayLike<number>;
    median: ArrayLike<number>;
    high: ArrayLike<number>;
  } | null; // of other seeds
  validation: readonly { step: number; loss: number }[];
}

const DOTS = 6000; // of more, some are left out; the line uses all

export function paintCurve(canvas: CanvasRenderingContext2D, ruler: Ruler, curve: Curve, palette: Palette): void {
  const { losses, step } = curve;
  if (curve.band) paintBand(canvas, ruler, curve.band, palette);
  if (curve.old.length) dots(canvas, ruler, curve.old, 0, curve.old.length, css(palette.high, 0.25));
  dots(canvas, ruler, losses, 0, Math.min(step, losses.length), css(palette.low, 0.42));
  dots(canvas, ruler, losses, step, losses.length, css(palette.low, 0.16));
  canvas.lineJoin = "round";
  for (const future of curve.futures) {
    const { first, losses: theirs, compared } = future;
    line(
      canvas,
      ruler,
      { ...curve, ...future },
      first,
      theirs.length,
      css(palette.high, compared ? 1 : 0.4),
      compared ? 1.75 : 1,
    );
  }
  if (curve.preview) {
    canvas.setLineDash([5, 4]);
    line(
      canvas,
      ruler,
      { ...curve, ...curve.preview, begin: 0 },
      0,
      curve.preview.losses.length,
      css(palette.high),
      1.5,
    );
    canvas.setLineDash([]);
  }
  line(canvas, ruler, curve, step, losses.length, css(palette.ink, 0.3), 1.25);
  line(canvas, ruler, curve, 0, Math.min(step, losses.length), css(palette.ink), 1.75);
  canvas.fillStyle = css(palette.high);
  for (const { step: when, loss } of curve.validation) {
    canvas.beginPath();
    canvas.arc(xOf(ruler, when), yOf(ruler, loss), 2.2, 0, 7);
    canvas.fill();
  }
}

function paintBand(
  canvas: CanvasRenderingContext2D,
  ruler: Ruler,
  band: NonNullable<Curve["band"]>,
  palette: Palette,
): void {
  const { positions, low, median, high } = band;
  const point = (i: number, of: ArrayLike<number>): [number, number] => [
    xOf(ruler, positions[i] ?? 0),
    yOf(ruler, of[i] ?? NaN),
  ];
  canvas.fillStyle = css(palette.low, 0.14);
  canvas.beginPath();
  for (let i = 0; i < positions.length; i++) canvas.lineTo(...point(i, high));
  for (let i = positions.length - 1; i >= 0; i--) canvas.lineTo(...point(i, low));
  canvas.fill();
  canvas.strokeStyle = css(palette.low, 0.6);
  canvas.lineWidth = 1;
  canvas.beginPath();
  for (let i = 0; i < positions.length; i++) canvas.lineTo(...point(i, median));
  canvas.stroke();
}

function dots(
  canvas: CanvasRenderingContext2D,
  ruler: Ruler,
  losses: Series,
  from: number,
  to: number,
  colour: string,
): void {
  canvas.fillStyle = colour;
  const stride = Math.max(1, Math.ceil(losses.length / DOTS));
  const size = losses.length > 2000 ? 1.25 : losses.length > 30 ? 1.75 : 4; // the few of a run that stopped are seen
  for (let i = Math.ceil(from / stride) * stride; i < to; i += stride) {
    const y = yOf(ruler, at(losses, i));
    if (Number.isNaN(y)) continue;
    const inside = Math.max(1, Math.min(ruler.height - 1, y));
    canvas.fillRect(xOf(ruler, i + 1) - size / 2, inside - size / 2, size, size);
  }
}

function line(
  canvas: CanvasRenderingContext2D,
  ruler: Ruler,
  curve: Curve,
  from: number,
  to: number,
  colour: string,
  width: number,
): void {
  const stride = Math.max(1, Math.floor(ruler.steps / Math.max(1, ruler.width) / 2));
  canvas.strokeStyle = colour;
  canvas.lineWidth = width;
  canvas.beginPath();
  let open = false;
  const first = Math.max(from, curve.begin + 1, 1);
  for (let step = first; step <= to; step = step < to ? Math.min(to, step + stride) : to + 1) {
    const mean = smoothed(curve.sums, step, curve.begin);
    if (Number.isNaN(mean)) continue;
    if (open) canvas.lineTo(xOf(ruler, step), yOf(ruler, mean));
    else canvas.moveTo(xOf(ruler, step), yOf(ruler, mean));
    open = true;
  }
  canvas.stroke();
}

export interface Schedule {
  rates: Series; // those that were used
  schedule: readonly number[]; // at evenly spaced positions, from 0 to the end
  begin: number;
  step: number;
}

/** The learning rate over the run: what was used is filled, what is to come is a line. */
export function paintSchedule(
  canvas: CanvasRenderingContext2D,
  { width, height, steps }: { width: number; height: number; steps: number },
  { rates, schedule, begin, step }: Schedule,
  palette: Palette,
): void {
  const top = Math.max(...schedule, at(rates, begin) || 0, Number.MIN_VALUE) * 1.05;
  const x = (position: number): number => (position / Math.max(1, steps)) * width;
  const y = (rate: number): number => height - 0.5 - (rate / top) * (height - 1);
  canvas.strokeStyle = css(palette.ink, 0.45);
  canvas.lineWidth = 1;
  canvas.beginPath();
  schedule.forEach((rate, i) => canvas.lineTo((i / (schedule.length - 1)) * width, y(rate)));
  canvas.stroke();
  const end = Math.min(step, rates.length);
  if (end <= begin) return;
  canvas.fillStyle = css(palette.ink, 0.16);
  canvas.beginPath();
  canvas.moveTo(x(begin), height);
  const stride = Math.max(1, Math.floor(steps / Math.max(1, width)));
  for (let i = begin; i < end; i += stride) canvas.lineTo(x(i), y(at(rates, i)));
  canvas.lineTo(x(end), y(at(rates, end - 1)));
  canvas.lineTo(x(end), height);
  canvas.fill();
}
