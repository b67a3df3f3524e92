// Rows as the contract wants them: each batch a whole Arrow IPC stream. Dictionaries are optional, so text is sent plain.

import { RecordBatch, RecordBatchStreamWriter, Struct, makeData, vectorFromArray } from "apache-arrow";

/** A schema as a stream without batches. */
export function schemaStream(schema) {
  return new RecordBatchStreamWriter().reset(undefined, schema).finish().toUint8Array(true);
}

/** Rows as one stream. Times are in microseconds, amounts in units of 10^-18. */
export function rowsStream(schema, rows) {
  const children = schema.fields.map((field) => column(field, rows.map((row) => row[field.name] ?? null)));
  const data = makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children });
  const writer = new RecordBatchStreamWriter().reset(undefined, schema);
  writer.write(new RecordBatch(schema, data));
  return writer.finish().toUint8Array(true);
}

function column(field, values) {
  const [nullBitmap, nullCount] = nulls(values);
  const common = { type: field.type, length: values.length, nullBitmap, nullCount };
  switch (field.name) {
    case "cost":
      return makeData({ ...common, data: decimals(values) });
    case "charged_at":
      return makeData({ ...common, data: BigInt64Array.from(values, (value) => value ?? 0n) });
    default:
      return vectorFromArray(values, field.type).data[0];
  }
}

/** One bit for each value that is there. */
function nulls(values) {
  const bits = new Uint8Array(Math.ceil(values.length / 64) * 8);
  let count = 0;
  values.forEach((value, row) => {
    if (value === null) count += 1;
    else bits[row >> 3] |= 1 << (row & 7);
  });
  return [bits, count];
}

/** 128-bit integers, the least word first. */
function decimals(values) {
  const words = new Uint32Array(values.length * 4);
  values.forEach((value, row) => {
    let rest = BigInt.asUintN(128, value ?? 0n);
    for (let word = 0; word < 4; word += 1) {
      words[row * 4 + word] = Number(rest & 0xffffffffn);
      rest >>= 32n;
    }
  });
  return words;
}
