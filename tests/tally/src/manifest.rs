//! What this plugin is: its tables, what is made of them, and the questions they answer.

use crate::settings;
use crate::tables::{
    BILLS, DAILY, LABEL_KEYS, LINES, TEAMS, bill_schema, daily_schema, label_keys_schema, lines_schema, team_column,
    teams_schema,
};
use arrow_schema::Schema;
use costhost_sdk::contract::{
    Clause, Condition, IndexMethod, Manifest, ReportDefinition, Summary, Table, TableRole, Unit,
};
use costhost_sdk::declare::{self, index, money, owned};
use costhost_sdk::rollup::{self, RollupTable};

/// Name of the summary and of its table.
pub const DAILY_COSTS: &str = "tally_daily_costs";

/// The plugin's declarations.
#[must_use]
pub fn manifest() -> Manifest {
    let mut manifest = Manifest {
        id: "tally".to_owned(),
        provider: "tally".to_owned(),
        title: "Tally usage reports".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_schema: settings::SCHEMA.to_owned(),
        tables: vec![lines(), daily(), bills(), label_keys(), teams()],
        summaries: vec![Summary {
            name: DAILY_COSTS.to_owned(),
            // The summary itself comes first.
            outputs: vec![DAILY, BILLS, LABEL_KEYS, TEAMS],
            input: LINES,
            columns: lines_schema().fields().iter().map(|field| field.name().clone()).collect(),
            identities: Vec::new(),
        }],
        rollups: Vec::new(),
        lookups: vec![team_column().of_table(DAILY)],
        reports: vec![report("costs", "Costs", vec![]), report("data", "Costs of data services", data_services())],
        labels: Vec::new(),
    };
    add_rollups(&mut manifest);
    manifest
}

#[expect(clippy::expect_used, reason = "rollups are constants of this plugin, and a test makes them")]
fn add_rollups(manifest: &mut Manifest) {
    rollup::declare(manifest, rollups(), DAILY, &daily_schema()).expect("a constant rollup fits its summary");
}

fn rollups() -> Vec<RollupTable> {
    let costs = |name: &str| {
        RollupTable::new(name)
            .sums(&["cost"])
            .money(money(&["cost"], "currency", "cost"))
            .partitioned_by("day")
            .indexed(index(IndexMethod::Btree, &["day"]))
    };
    vec![
        costs("tally_data_costs")
            .by(&["day", "team", "currency"])
            .sums(&["seats"])
            .members("projects", "projects")
            .count_members("project_count", "projects")
            .max("service")
            .only(data_services())
            .looking_up(&[team_column()]),
        costs("tally_label_costs")
            .exploding("labels")
            .by(&["day", "key", "value", "currency"])
            .members("teams", "team"),
    ]
}

/// Services that hold data, for teams that are known: both clauses must hold, and of the first any condition.
fn data_services() -> Vec<Clause> {
    vec![
        vec![
            Condition::OneOf(("service".to_owned(), owned(&["Warehouse", "Lake"]))),
            Condition::ContainsInAnyCase(("service".to_owned(), "database".to_owned())),
        ],
        vec![Condition::NotNull("team".to_owned())],
    ]
}

fn report(name: &str, title: &str, conditions: Vec<Clause>) -> ReportDefinition {
    ReportDefinition {
        name: name.to_owned(),
        title: title.to_owned(),
        table: DAILY,
        time: "day".to_owned(),
        dimensions: declare::dimensions(&[
            ("team", "team", "Team"),
            ("service", "service", "Service"),
            ("currency", "currency", "Currency"),
        ]),
        measures: declare::costs(&[("cost", "cost", "Cost")], "currency")
            .into_iter()
            .chain([declare::sum("seats", "seats", "Seats", Unit::None)])
            .collect(),
        where_: conditions,
        tags: Some("labels".to_owned()),
    }
}

fn lines() -> Table {
    Table {
        money: money(&["cost"], "currency", "cost"),
        invoice: Some("invoice".to_owned()),
        ..table("line_items", TableRole::LineItems, &lines_schema())
    }
}

fn daily() -> Table {
    Table {
        money: money(&["cost"], "currency", "cost"),
        partition_by: Some("day".to_owned()),
        indexes: vec![
            index(IndexMethod::Btree, &["day", "team"]),
            index(IndexMethod::Gin, &["labels"]),
            index(IndexMethod::TrigramUpper, &["service"]),
        ],
        ..table(DAILY_COSTS, TableRole::Summary, &daily_schema())
    }
}

fn bills() -> Table {
    table("tally_bills", TableRole::Bill, &bill_schema())
}

fn label_keys() -> Table {
    Table { key: owned(&["key"]), ..table("tally_label_keys", TableRole::TagKeys, &label_keys_schema()) }
}

fn teams() -> Table {
    Table { key: owned(&["team"]), ..table("tally_teams", TableRole::Reference, &teams_schema()) }
}

#[expect(clippy::expect_used, reason = "the schemas are constants of this plugin, and a test encodes them")]
fn table(name: &str, role: TableRole, schema: &Schema) -> Table {
    declare::table(name, role, schema).expect("a constant schema is encodable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_stands_where_its_index_says() {
        let manifest = manifest();
        let name = |index: u32| manifest.tables[index as usize].name.as_str();
        let named = [LINES, DAILY, BILLS, LABEL_KEYS, TEAMS].map(name);
        assert_eq!(named, ["line_items", DAILY_COSTS, "tally_bills", "tally_label_keys", "tally_teams"]);
        assert_eq!(
            manifest.rollups.iter().map(|rollup| name(rollup.output)).collect::<Vec<_>>(),
            ["tally_data_costs", "tally_label_costs"]
        );
        let looking: Vec<_> = manifest.lookups.iter().map(|lookup| name(lookup.table)).collect();
        assert_eq!(looking, [DAILY_COSTS, "tally_data_costs"]);
    }
}
