// Failures as the contract has them.

/** A failure of one file or of the whole run. `remedy` says what the host can do about it. */
export function failure(remedy, code, message, path) {
  return { remedy, code, message, path, at: undefined };
}
