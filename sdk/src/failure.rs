//! Making failures: what went wrong, where, and what the host can do about it.

use crate::contract::{Failure, Position, Remedy};

/// A failure that ends the whole run.
#[must_use]
pub fn abort(code: &str, message: impl Into<String>) -> Failure {
    failure(Remedy::Abort, code, message)
}

/// A failure of one report; the others go on.
#[must_use]
pub fn skip_report(code: &str, message: impl Into<String>) -> Failure {
    failure(Remedy::SkipReport, code, message)
}

/// A failure that the operator mends in the plugin's settings.
#[must_use]
pub fn fix_settings(code: &str, message: impl Into<String>) -> Failure {
    failure(Remedy::FixSettings, code, message)
}

/// A failure that may not happen another time.
#[must_use]
pub fn retry(code: &str, message: impl Into<String>) -> Failure {
    failure(Remedy::Retry, code, message)
}

fn failure(remedy: Remedy, code: &str, message: impl Into<String>) -> Failure {
    Failure { remedy, code: code.to_owned(), message: message.into(), path: None, at: None }
}

/// Adding the place to a failure.
pub trait Place {
    /// Names the file, as a path below the granted prefix.
    #[must_use]
    fn in_file(self, path: &str) -> Self;

    /// Names the place in the file.
    #[must_use]
    fn at(self, position: Position) -> Self;
}

impl Place for Failure {
    fn in_file(mut self, path: &str) -> Failure {
        self.path = Some(path.to_owned());
        self
    }

    fn at(mut self, position: Position) -> Failure {
        self.at = Some(position);
        self
    }
}
