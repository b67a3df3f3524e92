//! Exact money totals of the rows that pass through the host, per column and currency.
//!
//! Sums are kept in 256 bits, so no number of rows can overflow them; nothing is rounded.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch, StringArray, downcast_dictionary_array};
use arrow::datatypes::{ArrowDictionaryKeyType, DataType, Decimal128Type, i256};

use crate::plugin::manifest::Money;

/// Digits after the point in every amount of the lake.
pub const SCALE: u32 = 18;

/// Totals per column and currency, in units of 10^-18. Rows without a currency count under the empty text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<String, BTreeMap<String, i256>>);

impl Totals {
    /// Adds the rows of `batch` for each column of `columns`. A column the batch lacks adds nothing.
    pub fn add(&mut self, columns: &[Money], batch: &RecordBatch) {
        for money in columns.iter().filter(|money| money.total) {
            let Some(amounts) = batch.column_by_name(&money.column) else { continue };
            let DataType::Decimal128(_, _) = amounts.data_type() else { continue };
            let amounts = amounts.as_primitive::<Decimal128Type>();
            let Some(currencies) = batch.column_by_name(&money.currency) else { continue };
            let groups = currency_groups(currencies);
            let sums = sum_by_group(amounts, &groups);
            let by_currency = self.0.entry(money.column.clone()).or_default();
            for (currency, sum) in groups.names.into_iter().zip(sums) {
                if let Some(sum) = sum {
                    let total = by_currency.entry(currency).or_insert(i256::ZERO);
                    *total = total.wrapping_add(sum);
                }
            }
        }
    }

    /// Adds another set of totals.
    pub fn merge(&mut self, other: &Totals) {
        for (column, by_currency) in &other.0 {
            let ours = self.0.entry(column.clone()).or_default();
            for (currency, sum) in by_currency {
                let total = ours.entry(currency.clone()).or_insert(i256::ZERO);
                *total = total.wrapping_add(*sum);
            }
        }
    }

    /// The total of one column in one currency, where there were any rows.
    pub fn get(&self, column: &str, currency: &str) -> Option<i256> {
        self.0.get(column)?.get(currency).copied()
    }

    /// Currencies of one column, in order.
    pub fn currencies(&self, column: &str) -> impl Iterator<Item = &str> {
        self.0.get(column).into_iter().flat_map(|by_currency| by_currency.keys().map(String::as_str))
    }

    /// As JSON: `{"column": {"USD": "12.5"}}`, amounts as exact decimal text.
    pub fn to_json(&self) -> serde_json::Value {
        let columns = self.0.iter().map(|(column, by_currency)| {
            let amounts =
                by_currency.iter().map(|(currency, sum)| (currency.clone(), decimal_text(*sum).into())).collect();
            (column.clone(), serde_json::Value::Object(amounts))
        });
        serde_json::Value::Object(columns.collect())
    }
}

/// Each row's currency as an index into a few names.
struct CurrencyGroups {
    names: Vec<String>,
    /// `None` when all rows belong to the first name.
    rows: Option<Vec<usize>>,
}

fn currency_groups(column: &ArrayRef) -> CurrencyGroups {
    match column.data_type() {
        DataType::Dictionary(_, _) => {
            downcast_dictionary_array!(column => groups_of_dictionary(column), _ => one_group(""))
        }
        DataType::Utf8 => groups_of_text(column.as_string::<i32>()),
        _ => one_group(""),
    }
}

fn one_group(name: &str) -> CurrencyGroups {
    CurrencyGroups { names: vec![name.to_owned()], rows: None }
}

fn groups_of_dictionary<K: ArrowDictionaryKeyType>(column: &arrow::array::DictionaryArray<K>) -> CurrencyGroups {
    use arrow::datatypes::ArrowNativeType;
    let Some(values) = column.values().as_string_opt::<i32>() else { return one_group("") };
    if values.len() == 1 && column.null_count() == 0 && !values.is_null(0) {
        return one_group(values.value(0));
    }
    let mut names: Vec<String> = (0..values.len()).map(|i| value_or_empty(values, i)).collect();
    let missing = names.len();
    names.push(String::new());
    let rows = column
        .keys()
        .iter()
        .map(|key| key.map_or(missing, |key| key.as_usize()))
        .map(|index| if index < missing && values.is_null(index) { missing } else { index })
        .collect();
    CurrencyGroups { names, rows: Some(rows) }
}

fn groups_of_text(column: &StringArray) -> CurrencyGroups {
    let mut names: Vec<String> = Vec::new();
    let mut rows = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        let name = if column.is_null(row) { "" } else { column.value(row) };
        // A report holds one or two currencies: a scan beats a map.
        let index = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        rows.push(index);
    }
    CurrencyGroups { names, rows: Some(rows) }
}

fn value_or_empty(values: &StringArray, index: usize) -> String {
    if values.is_null(index) { String::new() } else { values.value(index).to_owned() }
}

