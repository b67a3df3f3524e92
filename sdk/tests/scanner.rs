//! The CSV reader against a plain state machine, on any input, cut anywhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

use costhost_sdk::csv::{Block, Reader, RowTooLong, field::unquote};
use proptest::prelude::*;

/// A row: its values, where it begins, and whether the file ended inside its quotes.
type Row = (Vec<Vec<u8>>, u64, bool);

/// The grammar, written down as plainly as it can be: one byte at a time, values built directly.
fn reference(input: &[u8]) -> Vec<Row> {
    let mark = if input.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let (mut rows, mut row, mut value) = (Vec::new(), Vec::new(), Vec::new());
    let (mut begin, mut at, mut quoted, mut started) = (mark, mark, false, false);
    // A carriage return right before the line feed is part of the line's end, unless it lies between quotes.
    while at < input.len() {
        let byte = input[at];
        let at_line_end = byte == b'\n' || (byte == b'\r' && (at + 1 == input.len() || input[at + 1] == b'\n'));
        if quoted {
            match byte {
                b'"' if input.get(at + 1) == Some(&b'"') => {
                    value.push(b'"');
                    at += 1;
                }
                b'"' => quoted = false,
                _ => value.push(byte),
            }
            // The very end of a file that ends inside quotes: a last carriage return counts as its line's.
            if quoted && at + 1 >= input.len() && byte == b'\r' {
                value.pop();
            }
        } else if at_line_end {
            at += usize::from(byte == b'\r');
            let blank = row.is_empty() && value.is_empty() && !started;
            if !blank {
                row.push(std::mem::take(&mut value));
                rows.push((std::mem::take(&mut row), begin as u64, false));
            }
            (begin, started) = (at + 1, false);
        } else if byte == b',' {
            row.push(std::mem::take(&mut value));
            started = false;
        } else if byte == b'"' && value.is_empty() && !started {
            (quoted, started) = (true, true);
        } else {
            value.push(byte);
            started = true;
        }
        at += 1;
    }
    if begin < input.len() && !(row.is_empty() && value.is_empty() && !started) {
        row.push(value);
        rows.push((row, begin as u64, quoted));
    }
    rows
}

fn read(input: &[u8], cuts: &[usize]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut take = |block: Block<'_>| -> Result<(), RowTooLong> {
        for (at, row) in block.rows().enumerate() {
            let mut scratch = Vec::new();
            let fields = (0..row.fields()).map(|i| unquote(row.field(i).unwrap(), &mut scratch).to_vec()).collect();
            rows.push((fields, row.byte().unwrap(), block.is_unterminated(at)));
        }
        Ok(())
    };
    let mut reader = Reader::new();
    let mut from = 0;
    for to in cuts.iter().copied().chain([input.len()]) {
        let to = to.clamp(from, input.len());
        reader.push(&input[from..to], &mut take).unwrap();
        from = to;
    }
    reader.finish(&mut take).unwrap();
    rows
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => Just(b'"'), 4 => Just(b','), 2 => Just(b'\n'), 2 => Just(b'\r'), 6 => Just(b'a'), 1 => Just(0u8),
        1 => Just(0xEFu8), 1 => Just(0xBBu8), 1 => Just(0xBFu8), 1 => any::<u8>()
    ];
    let free = proptest::collection::vec(byte, 0..400);
    // Mostly well-formed: fields quoted as they should be.
    let field = "[a,\"\n\r]{0,9}".prop_map(|value| {
        if value.contains([',', '"', '\n', '\r']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
    });
    let row = proptest::collection::vec(field, 1..6).prop_map(|fields| fields.join(","));
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    let tidy = (proptest::collection::vec((row, end), 0..40), any::<bool>()).prop_map(|(rows, mark)| {
        let text: String = rows.into_iter().map(|(row, end)| row + end).collect();
        let text = if mark { format!("\u{feff}{text}") } else { text };
        text.into_bytes()
    });
    prop_oneof![free, tidy]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn rows_are_those_of_the_reference(input in bytes(), cuts in proptest::collection::vec(0usize..400, 0..8)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(read(&input, &cuts), reference(&input));
    }
}

#[test]
fn every_single_cut_gives_the_same_rows() {
    let input = b"\xEF\xBB\xBFa,\"b\"\"\r\n,\",c\r\n\r\n1,,\"\"\n\"x\ny\",z,\x00\nlast,row,\"\xC3\xA9\"";
    let whole = read(input, &[]);
    assert_eq!(whole.len(), 4);
    assert_eq!(whole[3].0, [b"last".to_vec(), b"row".to_vec(), "é".as_bytes().to_vec()]);
    for first in 0..=input.len() {
        for second in first..=input.len() {
            assert_eq!(read(input, &[first, second]), whole, "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_row_without_end_is_refused() {
    let mut reader = Reader::new();
    let mut result = reader.push(b"a,b\n1,\"", |_| Ok::<_, RowTooLong>(()));
    for _ in 0..20 {
        result = result.and_then(|()| reader.push(&vec![b'x'; 1 << 20], |_| Ok(())));
    }
    assert_eq!(result, Err(RowTooLong { row: 1, byte: 4 }));
}
