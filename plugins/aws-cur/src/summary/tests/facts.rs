//! The tables beside the daily summary.

use super::real::fold;
use super::rows::{Coding, Result, Row, batch, everything, open, row, table};
use crate::manifest::{ACCOUNTS, BILLS, DAILY, KEYS};
use costhost_sdk::Accumulate;
use costhost_sdk::contract::{Period, Task};
use std::collections::BTreeMap;

/// Rows of a table, in every encoding of the input.
fn made(of: u32, settings: &str, rows: &[Row]) -> Vec<Result> {
    let made = [Coding::Plain, Coding::Byte, Coding::Short, Coding::Word].map(|coding| {
        let mut accumulator = open(settings);
        accumulator.update(&batch(rows, coding)).unwrap();
        table(of, &everything(accumulator))
    });
    assert!(made.iter().all(|other| *other == made[0]));
    made[0].clone()
}

fn keys(settings: &str, tags: &[&str]) -> Vec<String> {
    let rows: Vec<Row> = tags.iter().map(|tags| row(&[("resource_tags", tags)])).collect();
    let keys = made(KEYS, settings, &rows);
    assert!(keys.iter().all(|row| row.len() == 2 && row["provider_type"] == "AWS"));
    keys.iter().map(|row| row["key"].clone()).collect()
}

fn aliases(rows: &[Row]) -> BTreeMap<String, String> {
    let made = made(ACCOUNTS, "", rows);
    let aliases: BTreeMap<_, _> =
        made.iter().map(|row| (row["account_id"].clone(), row["account_alias"].clone())).collect();
    assert_eq!(aliases.len(), made.len(), "an account comes twice");
    aliases
}

