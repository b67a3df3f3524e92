//! What the probe does wrong, by the word in its settings.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array};
use arrow_schema::{DataType, Field, Schema};
use costhost_sdk::bindings::costhost::provider::log::{self, Level};
use costhost_sdk::bindings::costhost::provider::storage::Bucket;
use costhost_sdk::bindings::costhost::provider::types::{Failure, Output, Reject, Remedy};
use costhost_sdk::bindings::exports::costhost::provider::normalize::Outcome;

use crate::rows::Line;
use crate::{refuse, rows};

/// The word in the settings; empty to behave.
#[derive(Default)]
pub(crate) struct Mischief(String);

/// What `describe` does, which is given no settings: a test changes the last word in the built component to `chatty`.
static DESCRIBE: [u8; 16] = *b"describe: silent";

/// Mischief of `describe`.
pub(crate) fn during_description() {
    if std::hint::black_box(&DESCRIBE).ends_with(b"chatty") {
        log::write(Level::Info, "from describe", &[]);
    }
}

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
            "flood-log" => {
                for number in 0..10_000 {
                    log::write(Level::Info, &format!("message {number}\n"), &[("n".into(), number.to_string())]);
                }
                Ok(())
            }
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
            "hoard" => {
                let mut kept = Vec::new();
                loop {
                    kept.push(std::hint::black_box(vec![1u8; 1 << 20]));
                }
            }
            "huge" => instead(0, vec![0; 40 << 20]),
            "amplify" => {
                Ok(Outcome { outputs: (0..8).map(|_| Output { table: 0, data: vec![0; 3 << 20] }).collect(), ..honest })
            }
            "wrong-table" => instead(7, rows::lines(&[])),
            "summary-table" => instead(1, rows::totals(std::iter::empty())),
            "garbage" => instead(0, b"not arrow at all".to_vec()),
            "cut" => {
                let mut data = rows::lines(&[]);
                data.truncate(data.len() / 2);
                instead(0, data)
            }
            "other-columns" => {
                let schema = Schema::new(vec![Field::new("account", DataType::Int32, false)]);
                instead(0, rows::batch(&schema, vec![Arc::new(Int32Array::from(vec![1])) as ArrayRef]))
            }
            _ => Ok(honest),
        }
    }
}
