// A small line through numbers, as the path of an SVG.

/** The path through (xs, ys), as wide and as high as its box allows. */
export function sparkline(xs: ArrayLike<number>, ys: ArrayLike<number>, width: number, height: number): string {
  const x = spread(xs, 0, width);
  const y = spread(ys, height - 1, 1);
  const points: string[] = [];
  for (let i = 0; i < ys.length; i++) {
    const [across, down] = [x(xs[i] ?? NaN), y(ys[i] ?? NaN)];
    if (Number.isFinite(across) && Number.isFinite(down))
      points.push(`${points.length ? "L" : "M"}${across.toFixed(1)} ${down.toFixed(1)}`);
  }
  return points.join("");
}

/** What takes the least of the numbers to `from` and the greatest to `to`. */
function spread(numbers: ArrayLike<number>, from: number, to: number): (n: number) => number {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < numbers.length; i++) {
    const n = numbers[i] ?? NaN;
    if (!Number.isFinite(n)) continue;
    low = Math.min(low, n);
    high = Math.max(high, n);
  }
  return (n) => (high > low ? from + ((n - low) / (high - low)) * (to - from) : (from + to) / 2);
}
