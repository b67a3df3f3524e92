//! Reference rows, what is looked up in them, and tag keys.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringArray};
use costhost::postgres::UnitRows;

use crate::shop::{JANUARY, ONE, Place, definition, publish, rows, texts, unit, with};

fn aliases(rows: UnitRows, suppliers: &[&str], aliases: &[&str]) -> UnitRows {
    with(rows, "shop_alias", &[("supplier", texts(suppliers)), ("alias", texts(aliases))])
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_find_what_is_valid_and_became_valid_last() {
    let place = Place::new().await;
    place.sql(
        "INSERT INTO shop_alias (id, supplier, alias) VALUES (11, 'acme', 'ACME'), (12, 'globex', 'Globex');
         INSERT INTO shop_unit (id, alias_id, since, until, name) VALUES
             (1, 11, '2024-01-01', NULL, 'old, and lasting'),
             (2, 11, '2025-01-10', '2025-01-20', 'for ten days'),
             (3, 12, '2025-01-16', NULL, 'later'),
             (4, 11, '2025-01-25', '2025-01-25', 'never'),
             (5, 12, '2025-01-28', 'infinity', 'latest'),
             (6, NULL, '2020-01-01', NULL, 'nobody')",
    );
    publish(&place.database, &unit("north", 1), rows("l", JANUARY, 93, ONE)).await;
    let found = place.sql(
        "SELECT supplier, alias_id, unit_id, min(day), max(day), count(*) FROM shop_daily GROUP BY 1, 2, 3
         ORDER BY 1, min(day), 3",
    );
    // Each supplier has a row on each day of January.
    let want = "acme|11|1|2025-01-01|2025-01-31|21\nacme|11|2|2025-01-10|2025-01-19|10\n\
                globex|12||2025-01-01|2025-01-15|15\nglobex|12|3|2025-01-16|2025-01-27|12\n\
                globex|12|5|2025-01-28|2025-01-31|4\ninitech|||2025-01-01|2025-01-31|31";
    assert_eq!(found, want);

    let is_current = async || {
        let publications = place.database.publications("shop").await.unwrap();
        place.database.current_references(&definition()).await.unwrap().are_those_of(&publications[0])
    };
    assert!(is_current().await);
    // Another name of the same row changes no id, and others that the rows do not name are nothing to them.
    place.sql(
        "UPDATE shop_alias SET alias = 'Acme & Sons' WHERE id = 11;
         INSERT INTO shop_alias (id, supplier, alias) VALUES (13, 'umbrella', 'Umbrella');
         INSERT INTO shop_unit (id, alias_id, since, name) VALUES (7, 13, '2020-01-01', 'umbrellas')",
    );
    assert!(is_current().await);
    for change in [
        "UPDATE shop_unit SET until = '2025-01-15' WHERE id = 2",
        "INSERT INTO shop_alias (supplier, alias) VALUES ('initech', 'Initech')",
        "UPDATE shop_alias SET supplier = 'globex & co' WHERE id = 12",
        "DELETE FROM shop_unit WHERE id = 1",
    ] {
        place.sql(change);
        assert!(!is_current().await, "{change}");
        publish(&place.database, &unit("north", 1), rows("l", JANUARY, 93, ONE)).await;
        assert!(is_current().await, "{change}");
    }
    // As an older costhost recorded it, of whole tables: it is published once more.
    place.sql("UPDATE costhost_publications SET looked_up = NULL, references_digest = 'older'");
    assert!(!is_current().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_names_what_users_have_not_named() {
    let place = Place::new().await;
    let north = unit("north", 1);
    place.sql("INSERT INTO shop_alias (supplier, alias) VALUES ('acme', 'the user''s')");
    let all = "SELECT supplier, alias, origin FROM shop_alias ORDER BY 1";
    let first =
        aliases(rows("l1", JANUARY, 31, ONE), &["globex", "acme", "globex"], &["first", "theirs", "last counts"]);
    let done = publish(&place.database, &north, first.clone()).await;
    assert!(done.tables.contains(&("shop_alias".into(), 1)), "{done:?}");
    assert_eq!(place.sql(all), "acme|the user's|user\nglobex|last counts|report");
    // Rows of the same publication find them.
    assert_eq!(
        place.sql(
            "SELECT count(*) FROM shop_daily d JOIN shop_alias a ON a.id = d.alias_id WHERE alias = 'last counts'"
        ),
        "10"
    );
    let done = publish(&place.database, &north, first).await;
    assert!(done.tables.contains(&("shop_alias".into(), 0)), "what is right already is left alone: {done:?}");
    publish(&place.database, &north, aliases(rows("l2", JANUARY, 31, ONE), &["globex"], &["renamed"])).await;
    assert_eq!(place.sql(all), "acme|the user's|user\nglobex|renamed|report");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "supplier,alias\nglobex,mine\ninitech,\"new, mine\"\n").unwrap();
    let definition = definition();
    let table = definition.table("shop_alias").unwrap();
    let loaded = place.database.load_reference(table, file.path()).await.unwrap();
    assert_eq!((loaded.rows, loaded.changed), (2, 2));
    assert_eq!(place.database.load_reference(table, file.path()).await.unwrap().changed, 0);
    publish(&place.database, &north, aliases(rows("l3", JANUARY, 31, ONE), &["globex"], &["theirs again"])).await;
    assert_eq!(place.sql(all), "acme|the user's|user\nglobex|mine|user\ninitech|new, mine|user");
    std::fs::write(file.path(), "supplier,nickname\nglobex,x\n").unwrap();
    let error = place.database.load_reference(table, file.path()).await.unwrap_err().to_string();
    assert!(error.ends_with("row 1: there is no column \"nickname\" in shop_alias; it has supplier, alias"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_the_latest_period_names() {
    let place = Place::new().await;
    let all = "SELECT supplier, alias, origin, reported FROM shop_alias ORDER BY 1";
    let say = async |month: i64, names: [&str; 2]| {
        let said = aliases(rows("l", JANUARY, 1, ONE), &["acme", "globex"], &names);
        publish(&place.database, &unit("north", month), said).await
    };
    // As a first run publishes: the newest period first.
    say(2, ["february", "same"]).await;
    say(1, ["january", "same"]).await;
    assert_eq!(place.sql(all), "acme|february|report|2025-02-01\nglobex|same|report|2025-02-01");
    say(2, ["restated", "same"]).await;
    assert_eq!(place.sql(all), "acme|restated|report|2025-02-01\nglobex|same|report|2025-02-01");
    // Who says the same later has said it last.
    say(3, ["march", "same"]).await;
    say(2, ["february", "other"]).await;
    assert_eq!(place.sql(all), "acme|march|report|2025-03-04\nglobex|same|report|2025-03-04");
    // Rows of before such periods were kept give way to any report.
    place.sql("UPDATE shop_alias SET reported = NULL WHERE supplier = 'acme'");
    say(1, ["january", "other"]).await;
    assert_eq!(place.sql(all), "acme|january|report|2025-01-01\nglobex|same|report|2025-03-04");
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_values_of_a_key_are_one_value() {
    let place = Place::new().await;
    let of_units = |name: &str| {
        let since: ArrayRef = Arc::new(Date32Array::from(vec![None]));
        with(
            rows("l", JANUARY, 1, ONE),
            "shop_unit",
            &[("alias_id", crate::shop::integers(&[7])), ("since", since), ("name", texts(&[name]))],
        )
    };
    for name in ["one", "two"] {
        publish(&place.database, &unit("north", 1), of_units(name)).await;
    }
    assert_eq!(place.sql("SELECT alias_id, since, name FROM shop_unit"), "7||two");
}

fn keys(rows: UnitRows, names: std::ops::Range<usize>, scope: &str) -> UnitRows {
    let count = names.len();
    let names: StringArray = names.rev().map(|name| Some(format!("key{name:04}"))).collect();
    with(rows, "shop_enabledtagkeys", &[("key", Arc::new(names)), ("provider_type", texts(&vec![scope; count]))])
}

#[tokio::test(flavor = "multi_thread")]
async fn tag_keys_are_enabled_up_to_a_limit() {
    let place = Place::new().await;
    place.sql("INSERT INTO shop_enabledtagkeys (key, provider_type, enabled) VALUES ('key0003', 'Shop', false), ('mine', 'Other', false)");
    let north = unit("north", 1);
    assert_eq!(place.database.disabled_tag_keys(&definition()).await.unwrap(), [""; 0]);
    let done = publish(&place.database, &north, keys(rows("l1", JANUARY, 1, ONE), 0..150, "Shop")).await;
    assert_eq!(done.notes, [""; 0]);
    assert_eq!(place.database.disabled_tag_keys(&definition()).await.unwrap(), ["key0003"]);
    let done = publish(&place.database, &north, keys(rows("l2", JANUARY, 1, ONE), 100..210, "Shop")).await;
    assert_eq!(
        done.notes,
        [
            "table public.shop_enabledtagkeys: 9 new tag keys are disabled, as 200 are enabled already; choose with UPDATE which count"
        ]
    );
    let counts = "SELECT provider_type, enabled, count(*), min(key), max(key) FROM shop_enabledtagkeys GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(place.sql(counts), "Other|f|1|mine|mine\nShop|f|10|key0003|key0209\nShop|t|200|key0000|key0200");
    // Another type of provider counts apart, and its disabled keys are its own.
    publish(&place.database, &north, keys(rows("l3", JANUARY, 1, ONE), 0..10, "Market")).await;
    assert!(place.sql(counts).starts_with("Market|t|10|key0000|key0009\n"));
    let disabled = place.database.disabled_tag_keys(&definition()).await.unwrap();
    assert_eq!((disabled.len(), disabled[0].as_str(), disabled[9].as_str()), (10, "key0003", "key0209"));
    // What a user disables stays so.
    place.sql("UPDATE shop_enabledtagkeys SET enabled = false WHERE key = 'key0005' AND provider_type = 'Market'");
    publish(&place.database, &north, keys(rows("l4", JANUARY, 1, ONE), 0..10, "Market")).await;
    assert!(place.database.disabled_tag_keys(&definition()).await.unwrap().contains(&"key0005".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_that_add_keys_at_once_keep_the_limit() {
    let place = Place::new().await;
    let mut hosts = Vec::new();
    for host in 0..4_usize {
        let database = place.another().await;
        hosts.push(tokio::spawn(async move {
            let unit = unit("north", host as i64 + 1);
            publish(&database, &unit, keys(rows("l", JANUARY, 1, ONE), host * 60..host * 60 + 100, "Shop")).await
        }));
    }
    for host in hosts {
        host.await.unwrap();
    }
    assert_eq!(place.sql("SELECT enabled, count(*) FROM shop_enabledtagkeys GROUP BY 1 ORDER BY 1"), "f|80\nt|200");
}
