// One bill into charges. Bytes come cut anywhere; a line that cannot be counted is set aside with its place.

import { rowsStream } from "./arrow.js";
import { parseDecimal } from "./decimal.js";
import { failure } from "./failure.js";
import { charges } from "./manifest.js";

const LINE_FEED = 10;
const MOST_BYTES_OF_A_LINE = 1 << 20;
/** Rejects that travel with one outcome; more are only counted. */
const MOST_REJECTS = 1000;
const TIME = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?Z)?$/;

export class Normalizer {
  static open(job) {
    return new Normalizer(job.file.path);
  }

  constructor(path) {
    this.path = path;
    this.line = [];
    this.lineBytes = 0;
    this.lineBegin = 0;
    this.offset = 0;
    this.lines = 0;
    this.begin();
  }

  begin() {
    this.rows = [];
    this.rejects = [];
    this.rejectsUncounted = 0;
    this.taken = 0;
  }

  push(data) {
    let from = 0;
    for (;;) {
      const end = data.indexOf(LINE_FEED, from);
      this.keep(data.subarray(from, end < 0 ? data.length : end));
      if (end < 0) break;
      from = end + 1;
      this.endLine(1);
    }
    return this.outcome();
  }

  finish() {
    this.endLine(0);
    return this.outcome();
  }

  keep(piece) {
    if (piece.length === 0) return;
    this.lineBytes += piece.length;
    if (this.lineBytes > MOST_BYTES_OF_A_LINE) {
      throw failure("skip-report", "input.row-too-long", `line ${this.lines} is longer than 1 MiB`, this.path);
    }
    // What the host lent may be gone after this call.
    this.line.push(piece.slice());
  }

  endLine(lineFeed) {
    const bytes = joined(this.line, this.lineBytes);
    this.lineBegin = this.offset;
    this.offset += bytes.length + lineFeed;
    [this.line, this.lineBytes] = [[], 0];
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
    } catch {
      return this.setAside("row.not-utf8", "the line is not UTF-8 text");
    }
    if (text !== "") this.row(text);
  }

  row(text) {
    let charge;
    try {
      charge = JSON.parse(text);
    } catch {
      return this.setAside("row.not-json", "the line is not one JSON object, so the row cannot be counted");
    }
    if (charge === null || typeof charge !== "object" || Array.isArray(charge)) {
      return this.setAside("row.not-json", "the line is not one JSON object, so the row cannot be counted");
    }
    const currency = textOf(charge.currency);
    // Beacon writes amounts as text. A JSON number would be a float here, which money never is.
    const cost = typeof charge.cost === "string" ? parseDecimal(charge.cost) : undefined;
    if (cost === undefined) {
      return this.setAside("row.not-an-amount", "the cell is not decimal text, so the row cannot be counted", "cost", { currency });
    }
    const at = microseconds(charge.at);
    if (at === undefined) {
      const money = { amount: charge.cost, currency };
      return this.setAside("row.not-a-time", "the cell is not a timestamp, so the row belongs to no day", "at", money);
    }
    this.rows.push({ charged_at: at, team: textOf(charge.team), product: textOf(charge.product), cost, currency });
    this.count();
  }

  setAside(code, message, column, money = {}) {
    const at = { row: BigInt(this.lines), byte: BigInt(this.lineBegin), column };
    const { amount, currency } = money;
    if (this.rejects.length < MOST_REJECTS) {
      this.rejects.push({ code, message, at, wholeRow: true, amount, currency: currency ?? undefined });
    } else {
      this.rejectsUncounted += 1;
    }
    this.count();
  }

  count() {
    this.lines += 1;
    this.taken += 1;
  }

  outcome() {
    const outputs = this.rows.length === 0 ? [] : [{ table: 0, data: rowsStream(charges, this.rows) }];
    const outcome = {
      outputs,
      rows: BigInt(this.taken),
      rejects: this.rejects,
      rejectsUncounted: BigInt(this.rejectsUncounted),
    };
    this.begin();
    return outcome;
  }
}

function joined(pieces, length) {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function textOf(value) {
  return typeof value === "string" && value !== "" ? value : null;
}

/** Microseconds since the epoch of a day or a UTC instant. */
function microseconds(value) {
  const match = TIME.exec(typeof value === "string" ? value : "");
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const millis = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(millis);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return undefined;
  return BigInt(millis) * 1000n + BigInt((match[7] ?? "").padEnd(6, "0"));
}
