//! Checks of what plugins say in words: found reports and rejects.
//!
//! Their texts end up in lake metadata, file names the host makes, and on terminals, so each has a length and no control
//! characters; paths stay below the prefix.

use super::call::shown;
use super::imports::log::printable;
use super::types::{Findings, FoundReport, InputFile, Label, Period, Position, Reject};

const MAX_NAME: usize = 512;
const MAX_PATH: usize = 4096;
const MAX_LABELS: usize = 64;
const MAX_FILES: usize = 1_000_000;
/// Longest decimal text of an amount: 38 digits, sign, point and exponent, with room for leading zeros.
const MAX_AMOUNT: usize = 128;

/// Accepts findings, or says what is wrong with them.
pub(super) fn check(mut findings: Findings) -> Result<Findings, String> {
    let files: usize = findings.reports.iter().map(|report| report.files.len()).sum();
    if files > MAX_FILES {
        return Err(format!("discovery named {files} files; at most {MAX_FILES} are taken"));
    }
    for report in &findings.reports {
        check_report(report)
            .map_err(|problem| format!("discovery: report {}: {problem}", printable(&report.revision, 80)))?;
    }
    for problem in &mut findings.problems {
        check_text("source", &problem.source, MAX_NAME).map_err(|problem| format!("discovery: {problem}"))?;
        problem.failure = shown(problem.failure.clone());
    }
    Ok(findings)
}

fn check_report(report: &FoundReport) -> Result<(), String> {
    check_text("source", &report.source, MAX_NAME)?;
    check_text("revision", &report.revision, MAX_NAME)?;
    if report.revision.is_empty() {
        return Err("its revision is empty".to_owned());
    }
    check_period(report.period)?;
    check_labels(&report.labels)?;
    report.files.iter().try_for_each(check_file)
}

fn check_period(period: Period) -> Result<(), String> {
    // Years 1 to 9999: what every calendar the lake's readers use can hold.
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_800;
    if period.start < period.end && period.start >= FIRST && period.end <= LAST {
        return Ok(());
    }
    Err(format!("its period from {} to {} is not a span of time", period.start, period.end))
}

fn check_labels(labels: &[Label]) -> Result<(), String> {
    if labels.len() > MAX_LABELS {
        return Err(format!("it has {} labels; at most {MAX_LABELS} are taken", labels.len()));
    }
    labels.iter().try_for_each(|(name, value)| {
        check_text("label", name, MAX_NAME)?;
        check_text("label value", value, MAX_PATH)
    })
}

fn check_file(file: &InputFile) -> Result<(), String> {
    check_text("path", &file.path, MAX_PATH)?;
    check_text("dataset", &file.dataset, MAX_NAME)?;
    if file.path.is_empty() || file.path.split('/').any(|part| part == ".." || part == ".") {
        return Err(format!("the path `{}` does not name a file below the prefix", printable(&file.path, 200)));
    }
    Ok(())
}

fn check_text(what: &str, text: &str, max: usize) -> Result<(), String> {
    if text.len() > max {
        return Err(format!("its {what} is {} bytes long; at most {max} are taken", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("its {what} `{}` holds control characters", printable(text, 200)));
    }
    Ok(())
}

/// Makes a reject safe to show and to store, or says what is wrong with it.
pub(super) fn reject(reject: Reject) -> Result<Reject, String> {
    if let Some(amount) = &reject.amount
        && !is_decimal(amount)
    {
        return Err("a reject carries an amount that is not decimal text".to_owned());
    }
    Ok(Reject {
        code: printable(&reject.code, 128),
        message: printable(&reject.message, 1024),
        at: Position { column: reject.at.column.map(|column| printable(&column, 256)), ..reject.at },
        currency: reject.currency.map(|currency| printable(&currency, 16)),
        ..reject
    })
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    text.len() <= MAX_AMOUNT
        && digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && digits(exponent)
        && !exponent.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::types::{Compression, Form};

    fn report(path: &str) -> FoundReport {
        FoundReport {
            source: String::new(),
            revision: "r1".to_owned(),
            delivered: 0,
            period: Period { start: 0, end: 1 },
            closed: false,
            files: vec![InputFile {
                path: path.to_owned(),
                compression: Compression::None,
                form: Form::Bytes,
                dataset: String::new(),
                rows: None,
                bytes: None,
            }],
            labels: Vec::new(),
        }
    }

    #[test]
    fn paths_stay_below_the_prefix() {
        assert_eq!(check_report(&report("a/b..c//d.csv.gz")), Ok(()));
        for path in ["", "..", "a/../b", "./a", "a\nb"] {
            assert!(check_report(&report(path)).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_period_ends_after_it_starts() {
        let mut upside_down = report("a");
        upside_down.period = Period { start: 5, end: 5 };
        assert!(check_report(&upside_down).unwrap_err().contains("period"));
    }

    #[test]
    fn amounts_are_decimal_text() {
        for good in ["0", "-1.50", ".5", "1.", "1e-7", "+12E+3"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", ".", "NaN", "1e", "1,5", "0x1", "--1", "1e1.5"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }
}
