//! From what a plugin declares to [`Manifest`]: every name, index and column is checked here once.
//!
//! Names become table, column and folder names, so their alphabet is narrow. Problems come out as sentences that say
//! which table and column is meant.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};

use super::abi::v0_1::describe as wit;
use super::imports::log::printable;
use super::intake::read_schema;
use super::manifest::{Identity, Manifest, Money, Summary, Table, TableRole};
use super::{manifest_database, manifest_reports};
use crate::lake;

/// Columns the host adds to every table, and partitions by.
const RESERVED: [&str; 5] = ["source", "year", "month", "source_uuid", "cost_entry_bill_id"];
/// What names of the host's own tables and columns begin with.
const OWN_PREFIX: &str = "costhost_";
/// Columns that every table of PostgreSQL has already.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];
/// Tables the host itself keeps beside those of a provider.
const RESERVED_TABLES: [&str; 2] = ["loads", "rejects"];
const MAX_TITLE: usize = 200;
const MAX_TABLES: usize = 256;
/// Bytes of a settings schema: each of its patterns is compiled when it is checked.
const MAX_SETTINGS_SCHEMA: usize = 256 << 10;
/// Decimal places of a tolerance.
const TOLERANCE_PLACES: usize = 18;

/// Checks a manifest. `summarizes` tells whether the plugin exports the interface that summaries need.
pub(super) fn check(declared: wit::Manifest, summarizes: bool) -> Result<Manifest, String> {
    if !is_name(&declared.id, '-') {
        return Err(format!("the id `{}` is not of the form [a-z][a-z0-9-]*", printable(&declared.id, 80)));
    }
    identifier("provider", &declared.provider)?;
    check_version(&declared.version)?;
    check_settings_schema(&declared.settings_schema)?;
    if declared.tables.len() > MAX_TABLES {
        return Err(format!("{} tables; at most {MAX_TABLES} are taken", declared.tables.len()));
    }
    let tables = declared.tables.into_iter().map(table).collect::<Result<Vec<_>, _>>()?;
    unique("table", tables.iter().map(|table| table.name.as_str()))?;
    manifest_database::check_partition_names(&tables)?;
    if !declared.summaries.is_empty() && !summarizes {
        return Err("it declares summaries and does not export `summarize`".to_owned());
    }
    let summaries =
        declared.summaries.into_iter().map(|declared| summary(declared, &tables)).collect::<Result<Vec<_>, _>>()?;
    unique("summary", summaries.iter().map(|summary| summary.name.as_str()))?;
    let lookups = declared.lookups.into_iter().map(|declared| manifest_database::lookup(declared, &tables));
    let lookups = lookups.collect::<Result<Vec<_>, _>>()?;
    manifest_database::check_order(&lookups, &tables)?;
    let rollups = declared.rollups.into_iter();
    let rollups = rollups.map(|declared| manifest_database::rollup(declared, &tables, &lookups));
    let rollups = rollups.collect::<Result<Vec<_>, _>>()?;
    manifest_database::check_makers(&tables, &summaries, &rollups)?;
    let reports = declared.reports.into_iter().map(|declared| manifest_reports::report(declared, &tables));
    let reports = reports.collect::<Result<Vec<_>, _>>()?;
    unique("report", reports.iter().map(|report| report.name.as_str()))?;
    Ok(Manifest {
        id: declared.id,
        provider: declared.provider,
        title: printable(&declared.title, MAX_TITLE),
        version: declared.version,
        settings_schema: declared.settings_schema,
        tables,
        summaries,
        rollups,
        lookups,
        reports,
    })
}

/// `[a-z][a-z0-9_]{0,62}`, with `dash` in place of the underscore where that is given.
pub(super) fn is_name(name: &str, dash: char) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == dash)
}

pub(super) fn identifier(what: &str, name: &str) -> Result<(), String> {
    if is_name(name, '_') {
        return Ok(());
    }
    Err(format!("the {what} name `{}` is not of the form [a-z][a-z0-9_]{{0,62}}", printable(name, 80)))
}

