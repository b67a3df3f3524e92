//! A look at the beginning of a data file during discovery, where its place does not say all.

use super::files::input_file;
use super::tree::told;
use crate::contract::{Compression, Form};
use crate::storage::{Object, Span, Storage};

/// Bytes of a CSV file that are looked at: a header of a few hundred columns and some rows.
const HEAD: u64 = 256 * 1024;

/// The beginning of a CSV file, without a byte order mark; the whole of one that is compressed.
///
/// # Errors
/// Why it was not looked at, as a sentence: it has a form that is not looked into, or cannot be read.
pub fn of_file(storage: &dyn Storage, object: &Object) -> Result<String, String> {
    let file = input_file(&object.path, "", "");
    let text = match (file.form, file.compression) {
        (Form::Bytes, Compression::None) => {
            let span = Span { offset: 0, length: HEAD.min(object.size) };
            storage.read(&object.path, Some(span)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        (Form::Bytes, Compression::Gzip) => storage.read_text(&object.path),
        _ => return Err("files of this form are not looked into".to_owned()),
    };
    let text = text.map_err(|error| format!("the file was looked into but {}", told(&error)))?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// Records of CSV text. Only for a look at the first few: rows are parsed by [`crate::csv`].
#[derive(Debug, Clone)]
pub struct Records<'a>(pub &'a str);

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.0.is_empty() {
            return None;
        }
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        let mut end = self.0.len();
        for (at, c) in self.0.char_indices() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                '\n' if !quoted => {
                    end = at + 1;
                    break;
                }
                '\r' if !quoted => {}
                c => field.push(c),
            }
        }
        fields.push(field);
        self.0 = self.0.get(end..).unwrap_or_default();
        Some(fields)
    }
}
