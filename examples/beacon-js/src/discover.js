// Finding reports: files named `beacon-YYYY-MM.jsonl`, plain or gzipped. The folder is the source.

import { failure } from "./failure.js";

const NAME = /^beacon-(\d{4})-(0[1-9]|1[0-2])\.jsonl(\.gz)?$/;

export function findReports(bucket, request) {
  const reports = [];
  for (const object of listed(bucket)) {
    const slash = object.path.lastIndexOf("/");
    const match = NAME.exec(object.path.slice(slash + 1));
    if (match === null) continue;
    const period = month(Number(match[1]), Number(match[2]));
    const { window } = request;
    if (window !== undefined && (period.start >= window.end || period.end <= window.start)) continue;
    reports.push({
      source: object.path.slice(0, Math.max(slash, 0)),
      // Different whenever the file is.
      revision: `${object.size}-${object.etag ?? object.modified}`,
      delivered: object.modified,
      period,
      closed: false,
      files: [
        {
          path: object.path,
          compression: match[3] === undefined ? "none" : "gzip",
          form: { tag: "bytes" },
          dataset: "charges",
          rows: undefined,
          bytes: undefined,
        },
      ],
      labels: [],
    });
  }
  return { reports, problems: [] };
}

/** Everything below the prefix, page after page. */
function listed(bucket) {
  const objects = [];
  let next;
  do {
    let page;
    try {
      page = bucket.list("", true, next);
    } catch (error) {
      throw failure("retry", "storage.list", `the reports cannot be listed: ${JSON.stringify(error.payload ?? error)}`);
    }
    objects.push(...page.objects);
    next = page.next;
  } while (next !== undefined);
  return objects;
}

/** A billing month in seconds since the epoch, half-open. */
function month(year, number) {
  const start = BigInt(Date.UTC(year, number - 1, 1) / 1000);
  const end = BigInt(Date.UTC(year, number, 1) / 1000);
  return { start, end };
}