#[test]
fn a_bill_is_one_row_of_its_period() {
    let line = |kind, payer, invoice| {
        row(&[("bill_bill_type", kind), ("bill_payer_account_id", payer), ("bill_invoice_id", invoice)])
    };
    let rows = [line("Purchase", "9", "2"), line("Refund", "10", ""), line("Anniversary", "9", "10"), row(&[])];
    let bill = |rows: &[Row]| {
        let made = made(BILLS, "", rows);
        assert_eq!(made.len(), 1);
        made[0].clone()
    };
    let whole = bill(&rows);
    let expected = [
        ("bill_type", "Anniversary"),
        ("payer_account_id", "10"),
        ("billing_period_start", "0"),
        ("billing_period_end", "1000000"),
        ("invoice_ids", "10,2"),
    ];
    assert_eq!(whole, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(bill(&rows[..2])["bill_type"], "Purchase");
    // What no line says is null, and no invoices are no invoices.
    let empty = bill(&rows[3..]);
    assert_eq!(empty.keys().collect::<Vec<_>>(), ["billing_period_end", "billing_period_start", "invoice_ids"]);
    assert_eq!(empty["invoice_ids"], "");
}

#[test]
fn a_period_without_lines_has_a_bill_and_nothing_else() {
    let tables: Vec<u32> = everything(open("")).iter().map(|(table, _)| *table).collect();
    assert_eq!(tables, [BILLS]);
}

#[test]
fn a_period_that_no_timestamp_holds_is_refused() {
    let mut accumulator = super::super::DailySummary::open(&Task {
        summary: super::super::columns::DAILY_SUMMARY.to_owned(),
        settings: String::new(),
        now: 0,
        source: String::new(),
        period: Period { start: 0, end: i64::MAX },
    })
    .unwrap();
    assert_eq!(accumulator.complete().unwrap_err().code, "summary.period");
}

#[test]
fn tag_keys_are_those_of_users_whether_enabled_or_not() {
    let tags = ["user_b=2;aws_createdBy=x;user_c=", "user_a=1;user_=x;user_b=3", ""];
    for settings in
        ["", r#"{"enabled_tag_keys":["b"]}"#, r#"{"enabled_tag_keys":[]}"#, r#"{"disabled_tag_keys":["a"]}"#]
    {
        assert_eq!(keys(settings, &tags), ["a", "b"], "{settings}");
    }
    assert!(keys("", &["aws_x=1", ""]).is_empty());
    // A value may come after rows without one.
    let late = [r"user_k=", "user_k=1"];
    assert_eq!(keys("", &late), ["k"]);
    assert_eq!(keys(r#"{"disabled_tag_keys":["k"]}"#, &late), ["k"]);
}

#[test]
fn disabled_tags_do_not_split_the_summary() {
    let rows = [row(&[("resource_tags", "user_a=1;user_b=2")]), row(&[("resource_tags", "user_a=1;user_b=3")])];
    let tags = |settings: &str| made(DAILY, settings, &rows).iter().map(|row| row["tags"].clone()).collect::<Vec<_>>();
    assert_eq!(tags(r#"{"disabled_tag_keys":["b"]}"#), [r#"{"a":"1"}"#]);
    assert_eq!(tags(r#"{"disabled_tag_keys":["c"]}"#).len(), 2);
    assert_eq!(tags(r#"{"enabled_tag_keys":["a","b"],"disabled_tag_keys":["a"]}"#), [r#"{"b":"2"}"#, r#"{"b":"3"}"#]);
}

#[test]
fn accounts_have_the_names_that_cur_2_gives_them() {
    let line = |payer, payer_name, account, name| {
        row(&[
            ("bill_payer_account_id", payer),
            ("bill_payer_account_name", payer_name),
            ("line_item_usage_account_id", account),
            ("line_item_usage_account_name", name),
        ])
    };
    let rows = [line("1", "Acme", "2", "dev"), line("1", "Acme", "3", ""), line("1", "Acme", "2", "development")];
    let named = [("1", "Acme"), ("2", "development")].map(|(id, name)| (id.to_owned(), name.to_owned()));
    assert_eq!(aliases(&rows), named.clone().into());
    let backwards: Vec<Row> = rows.iter().rev().cloned().collect();
    assert_eq!(aliases(&backwards), named.into());
    // A name without an account names nothing, and CUR v1 has no names.
    assert!(aliases(&[line("", "Acme", "", "dev")]).is_empty());
    assert!(aliases(&[row(&[("bill_payer_account_id", "1"), ("line_item_usage_account_id", "2")])]).is_empty());
}

/// CUR 2.0 as it is delivered, map columns and all.
#[test]
fn a_file_of_cur_2_tells_all_of_it() {
    let header = "bill_bill_type,bill_billing_period_start_date,bill_invoice_id,bill_payer_account_id,bill_payer_account_name,\
                  line_item_usage_account_id,line_item_usage_account_name,line_item_usage_start_date,\
                  line_item_line_item_type,line_item_unblended_cost,line_item_currency_code,resource_tags";
    let line = |invoice: &str, account: &str, name: &str, tags: &str| {
        format!(
            "Anniversary,2025-01-01T00:00:00.000Z,{invoice},1,\"Acme, Inc.\",{account},{name},\
             2025-01-02T03:00:00.000Z,Usage,1.5,USD,\"{tags}\""
        )
    };
    let lines = [
        line("EUINGB25-2", "2", "dev", "{\"\"user_team\"\": \"\"a\"\", \"\"user_empty\"\": \"\"\"\"}"),
        line("EUINGB25-1", "3", "prod", "{\"\"aws_created_by\"\": \"\"x\"\", \"\"user_cost_center\"\": \"\"7\"\"}"),
        line("", "1", "", "{}"),
    ];
    let text = format!("{header}\n{}\n", lines.join("\n"));
    for piece in [7, 1 << 20] {
        let mut accumulator = open("");
        fold(text.as_bytes(), piece, &mut accumulator);
        let made = everything(accumulator);
        let bill = &table(BILLS, &made)[0];
        assert_eq!((bill["bill_type"].as_str(), bill["payer_account_id"].as_str()), ("Anniversary", "1"));
        assert_eq!(bill["invoice_ids"], "EUINGB25-1,EUINGB25-2");
        let pairs = |of: u32, first: &str, second: &str| {
            table(of, &made).iter().map(|row| format!("{}: {}", row[first], row[second])).collect::<Vec<_>>()
        };
        assert_eq!(pairs(KEYS, "key", "provider_type"), ["cost_center: AWS", "team: AWS"]);
        assert_eq!(pairs(ACCOUNTS, "account_id", "account_alias"), ["1: Acme, Inc.", "2: dev", "3: prod"]);
    }
}

/// What a slice of a larger batch does not have, it does not say, though its dictionaries hold it.
#[test]
fn only_texts_of_rows_count() {
    let rows = [
        row(&[("bill_invoice_id", "1"), ("resource_tags", "user_a=1"), ("bill_bill_type", "Purchase")]),
        row(&[("bill_invoice_id", "2"), ("resource_tags", "user_b=1"), ("bill_bill_type", "Anniversary")]),
    ];
    for coding in [Coding::Plain, Coding::Word] {
        for settings in ["", r#"{"disabled_tag_keys":["a","b"]}"#] {
            let mut accumulator = open(settings);
            accumulator.update(&batch(&rows, coding).slice(0, 1)).unwrap();
            let made = everything(accumulator);
            let bill = &table(BILLS, &made)[0];
            assert_eq!((bill["invoice_ids"].as_str(), bill["bill_type"].as_str()), ("1", "Purchase"));
            assert_eq!(table(KEYS, &made).iter().map(|row| row["key"].as_str()).collect::<Vec<_>>(), ["a"]);
        }
    }
}
