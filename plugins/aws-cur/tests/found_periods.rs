//! The billing period that is told by a manifest, a name or a place is the one the rows name: of real files of all shapes.
//!
//! Koku's bucket is not among them: its one file holds three months, which its manifest says are one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use aws_cur::discover::discover;
use aws_cur::normalize::Normalizer;
use costhost_sdk::contract::{Compression, Form, InputFile, Job, Period, Request};
use costhost_sdk::ipc;
use costhost_sdk::testing::DirStorage;
use std::io::Read as _;
use support::{data, data_path, job};

/// What a host pushes of a file.
fn pieces(folder: &str, file: &InputFile) -> Vec<Vec<u8>> {
    let path = format!("{folder}/{}", file.path);
    if matches!(file.form, Form::Parquet(_)) {
        let opened = std::fs::File::open(data_path(&path)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened).unwrap().build().unwrap();
        return reader.map(|batch| ipc::encode(&batch.unwrap()).unwrap()).collect();
    }
    let (bytes, mut text) = (data(&path), Vec::new());
    match file.compression {
        Compression::None => text = bytes,
        Compression::Gzip => drop(flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap()),
        Compression::Zip => {
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            archive.by_index(0).unwrap().read_to_end(&mut text).unwrap();
        }
        Compression::Zstd => panic!("no such file is among the test data"),
    }
    vec![text]
}

/// Rows of a file, or the code of its failure: as if no manifest had told its period.
fn normalized(file: &InputFile, period: Period, pieces: &[Vec<u8>]) -> Result<u64, String> {
    let job = Job { period, file: file.clone(), ..job(Form::Bytes, &[]) };
    let mut normalizer = Normalizer::open(&job).map_err(|failure| failure.code)?;
    let mut rows = 0;
    for piece in pieces {
        rows += normalizer.push(piece).map_err(|failure| failure.code)?.rows;
    }
    Ok(rows + normalizer.finish().map_err(|failure| failure.code)?.rows)
}

#[test]
fn found_periods_are_those_of_the_rows() {
    let storages = [
        ("nise", DirStorage::new(data_path("nise"))),
        ("cur1-zip", DirStorage::new(data_path("cur1-zip"))),
        ("cur2-csv", DirStorage::new(data_path("cur2-csv"))),
        ("cur1-slash-csv", DirStorage::new(data_path("cur1-slash-csv"))),
        ("cur1-parquet", DirStorage::new(data_path("cur1-parquet"))),
        ("nise-cur2-like", DirStorage::single(data_path("nise-cur2-like"), "October-2025-cur2.csv.gz")),
        ("nise-cur2-like", DirStorage::single(data_path("nise-cur2-like"), "November-2025-cur2.parquet")),
    ];
    let mut files = 0;
    for (folder, storage) in storages {
        let found = discover(&storage, &Request { settings: "{}".to_owned(), window: None, now: 0 }).unwrap();
        assert!(found.problems.is_empty() && !found.reports.is_empty(), "{folder}: {:?}", found.problems);
        for report in &found.reports {
            for file in &report.files {
                let pieces = pieces(folder, file);
                let path = &file.path;
                assert!(normalized(file, report.period, &pieces).is_ok_and(|rows| rows > 0), "{folder}/{path}");
                let next = Period { start: report.period.end, end: report.period.end + 1 };
                assert_eq!(normalized(file, next, &pieces).unwrap_err(), "input.other-period", "{folder}/{path}");
                files += 1;
            }
        }
    }
    assert_eq!(files, 8);
}
