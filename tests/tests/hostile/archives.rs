//! Compressed files: what they hold passes through in pieces, whatever they grow to, and archives hold one file.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::guest::Guest;
use crate::run::{Case, check};

const GZIP: u8 = 1;
const ZSTD: u8 = 2;
const ZIP: u8 = 3;
/// What the bombs grow to.
const GROWN: usize = 512 << 20;
/// What the program may hold meanwhile, in bytes.
const HELD: u64 = 256 << 20;

fn case(name: &str, compression: u8, file: Vec<u8>) -> Case {
    let mut guest = Guest::named("discards");
    guest.found.compression = compression;
    Case::new(name, &guest).reading(file)
}

#[test]
fn bombs_pass_through_in_pieces() {
    check(&[
        case("bomb-gzip", GZIP, gzip_bomb()).holding(HELD),
        case("bomb-zstd", ZSTD, zstd(0x38, GROWN)).holding(HELD),
        case("bomb-zip", ZIP, zip_bomb()).holding(HELD),
    ]);
}

#[test]
fn a_decoder_takes_no_more_memory_than_it_needs() {
    // A window of 2 GiB, for one byte.
    check(&[case("zstd-window", ZSTD, zstd(0xa8, 1)).holding(HELD)]);
}

#[test]
fn an_archive_holds_one_file() {
    let lying = {
        let mut archive = archive(1, b"the content");
        let at = archive.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
        archive[at + 24..at + 28].copy_from_slice(&1_000_000_u32.to_le_bytes());
        archive
    };
    let nowhere = [b"PK\x03\x04".to_vec(), vec![0; 40 << 20]].concat();
    check(&[
        case("zip-of-none", ZIP, archive(0, b"")),
        case("zip-of-two", ZIP, archive(2, b"x")),
        case("zip-of-a-million", ZIP, directory_of(1_000_000)).holding(HELD),
        case("zip-of-another-length", ZIP, lying),
        case("zip-without-a-directory", ZIP, nowhere).holding(HELD),
    ]);
}

fn gzip_bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zeros(&mut encoder);
    encoder.finish().unwrap()
}

fn zip_bomb() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("a.csv", SimpleFileOptions::default().compression_level(Some(1))).unwrap();
    zeros(&mut writer);
    writer.finish().unwrap().into_inner()
}

fn zeros(into: &mut impl Write) {
    let piece = vec![0; 1 << 20];
    (0..GROWN >> 20).for_each(|_| into.write_all(&piece).unwrap());
}

/// A zstd frame of zeros, made of blocks that say "this byte so often".
fn zstd(window: u8, bytes: usize) -> Vec<u8> {
    const BLOCK: usize = 128 << 10;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(BLOCK);
        left -= length;
        let header = (length as u32) << 3 | 1 << 1 | u32::from(left == 0);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

fn archive(members: usize, content: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for member in 0..members {
        writer.start_file(format!("{member}.csv"), SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An archive of empty files that share one header: 53 MB of directory.
fn directory_of(members: u64) -> Vec<u8> {
    let one = archive(1, b"");
    let entry = one.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let end = one.windows(4).position(|bytes| bytes == b"PK\x05\x06").unwrap();
    let mut file = one[..entry].to_vec();
    let start = file.len() as u64;
    const NAME: usize = 46;
    for member in 0..members {
        let mut entry = one[entry..end].to_vec();
        entry[28] = 7;
        entry.truncate(NAME);
        entry.extend_from_slice(format!("{member:07}").as_bytes());
        file.extend_from_slice(&entry);
    }
    let (length, end_at) = (file.len() as u64 - start, file.len() as u64);
    // The large form of the end: its size, versions, disks, twice the count, size and place of the directory.
    file.extend_from_slice(b"PK\x06\x06");
    file.extend_from_slice(&44_u64.to_le_bytes());
    file.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [members, members, length, start] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    file.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    file.extend_from_slice(&end_at.to_le_bytes());
    file.extend_from_slice(&1_u32.to_le_bytes());
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    file.extend_from_slice(&[0xff; 12]);
    file.extend_from_slice(&[0, 0]);
    file
}
