//! Runs of a batch of columns: found by the codes of their columns instead of by their bytes.
//!
//! Columns bring their own dictionaries with each batch, so nothing of one is kept for the next.

use super::{Member, Span, object};
use crate::arrow_runs::Runs;
use crate::arrow_texts::Coded;
use crate::map::{Entry, MapColumn};
use crate::text::{NULL, TextColumn};
use std::ops::Range;

const UNSEEN: u32 = u32::MAX;

/// What the members of a span fill.
pub(crate) struct Filled<'a> {
    pub(crate) texts: &'a mut [TextColumn],
    pub(crate) map: &'a mut MapColumn,
}

/// What a member has in each run.
#[derive(Default)]
struct Values {
    /// By run: the code in the column of the table or in the map, or the object's number + 1.
    codes: Vec<u32>,
    /// The code of the entry's key.
    key: u32,
    /// By number: the object's entries, none where it could not be read.
    objects: Vec<Option<Range<usize>>>,
}

impl Span {
    /// Looks up the runs of the next `rows` rows. `members` are the columns of its members, without those that have no
    /// value.
    #[inline(never)]
    pub(crate) fn look_up_columns(
        &mut self,
        members: &[Option<Coded>],
        rows: usize,
        runs: &mut Runs,
        filled: &mut Filled<'_>,
    ) {
        runs.number(members.iter().flatten(), rows);
        self.before = self.ids.len();
        let known = self.entry_ends.len() as u32;
        self.ids.extend(runs.ids.iter().map(|id| id + known));

        let mut entries = Vec::new();
        let mut values = Vec::with_capacity(members.len());
        for (member, coded) in self.members.iter().zip(members) {
            values.push(match coded {
                Some(coded) => self.values(member, coded, &runs.firsts, filled, &mut entries),
                None => Values::default(),
            });
        }
        for run in 0..runs.firsts.len() {
            self.put_run(run, &values, &entries);
        }
    }

    fn values(
        &self,
        member: &Member,
        coded: &Coded,
        firsts: &[u32],
        filled: &mut Filled<'_>,
        entries: &mut Vec<Entry>,
    ) -> Values {
        let mut values = Values { codes: Vec::with_capacity(firsts.len()), ..Values::default() };
        let mut to = vec![UNSEEN; coded.count()];
        for row in firsts {
            let code = coded.code(*row as usize);
            let slot = to.get_mut(code as usize);
            values.codes.push(match slot {
                Some(slot) if *slot == UNSEEN => {
                    *slot = self.code(member, coded.text(code), filled, &mut values.objects, entries);
                    *slot
                }
                Some(slot) => *slot,
                None => NULL,
            });
        }
        if let Member::Entry(key) = member
            && values.codes.iter().any(|code| *code != NULL)
        {
            values.key = filled.map.keys.value_code(key);
        }
        values
    }

    /// What a text becomes in what the member fills.
    fn code(
        &self,
        member: &Member,
        text: &str,
        filled: &mut Filled<'_>,
        objects: &mut Vec<Option<Range<usize>>>,
        entries: &mut Vec<Entry>,
    ) -> u32 {
        if text.is_empty() {
            return NULL;
        }
        match member {
            Member::Column(at) => {
                let column = self.columns.get(*at).and_then(|column| filled.texts.get_mut(*column));
                column.map_or(NULL, |column| column.value_code(text))
            }
            Member::Entry(_) => filled.map.values.value_code(text),
            Member::Object { whole } => {
                let begin = entries.len();
                let good = object(text.as_bytes(), *whole, filled.map, entries);
                objects.push(good.then_some(begin..entries.len()));
                objects.len() as u32
            }
            Member::Skip => NULL,
        }
    }

    /// Adds a run with what its members have in it.
    fn put_run(&mut self, run: usize, values: &[Values], objects: &[Entry]) {
        let id = self.entry_ends.len() as u32;
        let codes_from = self.codes.len();
        self.codes.resize(codes_from + self.columns.len(), NULL);
        for ((at, member), values) in self.members.iter().enumerate().zip(values) {
            let code = values.codes.get(run).copied().unwrap_or(NULL);
            if code == NULL {
                continue;
            }
            match member {
                Member::Column(column) => {
                    if let Some(slot) = self.codes.get_mut(codes_from + column) {
                        *slot = code;
                    }
                }
                Member::Entry(_) => self.entries.push((values.key, code)),
                Member::Object { .. } => match values.objects.get(code as usize - 1) {
                    Some(Some(own)) => {
                        self.entries.extend_from_slice(objects.get(own.clone()).unwrap_or_default());
                    }
                    _ => self.bad.push((id, self.first + at)),
                },
                Member::Skip => {}
            }
        }
        self.entry_ends.push(self.entries.len() as u32);
    }
}

/// A batch of columns is finished: its runs and dictionaries were its own.
pub(crate) fn end_batch(spans: &mut [Span], columns: &mut [TextColumn], maps: &mut [MapColumn]) {
    for span in spans {
        span.forget(columns, maps);
        span.ids.clear();
    }
}