/// Names the first name that comes twice.
pub(super) fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("two of its {what} names are `{name}`"));
        }
    }
    Ok(())
}

/// The column of a table, or a sentence that says that there is none.
pub(super) fn column<'a>(table: &'a Table, place: &str, name: &str) -> Result<&'a DataType, String> {
    match table.schema.field_with_name(name) {
        Ok(field) => Ok(field.data_type()),
        Err(_) => {
            Err(format!("{place} names the column `{}`, which table {} does not have", printable(name, 80), table.name))
        }
    }
}

/// As [`column`], of a type that `fits`.
pub(super) fn typed_column(
    table: &Table,
    place: &str,
    name: &str,
    expected: &str,
    fits: impl Fn(&DataType) -> bool,
) -> Result<(), String> {
    let found = column(table, place, name)?;
    if fits(found) {
        return Ok(());
    }
    Err(format!("{place} needs {expected}, and column `{name}` of table {} is {found}", table.name))
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    *data_type == DataType::Utf8
}

pub(super) fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(_, _))
}

fn check_version(version: &str) -> Result<(), String> {
    let (numbers, rest) = version.split_at(version.find(['-', '+']).unwrap_or(version.len()));
    let parts: Vec<&str> = numbers.split('.').collect();
    let number = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    let suffix = rest.len() != 1 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte));
    if version.len() <= 64 && parts.len() == 3 && parts.iter().all(number) && suffix {
        return Ok(());
    }
    Err(format!("the version `{}` is not a semantic version such as 1.2.3", printable(version, 80)))
}

fn check_settings_schema(schema: &str) -> Result<(), String> {
    if schema.len() > MAX_SETTINGS_SCHEMA {
        return Err(format!("a settings schema of {} bytes; at most {MAX_SETTINGS_SCHEMA} are taken", schema.len()));
    }
    let parsed: serde_json::Value =
        serde_json::from_str(schema).map_err(|error| format!("its settings schema is not JSON: {error}"))?;
    if parsed.is_object() { Ok(()) } else { Err("its settings schema is not a JSON object".to_owned()) }
}

fn table(declared: wit::Table) -> Result<Table, String> {
    identifier("table", &declared.name)?;
    let name = declared.name;
    if RESERVED_TABLES.contains(&name.as_str()) || name.starts_with(OWN_PREFIX) {
        return Err(format!(
            "the host keeps a table `{name}` of its own, or may; give the plugin's table a name that does not begin with \
             `{OWN_PREFIX}` and is not {}",
            RESERVED_TABLES.join(" or ")
        ));
    }
    let schema = read_schema(&declared.schema).map_err(|problem| format!("schema of table {name}: {problem}"))?;
    let role = match declared.role {
        wit::TableRole::LineItems => TableRole::LineItems,
        wit::TableRole::Usage => TableRole::Usage,
        wit::TableRole::Reference => TableRole::Reference,
        wit::TableRole::Summary => TableRole::Summary,
        wit::TableRole::Bill => TableRole::Bill,
        wit::TableRole::TagKeys => TableRole::TagKeys,
        wit::TableRole::Rollup => TableRole::Rollup,
    };
    check_schema(&name, role, &schema)?;
    let table = Table {
        name,
        role,
        schema: Arc::new(schema),
        money: Vec::new(),
        invoice: None,
        key: Vec::new(),
        partition_by: None,
        indexes: Vec::new(),
    };
    let money = declared.money.into_iter().map(|declared| {
        typed_column(&table, "money", &declared.column, "a decimal column", is_decimal)?;
        typed_column(&table, "money", &declared.currency, "a text column for the currency", is_text)?;
        Ok(Money { column: declared.column, currency: declared.currency, total: declared.total })
    });
    let money = money.collect::<Result<Vec<_>, String>>()?;
    let table = Table { money, ..table };
    manifest_database::placed(table, declared.invoice, declared.key, declared.partition_by, declared.indexes)
}

