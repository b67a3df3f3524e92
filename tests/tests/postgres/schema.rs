//! Schemas are made, and old ones brought up to date.

use costhost::plugin::manifest::{IndexMethod, TableRole};
use costhost::postgres::definition::{ColumnKind, DatabaseDefinition};
use costhost::postgres::{Database, DatabaseError};

use crate::shop::{JANUARY, ONE, Place, column, definition, publish, rows, table, unit};

const INDEXES: &str = "SELECT regexp_replace(indexdef, '.* USING ', '') FROM pg_indexes
    WHERE schemaname = 'public' AND tablename = 'shop_daily' ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_indexes_are_as_declared() {
    let place = Place::new().await;
    assert_eq!(place.sql(INDEXES), "btree (day)\nbtree (source_uuid)\ngin (tags)\ngin (upper(supplier) gin_trgm_ops)");
    let types = "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) FROM information_schema.columns
        WHERE table_name = 'shop_daily'";
    assert_eq!(
        place.sql(types),
        "day date, supplier text, cost numeric, tags jsonb, articles ARRAY, alias_id bigint, unit_id bigint, source_uuid uuid, \
         cost_entry_bill_id bigint"
    );
    publish(&place.database, &unit("north", 1), rows("l", JANUARY + 25, 31, ONE)).await;
    let of_partition = "SELECT count(*) FROM pg_indexes WHERE tablename = 'shop_daily_2025_02'";
    assert_eq!(place.sql(of_partition), "4");
    let bounds = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'shop_daily_2025_02'";
    assert_eq!(place.sql(bounds), "FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')");
    let used =
        place.sql("SET enable_seqscan = off; EXPLAIN SELECT * FROM shop_daily WHERE upper(supplier) LIKE '%ACM%'");
    assert!(used.contains("shop_daily_2025_01_upper_idx"), "{used}");

    let again = place.database.migrate(&definition()).await.unwrap();
    assert!(!again.looked);
    place.sql(&format!("DROP INDEX {}", index_on_tags(&place)));
    assert!(place.database.check(&definition()).await.unwrap().looked);
    assert!(place.sql(INDEXES).contains("gin (tags)"));
}

