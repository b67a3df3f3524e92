// What this plugin is: one table of charges, and the question it answers.

import { Decimal, Field, Schema, TimestampMicrosecond, Utf8 } from "apache-arrow";
import { schemaStream } from "./arrow.js";

const text = (name) => new Field(name, new Utf8(), true);

/** Columns of the charges. Amounts are exact: 38 digits, 18 of them decimals. */
export const charges = new Schema([
  new Field("charged_at", new TimestampMicrosecond("UTC"), false),
  text("team"),
  text("product"),
  new Field("cost", new Decimal(18, 38, 128), true),
  text("currency"),
]);

export function describeManifest() {
  const dimension = (name, title) => ({ name, column: name, title });
  return {
    id: "beacon-js",
    provider: "beacon",
    title: "Bills of Beacon",
    version: "0.1.0",
    settingsSchema: '{"type": "object"}',
    tables: [
      {
        name: "line_items",
        role: "line-items",
        schema: schemaStream(charges),
        money: [{ column: "cost", currency: "currency", total: true }],
        invoice: undefined,
        key: [],
        partitionBy: undefined,
        indexes: [],
      },
    ],
    summaries: [],
    rollups: [],
    lookups: [],
    reports: [
      {
        name: "costs",
        title: "Costs",
        table: 0,
        time: "charged_at",
        dimensions: [dimension("team", "Team"), dimension("product", "Product")],
        measures: [
          { name: "cost", column: "cost", title: "Cost", aggregate: "sum", unit: { tag: "currency", val: "currency" } },
        ],
        where: [],
        tags: undefined,
      },
    ],
    labels: [],
  };
}