fn check_schema(table: &str, role: TableRole, schema: &Schema) -> Result<(), String> {
    if schema.fields().is_empty() {
        return Err(format!("table {table} has no columns"));
    }
    unique("column", schema.fields().iter().map(|field| field.name().as_str()))
        .map_err(|problem| format!("table {table}: {problem}"))?;
    for field in schema.fields() {
        let name = field.name();
        identifier("column", name).map_err(|problem| format!("table {table}: {problem}"))?;
        if RESERVED.iter().chain(manifest_database::reserved(role)).any(|reserved| reserved == name) {
            return Err(format!("table {table}: the column `{name}` is one the host adds itself; leave it out"));
        }
        if SYSTEM_COLUMNS.contains(&name.as_str()) || name.starts_with(OWN_PREFIX) {
            return Err(format!(
                "table {table}: the column `{name}` has a name that databases or the host keep for themselves; give it \
                 another"
            ));
        }
        if !lake::holds(field.data_type()) {
            return Err(format!(
                "table {table}: column `{name}` is {}, which lake tables do not hold. They hold Utf8, Boolean, Int32, \
                 Int64, Float64, Date32, Decimal128, Timestamp(us, \"UTC\"), lists of these, and maps with text keys",
                field.data_type()
            ));
        }
    }
    Ok(())
}

fn summary(declared: wit::Summary, tables: &[Table]) -> Result<Summary, String> {
    identifier("summary", &declared.name)?;
    let place = format!("summary {}", declared.name);
    let table = |index: u32| {
        let found = tables.get(index as usize);
        found.ok_or_else(|| format!("{place} points at table {index}, and there are {}", tables.len()))
    };
    let input = table(declared.input)?;
    let outputs = declared.outputs.iter().map(|output| table(*output)).collect::<Result<Vec<_>, _>>()?;
    let Some((output, others)) = outputs.split_first() else { return Err(format!("{place} fills no table")) };
    let other = |role| matches!(role, TableRole::Summary | TableRole::Bill | TableRole::TagKeys | TableRole::Reference);
    if output.role != TableRole::Summary || !input.role.is_normalized() || !others.iter().all(|t| other(t.role)) {
        return Err(format!(
            "{place} goes from table {} to {}; it has to go from line items or usage to a summary table, and beside it \
             to bills, tag keys, references and further summaries",
            input.name, output.name
        ));
    }
    if declared.columns.is_empty() {
        return Err(format!("{place} needs no column of its input"));
    }
    unique("column", declared.columns.iter().map(String::as_str)).map_err(|problem| format!("{place}: {problem}"))?;
    for name in &declared.columns {
        column(input, &place, name)?;
    }
    let identities = declared.identities.into_iter().map(|declared| identity(declared, output, &place));
    Ok(Summary {
        identities: identities.collect::<Result<_, _>>()?,
        name: declared.name,
        outputs: declared.outputs.iter().map(|output| *output as usize).collect(),
        input: declared.input as usize,
        columns: declared.columns,
    })
}

fn identity(declared: wit::Identity, output: &Table, place: &str) -> Result<Identity, String> {
    let name = printable(&declared.name, MAX_TITLE);
    let place = format!("{place}, identity {name}");
    for column in std::iter::once(&declared.total).chain(&declared.parts) {
        typed_column(output, &place, column, "decimal columns", is_decimal)?;
    }
    typed_column(output, &place, &declared.currency, "a text column for the currency", is_text)?;
    if declared.parts.is_empty() {
        return Err(format!("{place} has no parts"));
    }
    let tolerance = tolerance(&declared.tolerance).ok_or_else(|| {
        format!("{place}: the tolerance `{}` is not a small decimal", printable(&declared.tolerance, 80))
    })?;
    Ok(Identity { name, total: declared.total, parts: declared.parts, tolerance, currency: declared.currency })
}

/// Decimal text to units of 10^-18.
fn tolerance(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > 38 || whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > TOLERANCE_PLACES {
        return None;
    }
    format!("{whole}{fraction:0<TOLERANCE_PLACES$}").parse().ok()
}

#[cfg(test)]
#[path = "manifest_check_tests.rs"]
mod tests;
