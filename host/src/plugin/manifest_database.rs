//! Checks of what a plugin declares beyond tables and summaries: keys, indexes, rollups and lookups.
//!
//! All of it becomes tables and statements in a database, so nothing passes that would fail or surprise there.

use arrow::datatypes::{DataType, Field};

use super::abi::v0_1::describe as wit;
use super::manifest::{
    Index, IndexMethod, Lookup, Rollup, RollupAggregate, RollupColumn, Summary, Table, TableRole, Validity,
};
use super::manifest_check::{column, identifier, is_decimal, is_text, typed_column, unique};
use super::manifest_reports;

/// Names of partitions end in `_YYYY_MM`, and identifiers have at most 63 letters.
const MAX_PARTITIONED_NAME: usize = 55;
/// What databases take in one index.
const MAX_INDEX_COLUMNS: usize = 16;

/// Columns that the host adds to tables of this role, beside those it adds to every table.
pub(super) fn reserved(role: TableRole) -> &'static [&'static str] {
    match role {
        TableRole::Bill => &["id", "summary_data_creation_datetime", "summary_data_updated_datetime"],
        TableRole::Reference => &["id", "origin", "reported"],
        TableRole::TagKeys => &["id", "origin", "enabled"],
        TableRole::LineItems | TableRole::Usage | TableRole::Summary | TableRole::Rollup => &[],
    }
}

/// Fills in the parts of a table that name columns of it.
pub(super) fn placed(
    mut table: Table,
    invoice: Option<String>,
    key: Vec<String>,
    partition_by: Option<String>,
    indexes: Vec<wit::Index>,
) -> Result<Table, String> {
    let place = format!("table {}", table.name);
    if let Some(invoice) = &invoice {
        typed_column(&table, &format!("{place}, invoice"), invoice, "a text column", is_text)?;
    }
    unique("key column", key.iter().map(String::as_str)).map_err(|problem| format!("{place}: {problem}"))?;
    for name in &key {
        typed_column(&table, &format!("{place}, key"), name, "a column of plain values", |found| !found.is_nested())?;
    }
    let keyed = matches!(table.role, TableRole::Reference | TableRole::TagKeys);
    if keyed == key.is_empty() {
        return Err(if keyed {
            format!("{place} has no key; say which columns tell its rows apart")
        } else {
            format!("{place} has a key, which only reference and tag-key tables have")
        });
    }
    if table.role == TableRole::TagKeys {
        typed_column(&table, &place, "key", "a text column", is_text)?;
    }
    if let Some(day) = &partition_by {
        typed_column(&table, &format!("{place}, partitions"), day, "a date column", is_date)?;
        if field(&table, day).is_some_and(Field::is_nullable) {
            return Err(format!(
                "{place}, partitions: a row without `{day}` belongs to no month; declare it without nulls"
            ));
        }
        if table.name.len() > MAX_PARTITIONED_NAME {
            return Err(format!("{place} has partitions, so its name may have {MAX_PARTITIONED_NAME} letters"));
        }
        if !matches!(table.role, TableRole::Summary | TableRole::Rollup) {
            return Err(format!("{place} has partitions, which only summaries and rollups have"));
        }
    }
    table.indexes = indexes.into_iter().map(|declared| index(declared, &table)).collect::<Result<_, _>>()?;
    (table.invoice, table.key, table.partition_by) = (invoice, key, partition_by);
    Ok(table)
}

fn is_date(found: &DataType) -> bool {
    *found == DataType::Date32
}

