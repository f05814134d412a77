// Numbers that only grow, such as the losses of a run: appending a thousand does not copy a million.

export interface Series {
  readonly data: Float64Array;
  readonly length: number;
}

export const EMPTY: Series = { data: new Float64Array(0), length: 0 };

/** The series with `more` from place `first` on; what stood there and after is replaced.
 *
 * The buffer is shared with the series before, which never reads past its own length; where
 * something is replaced the buffer is copied, so that an older series stays what it was. */
export function extended(series: Series, first: number, more: ArrayLike<number>): Series {
  const length = first + more.length;
  const replaces = first < series.length;
  let data = series.data;
  if (replaces || length > data.length) {
    data = new Float64Array(Math.max(1024, length > series.data.length ? 2 * length : series.data.length));
    data.set(series.data.subarray(0, Math.min(first, series.length)));
  }
  data.set(more, first);
  return { data, length };
}

export function at(series: Series, i: number): number {
  return i >= 0 && i < series.length ? (series.data[i] ?? NaN) : NaN;
}

/** Running sums of the finite numbers: sums[i] is the sum before place i. */
export function summed(sums: Series, losses: Series, first: number): Series {
  const start = Math.min(first, Math.max(0, sums.length - 1));
  let sum = start > 0 || sums.length > 0 ? at(sums, start) : 0;
  if (Number.isNaN(sum)) sum = 0;
  const more = new Float64Array(losses.length - start + 1);
  for (let i = start; i <= losses.length; i++) {
    more[i - start] = sum;
    const loss = at(losses, i);
    if (Number.isFinite(loss)) sum += loss;
  }
  return extended(sums, start, more);
}

export const SMOOTHED_OVER = 100;

/** The mean of the last hundred losses before position `step` (fewer at the start), or NaN. */
export function smoothed(sums: Series, step: number, begin: number): number {
  const from = Math.max(begin, step - SMOOTHED_OVER);
  return step > from ? (at(sums, step) - at(sums, from)) / (step - from) : NaN;
}
