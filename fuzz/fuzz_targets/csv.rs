//! The SDK's CSV: any bytes give rows, the same however they are cut, and all of them.
#![no_main]

use costhost_sdk::csv::field::{quote, unquote};
use costhost_sdk::csv::{Block, Reader, RowTooLong};
use libfuzzer_sys::fuzz_target;

/// Fields as they stand, where the row begins, and whether the file ends in its quotes.
type Row = (Vec<Vec<u8>>, Option<u64>, bool);

fn rows<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Row> {
    let mut found = Vec::new();
    let mut take = |block: Block<'_>| -> Result<(), RowTooLong> {
        for (at, row) in block.rows().enumerate() {
            let fields = (0..row.fields()).map(|field| row.field(field).expect("a field").to_vec()).collect();
            found.push((fields, row.byte(), block.is_unterminated(at)));
        }
        Ok(())
    };
    let mut reader = Reader::new();
    for piece in pieces {
        reader.push(piece, &mut take).expect("rows are short here");
    }
    reader.finish(&mut take).expect("rows are short here");
    found
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, text)) = data.split_first() else { return };
    let whole = rows(std::iter::once(text));
    let step = usize::from(first).max(1);
    assert_eq!(rows(text.chunks(step)), whole, "cut every {step} bytes");
    assert_eq!(rows(text.chunks(1)), whole, "cut at every byte");
    // Unquoted and quoted again, a field keeps its value.
    let (mut scratch, mut again) = (Vec::new(), Vec::new());
    for field in whole.iter().filter(|row| !row.2).flat_map(|row| &row.0) {
        let value = unquote(field, &mut scratch).to_vec();
        let mut quoted = Vec::new();
        quote(&value, &mut quoted);
        assert_eq!(unquote(&quoted, &mut again), value, "{field:?}");
    }
});