fn index(declared: wit::Index, table: &Table) -> Result<Index, String> {
    let place = format!("table {}, index", table.name);
    if declared.columns.is_empty() || declared.columns.len() > MAX_INDEX_COLUMNS {
        return Err(format!("{place}: an index is on 1 to {MAX_INDEX_COLUMNS} columns"));
    }
    unique("index column", declared.columns.iter().map(String::as_str))
        .map_err(|problem| format!("{place}: {problem}"))?;
    let method = match declared.method {
        wit::IndexMethod::Btree => IndexMethod::Btree,
        wit::IndexMethod::Gin => IndexMethod::Gin,
        wit::IndexMethod::TrigramUpper => IndexMethod::TrigramUpper,
    };
    for name in &declared.columns {
        match method {
            IndexMethod::Btree => {
                typed_column(table, &place, name, "a column of plain values", |found| !found.is_nested())?;
                if is_json(field(table, name)) {
                    return Err(format!("{place}: `{name}` holds JSON, whose index is of the method gin"));
                }
            }
            IndexMethod::Gin if is_json(field(table, name)) => {}
            IndexMethod::Gin => {
                typed_column(table, &place, name, "a JSON, list or map column", DataType::is_nested)?;
            }
            IndexMethod::TrigramUpper => {
                typed_column(table, &place, name, "a text column", is_text)?;
                if is_json(field(table, name)) {
                    return Err(format!("{place}: `{name}` holds JSON, whose index is of the method gin"));
                }
            }
        }
    }
    Ok(Index { columns: declared.columns, method })
}

fn field<'a>(table: &'a Table, name: &str) -> Option<&'a Field> {
    table.schema.field_with_name(name).ok()
}

/// Whether a text column holds JSON: Arrow's canonical extension type.
pub fn is_json(field: Option<&Field>) -> bool {
    field.and_then(|field| field.metadata().get("ARROW:extension:name")).is_some_and(|name| name == "arrow.json")
}

/// Checks a rollup. Its columns must be exactly those that it groups by and makes, and those that `lookups` fill.
pub(super) fn rollup(declared: wit::Rollup, tables: &[Table], lookups: &[Lookup]) -> Result<Rollup, String> {
    let table = |index: u32| {
        let found = tables.get(index as usize);
        found.ok_or_else(|| format!("a rollup points at table {index}, and there are {}", tables.len()))
    };
    let (output, input) = (table(declared.output)?, table(declared.input)?);
    if output.role != TableRole::Rollup || input.role != TableRole::Summary {
        return Err(format!(
            "a rollup goes from table {} to {}; it goes from a summary to a table of the role rollup",
            input.name, output.name
        ));
    }
    let place = format!("rollup {}", output.name);
    let exploded = match &declared.explode {
        Some(name) => {
            typed_column(input, &place, name, "a text column with JSON objects", is_text)?;
            if let Some(taken) = ["key", "value"].into_iter().find(|name| field(input, name).is_some()) {
                return Err(format!(
                    "{place}: table {} has a column `{taken}`, so nothing can be exploded",
                    input.name
                ));
            }
            true
        }
        None => false,
    };
    let input_type = |name: &str| match name {
        "key" | "value" if exploded => Ok(&DataType::Utf8),
        _ => column(input, &place, name),
    };
    let used = declared.group_by.iter().chain(declared.columns.iter().map(|column| &column.of));
    for name in used {
        if lookups.iter().any(|lookup| lookup.table == declared.input as usize && lookup.column == *name) {
            return Err(format!(
                "{place} is made of `{name}`, which only the database fills, by a lookup; let the rollup look it up itself"
            ));
        }
    }
    let mut made = Vec::new();
    for name in &declared.group_by {
        let found = input_type(name)?;
        if found.is_nested() {
            return Err(format!("{place} groups by `{name}`, which is {found}; only plain values can be grouped by"));
        }
        made.push((name.as_str(), found.clone()));
    }
    let mut columns = Vec::with_capacity(declared.columns.len());
    for column in &declared.columns {
        let (aggregate, result) = aggregate(column.aggregate, input_type(&column.of)?).map_err(|needs| {
            format!("{place}: `{}` is of the column `{}`, which is not {needs}", column.name, column.of)
        })?;
        made.push((column.name.as_str(), result));
        columns.push(RollupColumn { name: column.name.clone(), aggregate, of: column.of.clone() });
    }
    check_columns(output, &place, &made, lookups.iter().filter(|lookup| lookup.table == declared.output as usize))?;
    Ok(Rollup {
        output: declared.output as usize,
        input: declared.input as usize,
        clauses: manifest_reports::clauses(declared.where_, input, &place)?,
        group_by: declared.group_by,
        columns,
        explode: declared.explode,
    })
}

