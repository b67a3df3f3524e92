//! Cells of CSV.

use std::io::{self, Write};

/// Writes a cell, quoted when it has to be.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_cell(cell: &str, out: &mut impl Write) -> io::Result<()> {
    if !cell.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        return out.write_all(cell.as_bytes());
    }
    out.write_all(b"\"")?;
    out.write_all(cell.replace('"', "\"\"").as_bytes())?;
    out.write_all(b"\"")
}
