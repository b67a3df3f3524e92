//! Which inputs of a plan are looked up one by one and which together, and what fills each column of the table.

use super::TableBuilder;
use crate::columns::{self, Single};
use crate::plan::{Kind, Target, kind};
use crate::span::{self, Member, Span};

impl TableBuilder {
    /// Decides which inputs are looked up together.
    pub(super) fn lay_out(&mut self) {
        let mut feeds = vec![0usize; self.plan.schema.fields().len()];
        let mut last_run = None;
        for (at, input) in self.plan.inputs.clone().iter().enumerate() {
            let (column, map, member) = match &input.target {
                Target::Skip => (None, None, Member::Skip),
                Target::Column(column) => (Some(*column), None, Member::Skip),
                Target::Entry { column, key } => (None, Some(*column), Member::Entry(key.clone())),
                Target::Object(column) => (None, Some(*column), Member::Object { whole: true }),
                Target::Members(column) => (None, Some(*column), Member::Object { whole: false }),
            };
            let lonely = map.is_none() && !self.plan.has_neighbour_of_run(at);
            if let Some(column) = column {
                if let Some(count) = feeds.get_mut(column) {
                    *count += 1;
                }
                let kind = kind(&self.plan.schema, column);
                if lonely || kind != Kind::Text {
                    if at != self.plan.time && at != self.plan.amount {
                        self.singles.push(Single { input: at, column, kind });
                    }
                    last_run = None;
                    continue;
                }
            } else if lonely {
                last_run = None;
                continue;
            }
            let span = self.span_for(at, input.run.filter(|run| Some(*run) == last_run).is_some(), map);
            last_run = input.run;
            let Some(span) = self.spans.get_mut(span) else { continue };
            span.map = span.map.or(map);
            let member = if let Some(column) = column {
                if let Some(text) = self.texts.get_mut(column) {
                    (text.pinned, text.lasting) = (true, true);
                }
                span.columns.push(column);
                Member::Column(span.columns.len() - 1)
            } else {
                member
            };
            span.members.push(member);
        }
        for (column, _) in feeds.iter().enumerate().filter(|(_, count)| **count > 1) {
            if let Some(text) = self.texts.get_mut(column) {
                text.pinned = true;
            }
        }
        self.lay_out_columns(&feeds);
        span::join_families(&mut self.spans);
        self.stretches = columns::stretches(&self.singles);
        self.lay_out_maps();
    }

    /// Tells columns that one run alone fills from those that other inputs fill too.
    fn lay_out_columns(&mut self, feeds: &[usize]) {
        for (number, span) in self.spans.iter_mut().enumerate() {
            for (place, column) in span.columns.iter().enumerate() {
                match self.filled_by.get_mut(*column) {
                    Some(filled_by) if feeds.get(*column) == Some(&1) => *filled_by = Some((number, place)),
                    _ => span.shared.push(place),
                }
            }
        }
    }

    /// The span that an input belongs to: the last one if it goes on, or a new one.
    fn span_for(&mut self, input: usize, goes_on: bool, map: Option<usize>) -> usize {
        let fits = |span: &Span| map.is_none() || span.map.is_none() || span.map == map;
        if !(goes_on && self.spans.last().is_some_and(fits)) {
            self.spans.push(Span::new(input, map));
        }
        self.spans.len() - 1
    }

    fn lay_out_maps(&mut self) {
        for (at, span) in self.spans.iter().enumerate() {
            let Some(map) = span.map else { continue };
            match self.map_spans.iter_mut().find(|(column, _)| *column == map) {
                Some((_, spans)) => spans.push(at),
                None => self.map_spans.push((map, vec![at])),
            }
        }
        for (column, spans) in &self.map_spans {
            let members = || spans.iter().filter_map(|s| self.spans.get(*s)).flat_map(|s| &s.members);
            let mut keys: Vec<&str> = Vec::new();
            for member in members() {
                if let Member::Entry(key) = member {
                    keys.push(key);
                }
            }
            let objects = members().filter(|m| matches!(m, Member::Object { .. })).count();
            keys.sort_unstable();
            let repeats = keys.windows(2).any(|pair| pair.first() == pair.last());
            if let Some(map) = self.maps.get_mut(*column) {
                map.may_repeat = repeats || objects > 1 || (objects == 1 && !keys.is_empty());
            }
        }
    }
}