fn aggregate(declared: wit::RollupAggregate, of: &DataType) -> Result<(RollupAggregate, DataType), &'static str> {
    let is_list = |found: &DataType| matches!(found, DataType::List(member) if is_text(member.data_type()));
    let members = || if is_text(of) || is_list(of) { Ok(()) } else { Err("text or a list of texts") };
    Ok(match declared {
        wit::RollupAggregate::Sum if is_decimal(of) || *of == DataType::Int64 => (RollupAggregate::Sum, of.clone()),
        wit::RollupAggregate::Sum => return Err("a decimal or Int64"),
        wit::RollupAggregate::Max if is_decimal(of) || is_text(of) || *of == DataType::Int64 => {
            (RollupAggregate::Max, of.clone())
        }
        wit::RollupAggregate::Max => return Err("a decimal, Int64 or text"),
        wit::RollupAggregate::Members => {
            members()?;
            (RollupAggregate::Members, DataType::new_list(DataType::Utf8, true))
        }
        wit::RollupAggregate::CountMembers => {
            members()?;
            (RollupAggregate::CountMembers, DataType::Int64)
        }
    })
}

fn check_columns<'a>(
    output: &Table,
    place: &str,
    made: &[(&str, DataType)],
    looked_up: impl Iterator<Item = &'a Lookup>,
) -> Result<(), String> {
    let looked_up: Vec<&str> = looked_up.map(|lookup| lookup.column.as_str()).collect();
    unique("column", made.iter().map(|(name, _)| *name).chain(looked_up.iter().copied()))
        .map_err(|problem| format!("{place}: {problem}"))?;
    for (name, held) in made {
        let found = column(output, place, name)?;
        if !same_type(found, held) {
            return Err(format!("{place} makes `{name}` as {held}, and its table declares it as {found}"));
        }
    }
    let known = |name: &str| made.iter().any(|(made, _)| *made == name) || looked_up.contains(&name);
    match output.schema.fields().iter().find(|field| !known(field.name())) {
        Some(field) => Err(format!("{place} does not make the column `{}` of its table", field.name())),
        None => Ok(()),
    }
}

/// Names of list members do not matter.
fn same_type(a: &DataType, b: &DataType) -> bool {
    match (a, b) {
        (DataType::List(a), DataType::List(b)) => a.data_type() == b.data_type(),
        _ => a == b,
    }
}

/// Checks a lookup.
pub(super) fn lookup(declared: wit::Lookup, tables: &[Table]) -> Result<Lookup, String> {
    let table = |index: u32| {
        let found = tables.get(index as usize);
        found.ok_or_else(|| format!("a lookup points at table {index}, and there are {}", tables.len()))
    };
    let (looking, reference) = (table(declared.table)?, table(declared.reference)?);
    identifier("lookup column", &declared.column)?;
    let place = format!("the lookup of {}.{}", looking.name, declared.column);
    if reference.role != TableRole::Reference || !matches!(looking.role, TableRole::Summary | TableRole::Rollup) {
        return Err(format!("{place}: a summary or rollup looks rows up in a reference table"));
    }
    let is_id = |found: &DataType| *found == DataType::Int64;
    typed_column(looking, &place, &declared.column, "an Int64 column", is_id)?;
    if declared.on.is_empty() {
        return Err(format!("{place} does not say which columns must be equal"));
    }
    for (ours, theirs) in &declared.on {
        let ours_type = column(looking, &place, ours)?;
        let theirs_type = if theirs == "id" { &DataType::Int64 } else { column(reference, &place, theirs)? };
        if ours_type != theirs_type || ours_type.is_nested() {
            return Err(format!(
                "{place} compares `{ours}`, which is {ours_type}, with `{theirs}`, which is {theirs_type}"
            ));
        }
        if !is_comparable(ours_type) || is_json(field(looking, ours)) || is_json(field(reference, theirs)) {
            return Err(format!(
                "{place} compares `{ours}`, which is {ours_type}; rows are looked up by text that is not JSON, Int32, \
                 Int64, Boolean, Date32 and decimals"
            ));
        }
    }
    let valid = declared.valid.map(|valid| {
        typed_column(looking, &place, &valid.at, "a date column", is_date)?;
        typed_column(reference, &place, &valid.from, "a date column", is_date)?;
        typed_column(reference, &place, &valid.until, "a date column", is_date)?;
        Ok::<_, String>(Validity { at: valid.at, from: valid.from, until: valid.until })
    });
    Ok(Lookup {
        table: declared.table as usize,
        column: declared.column,
        reference: declared.reference as usize,
        on: declared.on,
        valid: valid.transpose()?,
    })
}

