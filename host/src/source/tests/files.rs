//! Reading files: every compression, whole, cut off, broken, replaced.

use std::io::Write;

use proptest::prelude::*;

use super::super::error::SourceError;
use super::super::fetch::{CHUNK, Compression, FileReader, InputSpec, open_file};
use super::super::store::Location;
use super::{at, runtime};

fn content(len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 57) as u8).collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(files: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, data) in files {
        if name.ends_with('/') {
            writer.add_directory(*name, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(data).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn drain(reader: &mut FileReader) -> Result<Vec<u8>, SourceError> {
    let mut out = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        assert!(chunk.len() <= CHUNK && !chunk.is_empty());
        out.extend_from_slice(chunk);
    }
    Ok(out)
}

fn read_at(location: &Location, spec: &InputSpec) -> Result<Vec<u8>, SourceError> {
    let runtime = runtime();
    let mut reader = open_file(location, spec, runtime.handle().clone())?;
    let out = drain(&mut reader)?;
    assert_eq!(reader.bytes_out(), out.len() as u64);
    Ok(out)
}

/// Writes `stored` as a file and reads it back.
fn read(stored: &[u8], compression: Compression) -> Result<Vec<u8>, SourceError> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), stored).unwrap();
    read_at(&at(&runtime(), dir.path()), &InputSpec::new("f", compression))
}

#[test]
fn every_compression_gives_the_content_back() {
    for len in [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77] {
        let data = content(len);
        assert_eq!(read(&data, Compression::None).unwrap(), data, "plain {len}");
        assert_eq!(read(&gzip(&data), Compression::Gzip).unwrap(), data, "gzip {len}");
        assert_eq!(read(&zstd::encode_all(&*data, 1).unwrap(), Compression::Zstd).unwrap(), data, "zstd {len}");
        for method in [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored] {
            assert_eq!(read(&zip_of(&[("a.csv", &data)], method), Compression::Zip).unwrap(), data, "{method} {len}");
        }
    }
}

#[test]
fn an_empty_file_has_no_chunks() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        assert!(read(b"", compression).unwrap().is_empty(), "{compression:?}");
    }
}

#[test]
fn the_bytes_taken_in_are_counted_to_the_last() {
    let runtime = runtime();
    let dir = tempfile::tempdir().unwrap();
    let stored = gzip(&content(5 * CHUNK));
    std::fs::write(dir.path().join("f"), &stored).unwrap();
    let location = at(&runtime, dir.path());
    let spec = InputSpec::new("f", Compression::Gzip);
    let mut reader = open_file(&location, &spec, runtime.handle().clone()).unwrap();
    reader.next_chunk().unwrap();
    assert!(reader.bytes_in() > 0 && reader.bytes_in() < stored.len() as u64);
    drain(&mut reader).unwrap();
    assert_eq!(reader.bytes_in(), stored.len() as u64);
    assert_eq!(reader.size(), stored.len() as u64);
}

#[test]
fn a_cut_off_stream_is_named_with_its_offset() {
    let data = content(100_000);
    for (stored, compression) in
        [(gzip(&data), Compression::Gzip), (zstd::encode_all(&*data, 1).unwrap(), Compression::Zstd)]
    {
        for keep in [1, 5, stored.len() / 2, stored.len() - 1] {
            let error = read(&stored[..keep], compression).unwrap_err();
            let SourceError::Corrupt { offset, problem, .. } = &error else { panic!("{error}") };
            assert_eq!(*offset, keep as u64, "{error}");
            assert!(problem.contains("ends in the middle"), "{error}");
        }
    }
}

#[test]
fn garbage_in_or_after_a_stream_is_an_error() {
    let data = content(100_000);
    let good = gzip(&data);
    let mut flipped = good.clone();
    let at = good.len() - 6; // in the checksum
    flipped[at] ^= 1;
    let trailing = [good.as_slice(), b"not gzip at all"].concat();
    for (stored, compression) in [
        (flipped, Compression::Gzip),
        (trailing, Compression::Gzip),
        (data.clone(), Compression::Gzip),
        (data.clone(), Compression::Zstd),
    ] {
        let error = read(&stored, compression).unwrap_err();
        assert!(matches!(error, SourceError::Corrupt { .. }), "{error}");
    }
}