/// One sum a group, `None` for groups without an amount.
fn sum_by_group(amounts: &Decimal128Array, groups: &CurrencyGroups) -> Vec<Option<i256>> {
    let mut sums: Vec<Option<Sum>> = vec![None; groups.names.len()];
    for (row, amount) in amounts.iter().enumerate() {
        let Some(amount) = amount else { continue };
        let group = groups.rows.as_ref().and_then(|rows| rows.get(row).copied()).unwrap_or(0);
        if let Some(sum) = sums.get_mut(group) {
            sum.get_or_insert_default().add(amount);
        }
    }
    sums.into_iter().map(|sum| sum.map(Sum::total)).collect()
}

/// A sum that works in 128 bits as long as it can.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    low: i128,
    carried: Option<i256>,
}

impl Sum {
    fn add(&mut self, amount: i128) {
        match self.low.checked_add(amount) {
            Some(low) => self.low = low,
            None => {
                let carried = self.carried.unwrap_or(i256::ZERO).wrapping_add(i256::from_i128(self.low));
                self.carried = Some(carried);
                self.low = amount;
            }
        }
    }

    fn total(self) -> i256 {
        self.carried.unwrap_or(i256::ZERO).wrapping_add(i256::from_i128(self.low))
    }
}

/// Exact decimal text of a number in units of 10^-18, without trailing zeros.
pub fn decimal_text(value: i256) -> String {
    let digits = value.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let scale = SCALE as usize;
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A decimal text in units of 10^-18, where it is one and fits 38 digits. Digits past the 18th decimal are rounded
/// half-even.
pub fn parse_decimal(text: &str) -> Option<i128> {
    use arrow::array::types::Decimal128Type;
    arrow::compute::kernels::cast_utils::parse_decimal::<Decimal128Type>(text.trim(), 38, 18).ok()
}

/// The text that [`decimal_text`] makes, as the number it was made of.
pub fn parse_decimal_exact(text: &str) -> Option<i256> {
    use arrow::array::types::Decimal256Type;
    arrow::compute::kernels::cast_utils::parse_decimal::<Decimal256Type>(text, 76, 18).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, UInt8Array};
    use arrow::datatypes::{Field, Schema, UInt8Type};

    use super::*;

    fn money() -> Vec<Money> {
        vec![Money { column: "cost".into(), currency: "currency".into(), total: true }]
    }

    fn batch(costs: Vec<Option<i128>>, currencies: ArrayRef) -> RecordBatch {
        let costs = Decimal128Array::from(costs).with_precision_and_scale(38, 18).unwrap();
        let schema = Schema::new(vec![
            Field::new("cost", DataType::Decimal128(38, 18), true),
            Field::new("currency", currencies.data_type().clone(), true),
        ]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(costs), currencies]).unwrap()
    }

    #[test]
    fn currencies_are_never_summed_together() {
        let mut totals = Totals::default();
        let currencies: ArrayRef = Arc::new(StringArray::from(vec![Some("USD"), Some("EUR"), None, Some("USD")]));
        totals.add(&money(), &batch(vec![Some(1), Some(10), Some(100), Some(2)], currencies));
        assert_eq!(totals.get("cost", "USD"), Some(i256::from_i128(3)));
        assert_eq!(totals.get("cost", "EUR"), Some(i256::from_i128(10)));
        assert_eq!(totals.get("cost", ""), Some(i256::from_i128(100)));
    }

    #[test]
    fn dictionary_and_plain_text_currencies_give_the_same_totals() {
        let plain: ArrayRef = Arc::new(StringArray::from(vec![Some("USD"), None, Some("EUR")]));
        let keys = UInt8Array::from(vec![Some(1), None, Some(0)]);
        let dictionary = DictionaryArray::<UInt8Type>::new(keys, Arc::new(StringArray::from(vec!["EUR", "USD"])));
        let (mut a, mut b) = (Totals::default(), Totals::default());
        a.add(&money(), &batch(vec![Some(5), Some(6), Some(7)], plain));
        b.add(&money(), &batch(vec![Some(5), Some(6), Some(7)], Arc::new(dictionary)));
        assert_eq!(a, b);
    }

    #[test]
    fn sums_past_38_digits_stay_exact() {
        let big = 99_999_999_999_999_999_999_999_999_999_999_999_999_i128;
        let mut totals = Totals::default();
        let currencies: ArrayRef = Arc::new(StringArray::from(vec!["USD"; 4]));
        totals.add(&money(), &batch(vec![Some(big); 4], currencies));
        let sum = totals.get("cost", "USD").unwrap();
        assert_eq!(sum.to_string(), "399999999999999999999999999999999999996");
        assert_eq!(decimal_text(sum), "399999999999999999999.999999999999999996");
    }

    #[test]
    fn decimal_text_is_exact_and_short() {
        for (value, text) in [
            (0_i128, "0"),
            (1, "0.000000000000000001"),
            (-1_500_000_000_000_000_000, "-1.5"),
            (4_064_483_131_537_900_000_000, "4064.4831315379"),
        ] {
            assert_eq!(decimal_text(i256::from_i128(value)), text);
            assert_eq!(parse_decimal_exact(text), Some(i256::from_i128(value)));
        }
    }
}
