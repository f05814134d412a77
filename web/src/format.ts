// Text from numbers, once for the whole page.

const MINUS = "−";

/** A number of the model, to `digits` after the point, with marks of its own where it is not finite. */
export function number(value: number | undefined, digits = 4): string {
  if (value === undefined || Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const small = value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits;
  const text = small ? scientific(value, 2) : value.toFixed(digits);
  return text.replaceAll("-", MINUS);
}

function scientific(value: number, digits: number): string {
  const [mantissa = "", exponent = ""] = value.toExponential(digits).split("e");
  return `${mantissa}e${exponent.replace("+", "")}`;
}

export function signed(value: number, digits = 4): string {
  return value > 0 ? `+${number(value, digits)}` : number(value, digits);
}

/** Two digits that count, for narrow places. */
export function brief(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return number(value);
  const size = Math.abs(value);
  if (size >= 100 || (size > 0 && size < 0.001)) return scientific(value, 0).replaceAll("-", MINUS);
  return value.toFixed(size >= 9.995 ? 1 : size >= 0.0995 || size === 0 ? 2 : 3).replace("-", MINUS);
}

/** Four digits that count, with a sign: for numbers of any size that are added up. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return number(value ?? NaN);
  const size = Math.abs(value);
  const text = size >= 1e5 || (size > 0 && size < 1e-4) ? scientific(value, 2) : String(Number(value.toPrecision(4)));
  return (value > 0 ? `+${text}` : text).replaceAll("-", MINUS);
}

/** Every digit, as it is copied. */
export function exact(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

const GROUPED = new Intl.NumberFormat("en-US"); // made once: that costs more than a number does

export function count(value: number): string {
  return GROUPED.format(Math.round(value));
}

/** A probability: two digits that count. */
export function probability(p: number): string {
  if (Number.isNaN(p)) return "…"; // not here yet
  if (p >= 0.0995) return p.toFixed(2);
  if (p >= 0.001) return p.toFixed(3);
  return p === 0 ? "0" : scientific(p, 0);
}

/** A setting or a rate, as short as it is exact to four digits. */
export function short(value: number): string {
  return Number(value.toPrecision(4)).toString().replace("-", MINUS);
}

export function bytes(n: number): string {
  if (n < 1000) return counted(n, "byte");
  return n < 1e6 ? `${Math.round(n / 1e3)} kB` : `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB`;
}

const CONTROL = /\p{Cc}/u;

/** The sign of a control character: ␉ for a tab; those without a sign of their own share one. */
function signOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 32 ? String.fromCodePoint(0x2400 + code) : code === 127 ? "␡" : "␦";
}

/** A text in parts: plain ones, and control characters alone, each with its sign. */
export function parted(text: string): { plain: string; sign: string }[] {
  return text
    .split(/(\p{Cc})/u)
    .filter((part) => part !== "")
    .map((plain) => ({ plain, sign: CONTROL.test(plain) ? signOf(plain) : "" }));
}

/** A text of at most `most` characters; of a longer one the beginning and an ellipsis. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = [...text.slice(0, 2 * most)];
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : text;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A letter inside a sentence: one that is written from right to left does not turn what follows it. */
export function isolated(letter: string): string {
  return RIGHT_TO_LEFT.test(letter) ? `\u2068${letter}\u2069` : letter;
}

/** A token as its character, made visible where it has no shape. */
export function token(id: number, characters: readonly string[]): string {
  const character = characters[id];
  if (character === undefined) return "BOS";
  if (character === " ") return "␣";
  if (CONTROL.test(character)) return signOf(character);
  return /^\p{M}$/u.test(character) ? `◌${character}` : character;
}

/** A message as a sentence of its own: it begins with a capital, unless with a name out of code. */
export function capitalised(message: string): string {
  return /^[a-z]+ /.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message;
}

/** An English plural that is regular. */
export function counted(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}
