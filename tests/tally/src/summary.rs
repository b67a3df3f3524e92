//! Daily costs: lines added up by day, team, service, labels and currency; and beside them what lines say of the bill, of
//! labels and of teams.
//!
//! Law: however rows are split among accumulators, and in whatever order their pieces are merged, the result is the same
//! to the last digit. Here that is plain to see: what is saved are the very rows of the result, and taking rows of the
//! result adds them up as taking lines does.

use crate::manifest::DAILY_COSTS;
use crate::rows::{
    amount_array, amounts, batch, given, list_array, lists, maps, numbers, text_array, texts, unbuildable,
};
use crate::settings::Settings;
use crate::tables::{
    BILLS, DAILY, LABEL_KEYS, LINES, TEAMS, bill_schema, daily_schema, label_keys_schema, teams_schema,
};
use arrow_array::types::{Date32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::Schema;
use costhost_sdk::contract::{Failure, Period, Task};
use costhost_sdk::failure::abort;
use costhost_sdk::{Accumulate, ipc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const MICROS: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS;
/// Rows of one piece.
const ROWS: usize = 4096;
/// The first number that has too many digits for an amount.
const LIMIT: u128 = 10_u128.pow(38);

/// What daily costs are grouped by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    day: i32,
    team: Option<String>,
    service: Option<String>,
    /// A JSON object with its keys sorted.
    labels: String,
    currency: Option<String>,
}

/// What is added up of a group. A sum is none as long as no line has a value.
#[derive(Debug, Default)]
struct Costs {
    projects: BTreeSet<String>,
    seats: Option<i128>,
    cost: Option<i128>,
}

/// Folds lines into daily costs.
#[derive(Debug)]
pub struct DailyCosts {
    settings: Settings,
    period: Period,
    days: BTreeMap<Group, Costs>,
    invoices: BTreeSet<String>,
    lines: i64,
    label_keys: BTreeSet<String>,
    /// Teams and their departments.
    teams: BTreeMap<String, String>,
    /// Rows that wait to be saved or pulled; none before `save` or `complete`.
    waiting: Option<std::vec::IntoIter<(u32, RecordBatch)>>,
}

impl Accumulate for DailyCosts {
    fn open(task: &Task) -> Result<DailyCosts, Failure> {
        if task.summary != DAILY_COSTS {
            return Err(abort("summary.unknown", format!("tally makes no summary {}", task.summary)));
        }
        Ok(DailyCosts {
            settings: Settings::parse(&task.settings)?,
            period: task.period,
            days: BTreeMap::new(),
            invoices: BTreeSet::new(),
            lines: 0,
            label_keys: BTreeSet::new(),
            teams: BTreeMap::new(),
            waiting: None,
        })
    }

    fn update(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let days = numbers::<TimestampMicrosecondType>(batch, "day")?;
        let (seats, costs) = (amounts(batch, "seats")?, amounts(batch, "cost")?);
        let (teams, departments) = (texts(batch, "team")?, texts(batch, "department")?);
        let (projects, services) = (texts(batch, "project")?, texts(batch, "service")?);
        let (invoices, currencies) = (texts(batch, "invoice")?, texts(batch, "currency")?);
        for (row, mut labels) in maps(batch, "labels")?.into_iter().enumerate() {
            self.label_keys.extend(labels.keys().map(|&key| key.to_owned()));
            labels.retain(|key, _| !self.settings.disabled_tag_keys.contains(*key));
            let group = Group {
                day: day(*at(&days, row)?)?,
                team: given(*at(&teams, row)?),
                service: given(*at(&services, row)?),
                labels: serde_json::json!(labels).to_string(),
                currency: given(*at(&currencies, row)?),
            };
            if let (Some(team), Some(department)) = (&group.team, given(*at(&departments, row)?)) {
                self.team(team.clone(), department);
            }
            self.invoices.extend(given(*at(&invoices, row)?));
            self.lines += 1;
            self.add(group, given(*at(&projects, row)?), *at(&seats, row)?, *at(&costs, row)?)?;
        }
        Ok(())
    }

    fn fold(&mut self, table: u32, batch: &RecordBatch) -> Result<(), Failure> {
        if table == LINES { self.update(batch) } else { Ok(()) }
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let piece = self.next()?;
        piece.map(|(_, batch)| ipc::encode(&batch).map_err(|error| unbuildable(&error))).transpose()
    }

    /// Of an odd number of lines the state has shares, and the first is all of it: so the tests see what a host does with
    /// parts that do not say the same.
    fn has_shares(&self) -> bool {
        self.lines % 2 == 1
    }

    fn save_share(&mut self, share: u32, _shares: u32) -> Result<Option<Vec<u8>>, Failure> {
        if share == 0 { self.save() } else { Ok(None) }
    }

    fn merge(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let batches = ipc::decode(piece).map_err(|error| foreign(&error.to_string()))?;
        batches.iter().try_for_each(|batch| self.take(batch))
    }

    fn complete(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn pull(&mut self) -> Result<Option<(u32, RecordBatch)>, Failure> {
        self.next()
    }
}

impl DailyCosts {
    fn add(
        &mut self,
        group: Group,
        projects: impl IntoIterator<Item = String>,
        seats: Option<i128>,
        cost: Option<i128>,
    ) -> Result<(), Failure> {
        let costs = self.days.entry(group).or_default();
        costs.projects.extend(projects);
        costs.seats = sum(costs.seats, seats).ok_or_else(|| too_large("seats"))?;
        costs.cost = sum(costs.cost, cost).ok_or_else(|| too_large("cost"))?;
        Ok(())
    }

    /// A team is in one department. Of several, the largest text stands: a rule that does not ask which came first.
    fn team(&mut self, team: String, department: String) {
        let known = self.teams.entry(team).or_default();
        if *known < department {
            *known = department;
        }
    }

    /// Takes rows of any table of the result, as another accumulator saved them.
    fn take(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let is = |schema: &Schema| batch.schema_ref().fields() == schema.fields();
        if is(&daily_schema()) {
            self.take_days(batch)?;
        } else if is(&bill_schema()) {
            self.invoices.extend(lists(batch, "invoices")?.into_iter().flatten());
            self.lines += numbers::<Int64Type>(batch, "lines")?.into_iter().flatten().sum::<i64>();
        } else if is(&label_keys_schema()) {
            self.label_keys.extend(texts(batch, "key")?.into_iter().filter_map(given));
        } else if is(&teams_schema()) {
            for (team, department) in texts(batch, "team")?.into_iter().zip(texts(batch, "department")?) {
                self.team(given(team).unwrap_or_default(), given(department).unwrap_or_default());
            }
        } else {
            return Err(foreign("its columns are those of no table"));
        }
        Ok(())
    }

    fn take_days(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let days = numbers::<Date32Type>(batch, "day")?;
        let (seats, costs) = (amounts(batch, "seats")?, amounts(batch, "cost")?);
        let (teams, services) = (texts(batch, "team")?, texts(batch, "service")?);
        let (labels, currencies) = (texts(batch, "labels")?, texts(batch, "currency")?);
        for (row, projects) in lists(batch, "projects")?.into_iter().enumerate() {
            let group = Group {
                day: at(&days, row)?.unwrap_or_default(),
                team: given(*at(&teams, row)?),
                service: given(*at(&services, row)?),
                labels: at(&labels, row)?.unwrap_or_default().to_owned(),
                currency: given(*at(&currencies, row)?),
            };
            self.add(group, projects, *at(&seats, row)?, *at(&costs, row)?)?;
        }
        Ok(())
    }

    /// The next rows of the result; when it is asked for first, the sums end.
    fn next(&mut self) -> Result<Option<(u32, RecordBatch)>, Failure> {
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            None => {
                let rows = self.result()?;
                self.waiting.insert(rows.into_iter())
            }
        };
        Ok(waiting.next())
    }

    /// Rows of all tables. There is always one bill; of the others, those that have rows.
    fn result(&self) -> Result<Vec<(u32, RecordBatch)>, Failure> {
        let keys = vec![text_array(self.label_keys.iter().map(Some))];
        let teams = vec![text_array(self.teams.keys().map(Some)), text_array(self.teams.values().map(Some))];
        let mut rows = vec![
            (BILLS, self.bill()?),
            (LABEL_KEYS, batch(label_keys_schema(), keys)?),
            (TEAMS, batch(teams_schema(), teams)?),
        ];
        rows.retain(|(_, batch)| batch.num_rows() > 0);
        let days: Vec<(&Group, &Costs)> = self.days.iter().collect();
        for days in days.chunks(ROWS) {
            rows.push((DAILY, daily(days)?));
        }
        Ok(rows)
    }

    fn bill(&self) -> Result<RecordBatch, Failure> {
        let instant = |seconds: i64| -> Result<ArrayRef, Failure> {
            let micros = seconds.checked_mul(MICROS).ok_or_else(|| too_large("period"))?;
            Ok(Arc::new(TimestampMicrosecondArray::from_value(micros, 1).with_timezone("UTC")))
        };
        batch(
            bill_schema(),
            vec![
                instant(self.period.start)?,
                instant(self.period.end)?,
                list_array([&self.invoices].into_iter()),
                Arc::new(Int64Array::from_value(self.lines, 1)),
            ],
        )
    }
}

fn daily(days: &[(&Group, &Costs)]) -> Result<RecordBatch, Failure> {
    let amounts = |of: &dyn Fn(&Costs) -> Option<i128>| {
        amount_array(days.iter().map(|(_, costs)| of(costs))).map_err(|error| unbuildable(&error))
    };
    batch(
        daily_schema(),
        vec![
            Arc::new(Date32Array::from_iter_values(days.iter().map(|(group, _)| group.day))),
            text_array(days.iter().map(|(group, _)| group.team.as_ref())),
            text_array(days.iter().map(|(group, _)| group.service.as_ref())),
            text_array(days.iter().map(|(group, _)| Some(&group.labels))),
            text_array(days.iter().map(|(group, _)| group.currency.as_ref())),
            list_array(days.iter().map(|(_, costs)| &costs.projects)),
            amounts(&|costs| costs.seats)?,
            amounts(&|costs| costs.cost)?,
        ],
    )
}

/// The value of a row.
fn at<T>(values: &[T], row: usize) -> Result<&T, Failure> {
    values.get(row).ok_or_else(|| foreign("its columns are not of one length"))
}

/// The day of a time; a line always has one.
fn day(micros: Option<i64>) -> Result<i32, Failure> {
    let micros = micros.ok_or_else(|| foreign("a line has no day"))?;
    i32::try_from(micros.div_euclid(MICROS_PER_DAY)).map_err(|_| too_large("day"))
}

/// Both together; none when that has too many digits.
fn sum(known: Option<i128>, more: Option<i128>) -> Option<Option<i128>> {
    match (known, more) {
        (Some(known), Some(more)) => known.checked_add(more).filter(|sum| sum.unsigned_abs() < LIMIT).map(Some),
        (known, more) => Some(known.or(more)),
    }
}

fn too_large(what: &str) -> Failure {
    abort("summary.overflow", format!("a {what} is too large; look for a wrong value in the report"))
}

fn foreign(why: &str) -> Failure {
    abort("summary.foreign-state", format!("rows given to tally were not written by this version of it: {why}"))
}
