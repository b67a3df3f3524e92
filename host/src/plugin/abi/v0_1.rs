//! `costhost:provider@0.1`: the generated bindings and their conversion to and from the host's own types.
//!
//! Conversions only. What is allowed is decided in [`super::super::linker`], [`super::super::imports`] and
//! [`super::super::intake`], so that no later track can bring a copy of a rule with it.

use crate::plugin::types as host;

#[allow(
    missing_docs,
    unreachable_pub,
    trivial_numeric_casts,
    unused_lifetimes,
    clippy::all,
    clippy::clone_on_ref_ptr,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "provider-with-shares",
        imports: { default: trappable },
        with: { "costhost:provider/storage.bucket": crate::plugin::imports::storage::LentBucket },
    });
}

pub(in crate::plugin) use bindings::ProviderWithShares as World;
pub(in crate::plugin) use bindings::costhost::provider::{log, storage, types};
pub(in crate::plugin) use bindings::exports::costhost::provider::{
    describe, discover, fold, normalize, shares, summarize,
};

impl From<host::Period> for types::Period {
    fn from(period: host::Period) -> Self {
        Self { start: period.start, end: period.end }
    }
}

impl From<types::Period> for host::Period {
    fn from(period: types::Period) -> Self {
        Self { start: period.start, end: period.end }
    }
}

impl From<types::Compression> for host::Compression {
    fn from(compression: types::Compression) -> Self {
        match compression {
            types::Compression::None => Self::None,
            types::Compression::Gzip => Self::Gzip,
            types::Compression::Zstd => Self::Zstd,
            types::Compression::Zip => Self::Zip,
        }
    }
}

impl From<host::Compression> for types::Compression {
    fn from(compression: host::Compression) -> Self {
        match compression {
            host::Compression::None => Self::None,
            host::Compression::Gzip => Self::Gzip,
            host::Compression::Zstd => Self::Zstd,
            host::Compression::Zip => Self::Zip,
        }
    }
}

impl From<types::InputFile> for host::InputFile {
    fn from(file: types::InputFile) -> Self {
        let form = match file.form {
            types::Form::Bytes => host::Form::Bytes,
            types::Form::Parquet(columns) => host::Form::Parquet(columns),
        };
        Self {
            path: file.path,
            compression: file.compression.into(),
            form,
            dataset: file.dataset,
            rows: file.rows,
            bytes: file.bytes,
        }
    }
}

impl From<host::InputFile> for types::InputFile {
    fn from(file: host::InputFile) -> Self {
        let form = match file.form {
            host::Form::Bytes => types::Form::Bytes,
            host::Form::Parquet(columns) => types::Form::Parquet(columns),
        };
        Self {
            path: file.path,
            compression: file.compression.into(),
            form,
            dataset: file.dataset,
            rows: file.rows,
            bytes: file.bytes,
        }
    }
}

impl From<types::Position> for host::Position {
    fn from(at: types::Position) -> Self {
        Self { row: at.row, byte: at.byte, column: at.column }
    }
}

impl From<types::Failure> for host::Failure {
    fn from(failure: types::Failure) -> Self {
        let remedy = match failure.remedy {
            types::Remedy::FixSettings => host::Remedy::FixSettings,
            types::Remedy::SkipReport => host::Remedy::SkipReport,
            types::Remedy::Retry => host::Remedy::Retry,
            types::Remedy::Abort => host::Remedy::Abort,
        };
        Self {
            remedy,
            code: failure.code,
            message: failure.message,
            path: failure.path,
            at: failure.at.map(Into::into),
        }
    }
}

impl From<types::Reject> for host::Reject {
    fn from(reject: types::Reject) -> Self {
        Self {
            code: reject.code,
            message: reject.message,
            at: reject.at.into(),
            whole_row: reject.whole_row,
            amount: reject.amount,
            currency: reject.currency,
        }
    }
}

impl From<discover::Findings> for host::Findings {
    fn from(findings: discover::Findings) -> Self {
        Self {
            reports: findings.reports.into_iter().map(Into::into).collect(),
            problems: findings.problems.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<discover::Report> for host::FoundReport {
    fn from(report: discover::Report) -> Self {
        Self {
            source: report.source,
            revision: report.revision,
            delivered: report.delivered,
            period: report.period.into(),
            closed: report.closed,
            files: report.files.into_iter().map(Into::into).collect(),
            labels: report.labels,
        }
    }
}

impl From<discover::Problem> for host::Problem {
    fn from(problem: discover::Problem) -> Self {
        Self { source: problem.source, period: problem.period.map(Into::into), failure: problem.failure.into() }
    }
}

impl From<host::DiscoverRequest> for discover::Request {
    fn from(request: host::DiscoverRequest) -> Self {
        Self { settings: request.settings, window: request.window.map(Into::into), now: request.now }
    }
}

impl From<&host::NormalizeJob> for normalize::Job {
    fn from(job: &host::NormalizeJob) -> Self {
        Self {
            settings: job.settings.clone(),
            now: job.now,
            source: job.source.clone(),
            revision: job.revision.clone(),
            period: job.period.into(),
            labels: job.labels.clone(),
            file: job.file.clone().into(),
        }
    }
}

impl From<&host::SummaryTask> for summarize::Task {
    fn from(task: &host::SummaryTask) -> Self {
        Self {
            summary: task.summary.clone(),
            settings: task.settings.clone(),
            now: task.now,
            source: task.source.clone(),
            period: task.period.into(),
        }
    }
}
