// Exact decimals: text to an integer in units of 10^-18, never through a float.

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
const SCALE = 18;
const LIMIT = 10n ** 38n;

/** The number, or `undefined` when the text is none or does not fit 38 digits. More than 18 decimals are rounded half-even. */
export function parseDecimal(text) {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  if (whole.length + fraction.length === 0) return undefined;
  const digits = BigInt(whole + fraction);
  const shift = SCALE - fraction.length + Number(exponent);
  if (digits !== 0n && (whole + fraction).replace(/^0+/, "").length + shift > 38) return undefined;
  const size = shift >= 0 ? digits * 10n ** BigInt(digits === 0n ? 0 : shift) : rounded(digits, -shift);
  if (size >= LIMIT) return undefined;
  return sign === "-" ? -size : size;
}

function rounded(digits, places) {
  const unit = 10n ** BigInt(places);
  const [quotient, rest] = [digits / unit, (digits % unit) * 2n];
  return rest > unit || (rest === unit && quotient % 2n === 1n) ? quotient + 1n : quotient;
}
