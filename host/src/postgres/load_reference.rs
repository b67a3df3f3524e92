//! Reference rows from a file of the user's: `costhost db load-aliases FILE.csv`.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate};
use csv::StringRecord;
use serde::Serialize;
use serde_json::{Map, Value};

use super::connect::Database;
use super::definition::{ColumnKind, DatabaseColumn, DatabaseTable};
use super::error::DatabaseError;
use super::reference_rows::{Origin, upsert};

/// What a file of reference rows did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadedReference {
    /// Rows of the file.
    pub rows: u64,
    /// How many of them were new or said something new.
    pub changed: u64,
}

impl Database {
    /// Adds the rows of a CSV file to a reference table, or changes those with their key: from then on they are the user's,
    /// and reports do not change them. The header names columns; an empty cell is NULL; columns that are not named keep
    /// what they hold.
    ///
    /// # Errors
    /// When the file does not fit the table, with its row and column; when the server refuses. Then nothing was changed.
    pub async fn load_reference(&self, table: &DatabaseTable, file: &Path) -> Result<LoadedReference, DatabaseError> {
        let name = file.display().to_string();
        let bytes = tokio::fs::read(file).await.map_err(|source| DatabaseError::File { file: name.clone(), source })?;
        let rows = read(table, &name, &bytes)?;
        let count = rows.len() as u64;
        let mut session = self.session().await?;
        let changed = upsert(&mut session, self.schema(), table, rows, Origin::User).await?;
        session.keep();
        Ok(LoadedReference { rows: count, changed })
    }
}

fn read(table: &DatabaseTable, file: &str, bytes: &[u8]) -> Result<Vec<Value>, DatabaseError> {
    let problem = |row, problem: String| DatabaseError::Csv { file: file.to_owned(), row, problem };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let columns = header(table, reader.headers().map_err(|error| problem(Some(1), error.to_string()))?)
        .map_err(|found| problem(Some(1), found))?;
    let mut rows = Vec::new();
    let mut keys: BTreeMap<String, u64> = BTreeMap::new();
    for (number, record) in (2..).zip(reader.records()) {
        let record = record.map_err(|error| problem(Some(number), error.to_string()))?;
        let row = row(&columns, &record).map_err(|found| problem(Some(number), found))?;
        let key: Vec<&Value> = table.key.iter().filter_map(|name| row.get(name)).collect();
        if key.iter().all(|value| value.is_null()) {
            return Err(problem(Some(number), format!("{} is empty: it tells rows apart", table.key.join(", "))));
        }
        let key = serde_json::to_string(&key).unwrap_or_default();
        if let Some(first) = keys.insert(key, number) {
            let names = table.key.join(", ");
            return Err(problem(Some(number), format!("has the same {names} as row {first}; remove one of them")));
        }
        rows.push(Value::Object(row));
    }
    Ok(rows)
}

/// The column of each cell.
fn header<'a>(table: &'a DatabaseTable, names: &StringRecord) -> Result<Vec<&'a DatabaseColumn>, String> {
    let known = || table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut columns: Vec<&DatabaseColumn> = Vec::new();
    for name in names.iter().map(str::trim) {
        let column = table.columns.iter().find(|column| column.name == name);
        let column =
            column.ok_or_else(|| format!("there is no column {name:?} in {}; it has {}", table.name, known()))?;
        if columns.iter().any(|other| other.name == name) {
            return Err(format!("column {name:?} is there twice"));
        }
        columns.push(column);
    }
    match table.key.iter().find(|key| !columns.iter().any(|column| column.name == **key)) {
        Some(missing) => Err(format!("the header lacks {missing:?}, which tells rows of {} apart", table.name)),
        None => Ok(columns),
    }
}

fn row(columns: &[&DatabaseColumn], record: &StringRecord) -> Result<Map<String, Value>, String> {
    let mut row = Map::new();
    for (column, text) in columns.iter().zip(record) {
        let value = match text {
            "" => Value::Null,
            text => {
                cell(column.kind, text).map_err(|wanted| format!("column {}: {text:?} is not {wanted}", column.name))?
            }
        };
        row.insert(column.name.clone(), value);
    }
    Ok(row)
}

