// Numbers that a reader types: what a text means, and the next value up or down. The browser's own
// number fields are not used: they mend what was typed before the page sees it (0,03 becomes 3), the
// wheel turns them, and their arrows go by 1, which for a learning rate of 0.01 is a leap.

export interface Kind {
  label: string; // what errors call it
  whole: boolean;
  low: number;
  high: number;
  usual: number;
}

export type Parsed = { value: number } | { problem: string };

const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const GROUPED = /^[+-]?[1-9]\d{0,2}(,\d{3})+$/;

/** What a text means as a number. A comma is a decimal point, or in a whole number groups thousands. */
export function parsed(text: string, { label, whole }: Pick<Kind, "label" | "whole">): Parsed {
  const bare = text.replace(/[\s\u00a0\u202f]/g, "").replace("−", "-");
  if (GROUPED.test(bare) && !whole) {
    return {
      problem: `${label} is “${text.trim()}”, which can be read in two ways; write ${bare.replaceAll(",", "")} or ${bare.replace(",", ".")}`,
    };
  }
  const said = GROUPED.test(bare) ? bare.replaceAll(",", "") : bare.replace(",", ".");
  const value = PLAIN.test(said) ? Number(said) : NaN;
  if (!Number.isFinite(value)) return { problem: `${label} is “${text.trim()}”, but must be a number` };
  if (whole && !Number.isSafeInteger(value))
    return { problem: `${label} is “${text.trim()}”, but must be a whole number` };
  return { value };
}

/** The next value up (1) or down (-1): a whole number by 1, any other in its second digit; ten times as far if asked. */
export function stepped(value: number, kind: Kind, way: 1 | -1, far = false): number {
  const unit = (kind.whole ? 1 : unitOf(value, kind)) * (far ? 10 : 1);
  const next = Number((value + way * unit).toPrecision(12));
  return Math.min(kind.high, Math.max(kind.low, next));
}

/** One in the second digit that counts; near 1, as with the betas, in that of the distance to 1. */
function unitOf(value: number, { high, usual }: Kind): number {
  const near = high < 1 && value > 0.5 ? 1 - value : Math.abs(value);
  const size = near || Math.abs(usual) || 1;
  return 10 ** (Math.floor(Math.log10(size) + 1e-9) - 1);
}

/** The text of a value in a field. */
export function written(value: number): string {
  return String(value);
}

/** The same without an exponent, as ARIA has its numbers. */
export function plain(value: number): string {
  return /e-/.test(String(value)) ? value.toFixed(20).replace(/0+$/, "") : String(value);
}