fn index_on_tags(place: &Place) -> String {
    place.sql("SELECT indexname FROM pg_indexes WHERE tablename = 'shop_daily' AND indexdef LIKE '%(tags)'")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_schema_keeps_its_rows() {
    let place = Place::empty().await;
    // As an older version would have made it: fewer columns, no indexes, one partition; and a column of the user's. That
    // costhost may have the tables, their comments say.
    place.sql(
        "SET ROLE costhost;
         CREATE TABLE shop_daily (day date, supplier text, cost numeric, mine text DEFAULT 'my note', source_uuid uuid,
             cost_entry_bill_id bigint) PARTITION BY RANGE (day);
         CREATE TABLE shop_daily_2025_01 PARTITION OF shop_daily FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
         INSERT INTO shop_daily (day, supplier, cost, source_uuid, cost_entry_bill_id)
             VALUES ('2025-01-05', 'old', 7, '00000000-0000-0000-0000-000000000001', 1);
         CREATE TABLE shop_alias (supplier text, alias text);
         INSERT INTO shop_alias VALUES ('acme', 'ACME Inc.');
         CREATE TABLE shop_enabledtagkeys (id bigserial PRIMARY KEY, key text, enabled boolean NOT NULL DEFAULT true);
         INSERT INTO shop_enabledtagkeys (key, enabled) VALUES ('aisle', false);
         COMMENT ON TABLE shop_daily IS 'Made and filled by costhost';
         COMMENT ON TABLE shop_alias IS 'names of suppliers, for Costhost';
         COMMENT ON TABLE shop_enabledtagkeys IS 'costhost'",
    );
    let migrated = place.database.migrate(&definition()).await.unwrap();
    assert!(migrated.looked);
    assert_eq!(place.sql("SELECT day, supplier, cost, tags, mine FROM shop_daily"), "2025-01-05|old|7||my note");
    assert_eq!(place.sql("SELECT id, supplier, alias, origin FROM shop_alias"), "1|acme|ACME Inc.|user");
    assert_eq!(place.sql("SELECT key, enabled, origin, provider_type FROM shop_enabledtagkeys"), "aisle|f|user|");
    assert!(place.sql(INDEXES).contains("gin (tags)"));
    publish(&place.database, &unit("north", 1), rows("l", JANUARY, 62, ONE)).await;
    assert_eq!(place.sql("SELECT count(*), count(alias_id), count(mine) FROM shop_daily"), "63|21|63");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_grew_adds_columns() {
    let place = Place::new().await;
    publish(&place.database, &unit("north", 1), rows("l", JANUARY, 31, ONE)).await;
    let mut grown = definition();
    grown.tables[0].columns.push(column("weight", ColumnKind::Decimal));
    assert!(place.database.migrate(&grown).await.unwrap().looked);
    assert_eq!(place.sql("SELECT count(*), count(weight) FROM shop_daily"), "31|0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_named() {
    let cases = [
        (
            "CREATE TABLE shop_daily (day date)",
            "table public.shop_daily: it should have partitions by ranges of \"day\"",
        ),
        ("CREATE VIEW shop_bill AS SELECT 1 AS id", "table public.shop_bill: it is no table"),
        (
            "CREATE TABLE shop_by_supplier (supplier text, cost numeric(10, 2))",
            "table public.shop_by_supplier: column \"cost\" is of the type numeric(10,2), and should be numeric",
        ),
        (
            "CREATE TABLE shop_alias (supplier text, alias text); INSERT INTO shop_alias VALUES ('a', '1'), ('a', '2')",
            "SQLSTATE 23505",
        ),
    ];
    for (before, want) in cases {
        let place = Place::empty().await;
        place.sql(&format!("SET ROLE costhost; {before}"));
        let theirs = place.database.migrate(&definition()).await.unwrap_err().to_string();
        assert!(theirs.contains("costhost did not make it"), "{theirs}");
        let kind = if before.contains("VIEW") { "VIEW" } else { "TABLE" };
        let name = want.strip_prefix("table public.").and_then(|rest| rest.split(':').next()).unwrap_or("shop_alias");
        place.sql(&format!("COMMENT ON {kind} {name} IS 'for costhost'"));
        let error = place.database.migrate(&definition()).await.unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
        let made = place.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'costhost%'");
        assert_eq!(made, "0", "a failed migration leaves nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applications_table_is_neither_changed_nor_filled() {
    let place = Place::empty().await;
    place.sql("SET ROLE costhost; CREATE TABLE shop_bill (article text); INSERT INTO shop_bill VALUES ('theirs')");
    for _ in 0..2 {
        let error = place.database.migrate(&definition()).await.unwrap_err();
        assert!(matches!(&error, DatabaseError::Schema { table, .. } if table == "public.shop_bill"), "{error}");
    }
    let columns =
        "SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 'shop_bill'::regclass AND attnum > 0";
    assert_eq!(place.sql(columns), "article");
    assert_eq!(place.sql("SELECT count(*) FROM pg_class WHERE relname = 'shop_daily'"), "0");
    // As the message advises.
    let error = place.database.migrate(&definition()).await.unwrap_err().to_string();
    let advice = error.split_once("run ").unwrap().1;
    place.sql("ALTER TABLE shop_bill RENAME TO their_bill");
    place.database.migrate(&definition()).await.unwrap();
    place.sql(advice);
    assert_eq!(place.sql("SELECT article FROM their_bill"), "theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_stored_definitions_are_known_and_can_be_shared() {
    let place = Place::new().await;
    place.database.save_definition(&definition(), &serde_json::json!([])).await.unwrap();
    // As a costhost made them that left no mark, or users have comments of their own.
    place.sql("COMMENT ON TABLE shop_daily IS 'mine'; COMMENT ON TABLE shop_enabledtagkeys IS NULL");
    assert!(place.database.check(&definition()).await.unwrap().looked);
    let mut other = definition();
    other.plugin = "shop-returns".into();
    other.lookups.clear();
    other.tables.retain(|table| table.role == TableRole::TagKeys);
    assert!(place.database.migrate(&other).await.unwrap().looked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_later_version_is_left_alone() {
    let place = Place::new().await;
    place.sql("INSERT INTO costhost_versions VALUES (99, now())");
    let error = place.database.migrate(&definition()).await.unwrap_err().to_string();
    assert!(error.contains("version 99, made by a later costhost"), "{error}");
    let error = place.database.check(&definition()).await.unwrap_err().to_string();
    assert!(error.contains("version 99, made by a later costhost"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_only_names() {
    let place = Place::new().await;
    let mut hostile: DatabaseDefinition = definition();
    let name = "x\"; DROP TABLE shop_bill; --";
    hostile.plugin = "o'hostile".into();
    hostile.lookups.clear();
    hostile.tables = vec![table(name, TableRole::Summary, &[("a\" int); DROP TABLE shop_bill; --", ColumnKind::Text)])];
    hostile.tables[0].indexes = vec![costhost::plugin::manifest::Index {
        columns: vec!["a\" int); DROP TABLE shop_bill; --".into()],
        method: IndexMethod::Btree,
    }];
    place.database.migrate(&hostile).await.unwrap();
    assert_eq!(place.sql("SELECT count(*) FROM shop_bill"), "0");
    assert_eq!(place.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'x\"; DROP TABLE shop_bill; --'"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_have_schemas_of_their_own() {
    let place = Place::new().await;
    let url = place.cluster.url(&place.name);
    // Whatever a search path says, tables are those of the tenant.
    place.sql(&format!("ALTER ROLE costhost IN DATABASE {} SET search_path = elsewhere", place.name));
    let tenant = Database::connect(&url, "org\"1234567").await.unwrap();
    tenant.migrate(&definition()).await.unwrap();
    publish(&tenant, &unit("north", 1), rows("l", JANUARY, 31, ONE)).await;
    assert_eq!(place.sql("SELECT count(*) FROM \"org\"\"1234567\".shop_daily"), "31");
    assert_eq!(place.sql("SELECT count(*) FROM public.shop_daily"), "0");
    assert_eq!(tenant.publications("shop").await.unwrap().len(), 1);
    assert_eq!(place.another().await.publications("shop").await.unwrap().len(), 0);
    for refused in ["public", "pg_toast", "information_schema"] {
        let error = Database::connect(&url, refused).await.unwrap_err().to_string();
        assert!(error.contains("cannot have a schema"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trigrams_a_note_says_so() {
    let place = Place::empty().await;
    // Only superusers may install extensions that are not trusted, and none who may not create in the database.
    place.sql(&format!("ALTER DATABASE {} OWNER TO postgres; GRANT CREATE ON SCHEMA public TO costhost", place.name));
    let migrated = place.database.migrate(&definition()).await.unwrap();
    assert_eq!(migrated.notes.len(), 1);
    let note = &migrated.notes[0];
    assert!(note.contains("no trigram index on upper(supplier)") && note.contains("pg_trgm"), "{note}");
    publish(&place.database, &unit("north", 1), rows("l", JANUARY, 31, ONE)).await;
    // Once it is there the index follows.
    place.sql("CREATE EXTENSION pg_trgm");
    assert_eq!(place.database.migrate(&definition()).await.unwrap().notes, [""; 0]);
    assert!(place.sql(INDEXES).contains("gin_trgm_ops"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_migrate_at_once_take_turns() {
    let place = Place::empty().await;
    let mut hosts = Vec::new();
    for host in 0..9 {
        let tenant = ["default", "org1", "org2"][host % 3];
        let database = Database::connect(&place.cluster.url(&place.name), tenant).await.unwrap();
        hosts.push(tokio::spawn(async move { database.migrate(&definition()).await.unwrap() }));
    }
    for host in hosts {
        assert_eq!(host.await.unwrap().notes, [""; 0]);
    }
    assert_eq!(place.sql("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%gin_trgm_ops%'"), "3");
    let stored = serde_json::json!([{"name": "costs"}]);
    for _ in 0..2 {
        place.database.save_definition(&definition(), &stored).await.unwrap();
    }
    let kept = place.database.definitions().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((&kept[0].definition, &kept[0].reports), (&definition(), &stored));
}