/// A cell as the server will read it. Fails with what it should have been.
fn cell(kind: ColumnKind, text: &str) -> Result<Value, &'static str> {
    let plain = || Ok(Value::from(text.trim()));
    let trimmed = text.trim();
    match kind {
        ColumnKind::Text if text.contains('\0') => Err("text without NUL"),
        ColumnKind::Text => Ok(Value::from(text)),
        ColumnKind::Date => {
            NaiveDate::parse_from_str(trimmed, "%Y-%m-%d").map_or(Err("a date as 2025-01-31"), |_| plain())
        }
        ColumnKind::Int32 => trimmed.parse::<i32>().map_or(Err("a whole number"), |_| plain()),
        ColumnKind::Int64 => trimmed.parse::<i64>().map_or(Err("a whole number"), |_| plain()),
        ColumnKind::Float64 => trimmed.parse::<f64>().map_or(Err("a number"), |_| plain()),
        ColumnKind::Boolean => trimmed.parse::<bool>().map_or(Err("true or false"), |_| plain()),
        ColumnKind::Uuid => uuid::Uuid::try_parse(trimmed).map_or(Err("a UUID"), |_| plain()),
        ColumnKind::Timestamp => {
            DateTime::parse_from_rfc3339(trimmed).map_or(Err("a time as 2025-01-31T00:00:00Z"), |_| plain())
        }
        ColumnKind::Decimal => {
            let digits = trimmed.strip_prefix('-').unwrap_or(trimmed);
            let is_decimal = digits.contains(|letter: char| letter.is_ascii_digit())
                && digits.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
                && digits.matches('.').count() <= 1;
            if is_decimal { plain() } else { Err("a number as 12.34") }
        }
        ColumnKind::Json | ColumnKind::Nested => serde_json::from_str(text).map_err(|_| "JSON"),
        ColumnKind::TextList => match serde_json::from_str::<Vec<String>>(text) {
            Ok(members) => Ok(Value::from(members)),
            Err(_) => Err("a JSON array of texts"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::manifest::TableRole;

    fn table() -> DatabaseTable {
        let column = |name: &str, kind| DatabaseColumn { name: name.into(), kind };
        DatabaseTable {
            name: "aliases".into(),
            role: TableRole::Reference,
            columns: vec![
                column("account_id", ColumnKind::Text),
                column("account_alias", ColumnKind::Text),
                column("since", ColumnKind::Date),
            ],
            key: vec!["account_id".into()],
            partition_by: None,
            indexes: vec![],
            total: None,
        }
    }

    #[test]
    fn rows_are_read() {
        let text = "\u{feff}account_alias,account_id,since\n\"Shop, EU\",0001, 2025-01-31\n,0002,\n";
        let rows = read(&table(), "a.csv", text.as_bytes()).unwrap();
        let want = serde_json::json!([
            {"account_alias": "Shop, EU", "account_id": "0001", "since": "2025-01-31"},
            {"account_alias": null, "account_id": "0002", "since": null},
        ]);
        assert_eq!(Value::Array(rows), want);
    }

    #[test]
    fn errors_say_where() {
        let cases = [
            ("account_alias\nx\n", "a.csv, row 1: the header lacks \"account_id\", which tells rows of aliases apart"),
            (
                "account_id,nick\n",
                "a.csv, row 1: there is no column \"nick\" in aliases; it has account_id, account_alias, since",
            ),
            ("account_id,account_id\n", "a.csv, row 1: column \"account_id\" is there twice"),
            (
                "account_id,since\n1,2025-02-30\n",
                "a.csv, row 2: column since: \"2025-02-30\" is not a date as 2025-01-31",
            ),
            ("account_id\n1\n\"\"\n", "a.csv, row 3: account_id is empty: it tells rows apart"),
            ("account_id\n1\n2\n1\n", "a.csv, row 4: has the same account_id as row 2; remove one of them"),
        ];
        for (text, want) in cases {
            assert_eq!(read(&table(), "a.csv", text.as_bytes()).unwrap_err().to_string(), want);
        }
    }
}
