// Bills of Beacon, a vendor that does not exist: one JSON object a line, one file a month.
//
// The exports carry the names of the contract's interfaces (wit/). What a function returns is its result; what it throws
// is its error, and must be a record of the contract then.

import { describeManifest } from "./manifest.js";
import { findReports } from "./discover.js";
import { Normalizer } from "./normalize.js";

export const describe = { describe: describeManifest };
export const discover = { discover: findReports };
export const normalize = { Normalizer };