#[test]
fn a_zip_needs_exactly_one_file() {
    let deflated = zip::CompressionMethod::Deflated;
    let with_extras = zip_of(&[("d/", b""), ("d/a.csv", b"x,y\n"), ("__MACOSX/d/._a.csv", b"junk")], deflated);
    assert_eq!(read(&with_extras, Compression::Zip).unwrap(), b"x,y\n");
    for files in [&[][..], &[("a.csv", &b"1"[..]), ("b.csv", &b"2"[..])][..]] {
        let error = read(&zip_of(files, deflated), Compression::Zip).unwrap_err();
        assert!(error.to_string().contains("exactly one"), "{error}");
    }
}

#[test]
fn broken_zips_are_errors_that_say_so() {
    let good = zip_of(&[("a.csv", &content(50_000))], zip::CompressionMethod::Deflated);
    for keep in [0, 3, 40, good.len() / 2, good.len() - 1] {
        let error = read(&good[..keep], Compression::Zip).unwrap_err();
        assert!(matches!(error, SourceError::Corrupt { .. }), "{keep}: {error}");
    }
    let error = read(&content(5000), Compression::Zip).unwrap_err();
    assert!(error.to_string().contains("not a zip archive"), "{error}");
    // Stored, so that only the checksum can tell.
    let mut stored = zip_of(&[("a.csv", &content(50_000))], zip::CompressionMethod::Stored);
    stored[1000] ^= 1;
    let error = read(&stored, Compression::Zip).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
    // The flag of encryption in both headers.
    let mut encrypted = good;
    let central = encrypted.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    encrypted[6] |= 1;
    encrypted[central + 8] |= 1;
    let error = read(&encrypted, Compression::Zip).unwrap_err();
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[test]
fn a_replaced_file_is_an_error() {
    let runtime = runtime();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    std::fs::write(&file, content(4 * CHUNK)).unwrap();
    let location = at(&runtime, dir.path());
    let found = runtime.block_on(location.stat("f")).unwrap();
    let spec = InputSpec::new("f", Compression::None).expecting(&found);
    assert_eq!(read_at(&location, &spec).unwrap().len(), 4 * CHUNK);
    let mut reader = open_file(&location, &spec, runtime.handle().clone()).unwrap();
    reader.next_chunk().unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_len(2 * CHUNK as u64).unwrap();
    let error = drain(&mut reader).unwrap_err();
    assert!(matches!(error, SourceError::Changed { .. }), "{error}");
    assert!(reader.next_chunk().unwrap().is_none());
    let error = read_at(&location, &spec).unwrap_err();
    assert!(matches!(error, SourceError::Changed { .. }), "{error}");
}

#[test]
fn output_is_limited() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), gzip(&vec![0; 8 * CHUNK])).unwrap();
    let location = at(&runtime(), dir.path());
    let mut spec = InputSpec::new("f", Compression::Gzip);
    spec.output_limit = 8 * CHUNK as u64;
    assert_eq!(read_at(&location, &spec).unwrap().len(), 8 * CHUNK);
    spec.output_limit -= 1;
    assert!(matches!(read_at(&location, &spec), Err(SourceError::OverLimit { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Members of any number and size give what flate2 gives for the whole file; any cut of them is an error.
    #[test]
    fn gzip_members_equal_the_whole(parts in prop::collection::vec(0_usize..300_000, 1..5), cut in 0.0_f64..1.0) {
        let data: Vec<Vec<u8>> = parts.iter().map(|len| content(*len)).collect();
        let members: Vec<Vec<u8>> = data.iter().map(|d| gzip(d)).collect();
        let stored = members.concat();
        let mut whole = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&*stored), &mut whole).unwrap();
        prop_assert_eq!(&whole, &data.concat());
        prop_assert_eq!(&read(&stored, Compression::Gzip).unwrap(), &whole);
        let keep = (stored.len() as f64 * cut) as usize;
        let mut ends = members.iter().scan(0, |end, m| { *end += m.len(); Some(*end) });
        let is_whole = keep == 0 || ends.any(|end| end == keep);
        prop_assert_eq!(read(&stored[..keep], Compression::Gzip).is_ok(), is_whole);
    }
}
