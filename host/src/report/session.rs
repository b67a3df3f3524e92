//! Free SQL over the tables of one tenant, read only.
//!
//! Tables are called `<provider>.<table>` and opened when a query first names them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{LogicalPlan, TableType};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::answer::{Answer, AnswerColumn, Meaning};
use super::error::ReportError;
use super::exact_sums::ExactSums;
use super::json_text::json_get_text;

/// Name of the catalog; seldom seen.
const CATALOG: &str = "costhost";

/// Where tables come from.
#[async_trait]
pub trait TableSource: Debug + Send + Sync {
    /// Names of providers with their tables.
    fn tables(&self) -> BTreeMap<String, Vec<String>>;

    /// Opens a table that [`Self::tables`] lists.
    ///
    /// # Errors
    /// Whatever keeps it from being opened.
    async fn open(
        &self,
        provider: &str,
        table: &str,
    ) -> Result<Arc<dyn TableProvider>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Tables that are open already.
#[derive(Debug, Default)]
pub struct FixedTables(BTreeMap<(String, String), Arc<dyn TableProvider>>);

impl FixedTables {
    /// Adds `provider.table`.
    pub fn insert(&mut self, provider: &str, table: &str, rows: Arc<dyn TableProvider>) {
        self.0.insert((provider.to_owned(), table.to_owned()), rows);
    }
}

#[async_trait]
impl TableSource for FixedTables {
    fn tables(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (provider, table) in self.0.keys() {
            all.entry(provider.clone()).or_default().push(table.clone());
        }
        all
    }

    async fn open(
        &self,
        provider: &str,
        table: &str,
    ) -> Result<Arc<dyn TableProvider>, Box<dyn std::error::Error + Send + Sync>> {
        let table = self.0.get(&(provider.to_owned(), table.to_owned()));
        table.map(Arc::clone).ok_or_else(|| "it is not there any more".into())
    }
}

/// A session that sees these tables. With a single provider its tables need no prefix.
///
/// # Errors
/// When the engine refuses its settings.
pub fn session(source: Arc<dyn TableSource>) -> Result<SessionContext, ReportError> {
    let tables = source.tables();
    let default = match tables.keys().collect::<Vec<_>>().as_slice() {
        [only] => (*only).clone(),
        _ => "public".to_owned(),
    };
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, default)
        .with_information_schema(true);
    // Otherwise `1.234567890123456789` would be a float, and comparisons with amounts would miss.
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    let mut ctx = SessionContext::new_with_config(config);
    ctx.register_function_rewrite(Arc::new(ExactSums)).map_err(ReportError::Read)?;
    let schemas = tables
        .into_iter()
        .map(|(provider, tables)| {
            let schema = LakeSchema { provider: provider.clone(), tables, source: Arc::clone(&source) };
            (provider, Arc::new(schema))
        })
        .collect();
    ctx.register_catalog(CATALOG, Arc::new(Lake { schemas }));
    ctx.register_udf(json_get_text());
    Ok(ctx)
}

/// Runs one statement that reads.
///
/// # Errors
/// When it would change something, is not valid, names a table that is not there, or reading fails.
pub async fn run_sql(ctx: &SessionContext, sql: &str) -> Result<Answer, ReportError> {
    let plan = ctx.state().create_logical_plan(sql).await.map_err(|error| plan_error(ctx, error))?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    if options.verify_plan(&plan).is_err() {
        return Err(ReportError::ReadOnly { what: kind_of(&plan) });
    }
    let rows = ctx.execute_logical_plan(plan).await.map_err(|error| plan_error(ctx, error))?;
    let columns = rows
        .schema()
        .fields()
        .iter()
        .map(|field| AnswerColumn { name: field.name().clone(), meaning: Meaning::Plain })
        .collect();
    let rows = rows.collect().await.map_err(ReportError::Read)?;
    let row_count = rows.iter().map(arrow::array::RecordBatch::num_rows).sum();
    Ok(Answer { columns, rows, totals: Vec::new(), row_count })
}

/// The first word of a plan's description, such as `CreateView` or `SetVariable`.
fn kind_of(plan: &LogicalPlan) -> String {
    let text = plan.display().to_string();
    text.split([':', ' ', '(']).next().unwrap_or_default().to_owned()
}

fn plan_error(ctx: &SessionContext, error: DataFusionError) -> ReportError {
    let error = match error {
        DataFusionError::Context(_, inner) => return plan_error(ctx, *inner),
        DataFusionError::External(inner) => match inner.downcast::<ReportError>() {
            Ok(ours) => return *ours,
            Err(inner) => return ReportError::Read(DataFusionError::External(inner)),
        },
        other => other,
    };
    let text = error.to_string();
    let missing = text.split_once("table '").and_then(|(_, rest)| rest.split_once("' not found"));
    let Some((name, _)) = missing else {
        return ReportError::Sql(error);
    };
    let mut known = Vec::new();
    if let Some(catalog) = ctx.catalog(CATALOG) {
        for schema in catalog.schema_names() {
            let tables = catalog.schema(&schema).map(|tables| tables.table_names()).unwrap_or_default();
            known.extend(tables.into_iter().map(|table| format!("{schema}.{table}")));
        }
    }
    let known = if known.is_empty() { "none yet; `costhost run` makes them".to_owned() } else { known.join(", ") };
    let name = name.strip_prefix(&format!("{CATALOG}.")).unwrap_or(name).to_owned();
    ReportError::Table { name, known }
}

#[derive(Debug)]
struct Lake {
    schemas: BTreeMap<String, Arc<LakeSchema>>,
}

impl CatalogProvider for Lake {
    fn schema_names(&self) -> Vec<String> {
        self.schemas.keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.schemas.get(name).map(|schema| Arc::clone(schema) as Arc<dyn SchemaProvider>)
    }
}

#[derive(Debug)]
struct LakeSchema {
    provider: String,
    tables: Vec<String>,
    source: Arc<dyn TableSource>,
}

#[async_trait]
impl SchemaProvider for LakeSchema {
    fn table_names(&self) -> Vec<String> {
        self.tables.clone()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if !self.table_exist(name) {
            return Ok(None);
        }
        let opened = self.source.open(&self.provider, name).await;
        opened.map(Some).map_err(|source| {
            let table = format!("{}.{name}", self.provider);
            DataFusionError::External(Box::new(ReportError::Open { table, source }))
        })
    }

    // Without this, listing the tables would open each of them.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>, DataFusionError> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table == name)
    }
}
