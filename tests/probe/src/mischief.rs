//! What the probe does wrong, by the word in its settings.

use costhost_sdk::bindings::costhost::provider::storage::Bucket;
use costhost_sdk::bindings::costhost::provider::types::{Failure, Output, Reject, Remedy};
use costhost_sdk::bindings::exports::costhost::provider::normalize::Outcome;

use crate::rows::Line;
use crate::{refuse, rows};

/// The word in the settings; empty to behave.
#[derive(Default)]
pub(crate) struct Mischief(String);

/// A failure that stops the run.
pub(crate) fn failure(message: &str) -> Failure {
    refuse(Remedy::Abort, "probe.failed", message)
}

impl Mischief {
    /// The value of `do` in the settings.
    pub(crate) fn of(settings: &str) -> Self {
        let word = settings.split("\"do\":\"").nth(1).and_then(|rest| rest.split('"').next());
        Self(word.unwrap_or_default().to_owned())
    }

    /// Mischief of `open`.
    pub(crate) fn on_open(&self) -> Result<(), Failure> {
        match self.0.as_str() {
            "refuse" => Err(refuse(Remedy::FixSettings, "settings.bad", "the \u{1b}[31msetting is wrong")),
            _ => Ok(()),
        }
    }

    /// Mischief of `discover`.
    pub(crate) fn during_discovery(&self, bucket: &Bucket) -> Result<(), Failure> {
        match self.0.as_str() {
            "climb" => match bucket.read_text("../secret") {
                Ok(_) => Err(failure("it could be read")),
                Err(error) => Err(refuse(Remedy::SkipReport, "probe.denied", &format!("{error:?}"))),
            },
            _ => Ok(()),
        }
    }

    /// Mischief of `save`: the piece to give every time.
    pub(crate) fn endless_state(&self) -> Option<Vec<u8>> {
        match self.0.as_str() {
            "endless" => Some(vec![0; 64 << 10]),
            "endless-nothing" => Some(Vec::new()),
            _ => None,
        }
    }

    /// Mischief of `pull`: the whole result every time.
    pub(crate) fn never_ends(&self) -> bool {
        self.0.starts_with("endless")
    }

    /// Mischief with the lines of one call: what authors get wrong without noticing.
    pub(crate) fn with_lines(&self, lines: &mut Vec<Line>, rejects: &mut Vec<Reject>) {
        match self.0.as_str() {
            "lose-bad-lines" => rejects.clear(),
            "row-per-push" => lines.push(Line { account: "push".to_owned(), amount: 1 }),
            _ => {}
        }
    }

    /// Mischief of `merge`: the piece replaces what was there.
    pub(crate) fn forgets_on_merge(&self) -> bool {
        self.0 == "forget-on-merge"
    }

    /// Mischief of `fold`: nothing is done.
    pub(crate) fn does_not_fold(&self) -> bool {
        self.0 == "fold-nothing"
    }

    /// Mischief of `push` and `finish`.
    #[expect(clippy::panic, reason = "one kind of mischief is to crash")]
    pub(crate) fn outcome(&self, honest: Outcome) -> Result<Outcome, Failure> {
        let instead = |table, data| {
            Ok(Outcome { outputs: vec![Output { table, data }], rows: 1, rejects: vec![], rejects_uncounted: 0 })
        };
        match self.0.as_str() {
            "spin" => loop {
                std::hint::black_box(&honest);
            },
            "crash" => panic!("crashed as told"),
            "wrong-table" => instead(7, rows::lines(&[])),
            "summary-table" => instead(1, rows::totals(std::iter::empty())),
            "garbage" => instead(0, b"not arrow at all".to_vec()),
            _ => Ok(honest),
        }
    }
}