/// Types whose equal values a lookup finds in the database and in the lake alike.
fn is_comparable(found: &DataType) -> bool {
    is_text(found)
        || is_decimal(found)
        || matches!(found, DataType::Int32 | DataType::Int64 | DataType::Boolean | DataType::Date32)
}

/// Lookups are done in their order: each column is filled once, and what a lookup compares is filled before it.
pub(super) fn check_order(lookups: &[Lookup], tables: &[Table]) -> Result<(), String> {
    for (place, lookup) in lookups.iter().enumerate() {
        let name = tables.get(lookup.table).map_or("", |table| table.name.as_str());
        let fills = |other: &Lookup, column: &str| other.table == lookup.table && other.column == column;
        let mut rest = lookups.iter().skip(place);
        if let Some(late) = rest.find(|other| lookup.on.iter().any(|(ours, _)| fills(other, ours))) {
            return Err(format!(
                "the lookup of {name}.{} compares `{}`, which it or a later lookup fills; declare that lookup before it",
                lookup.column, late.column
            ));
        }
        if lookups.iter().take(place).any(|other| fills(other, &lookup.column)) {
            return Err(format!("two lookups fill {name}.{}", lookup.column));
        }
    }
    Ok(())
}

/// A database makes a table `<table>_YYYY_MM` for each month of a table with partitions; no other may have that name.
pub(super) fn check_partition_names(tables: &[Table]) -> Result<(), String> {
    for table in tables {
        let parent = month_parent(&table.name);
        if let Some(parent) = tables.iter().find(|other| other.partition_by.is_some() && Some(&*other.name) == parent) {
            return Err(format!(
                "table {} has the name of a partition of table {}; give one of them another name",
                table.name, parent.name
            ));
        }
    }
    Ok(())
}

/// What stands before `_YYYY_MM` where a name ends so.
fn month_parent(name: &str) -> Option<&str> {
    let (rest, month) = name.rsplit_once('_')?;
    let (parent, year) = rest.rsplit_once('_')?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(month, 2) && digits(year, 4)).then_some(parent)
}

/// Two makers of one table would replace each other's rows; a table that nothing fills stays empty.
pub(super) fn check_makers(tables: &[Table], summaries: &[Summary], rollups: &[Rollup]) -> Result<(), String> {
    for (index, table) in tables.iter().enumerate() {
        let summarized = summaries.iter().flat_map(|summary| &summary.outputs).filter(|output| **output == index);
        let makers = summarized.count() + rollups.iter().filter(|rollup| rollup.output == index).count();
        let fits = match table.role {
            TableRole::LineItems | TableRole::Usage => makers == 0,
            TableRole::Reference => makers <= 1,
            TableRole::Summary | TableRole::Bill | TableRole::TagKeys | TableRole::Rollup => makers == 1,
        };
        if !fits {
            return Err(format!(
                "table {} is filled by {makers} summaries and rollups, which does not fit its role",
                table.name
            ));
        }
    }
    let bills = tables.iter().filter(|table| table.role == TableRole::Bill).count();
    let keys = tables.iter().filter(|table| table.role == TableRole::TagKeys).count();
    if bills > 1 || keys > 1 {
        return Err("it declares more than one table of bills, or of tag keys".to_owned());
    }
    Ok(())
}

#[cfg(test)]
#[path = "manifest_database_tests.rs"]
mod tests;
