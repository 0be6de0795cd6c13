//! Labels and selectors as numbers. Only keys and values that some selector names are told apart.

use std::collections::{BTreeMap, HashMap};

use crate::projection::rbac::LabelSelector;

/// A key, a value, a selector.
pub(super) type Id = u32;

/// Any value that no selector names.
pub(super) const OTHER: Id = Id::MAX;

/// Yes, no, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Tri {
    No,
    Maybe,
    Yes,
}

impl Tri {
    pub(super) fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    /// Both hold.
    pub(super) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// One of them holds.
    pub(super) fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// It does not hold.
    pub(super) const fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

/// What is asked of one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Test {
    In(Vec<Id>),
    NotIn(Vec<Id>),
    Exists,
    Missing,
    /// An operator that the API does not know.
    Unknown,
}

/// A selector: all tests hold. An empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Selector {
    pub(super) tests: Vec<(Id, Test)>,
}

/// What a label's value is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Is(Id),
    Absent,
    /// The object's labels were not read.
    Unread,
    /// It may yet be chosen.
    Free,
}

/// A label that a test needs and that may yet be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Free(pub(super) Id);

impl Test {
    pub(super) fn holds(&self, value: Value) -> Result<Tri, ()> {
        let present = match value {
            Value::Is(value) => Some(value),
            Value::Absent => None,
            Value::Unread => return Ok(Tri::Maybe),
            Value::Free => return Err(()),
        };
        Ok(match self {
            Self::In(values) => Tri::of(present.is_some_and(|value| values.contains(&value))),
            // Also without the key.
            Self::NotIn(values) => Tri::of(!present.is_some_and(|value| values.contains(&value))),
            Self::Exists => Tri::of(present.is_some()),
            Self::Missing => Tri::of(present.is_none()),
            Self::Unknown => Tri::Maybe,
        })
    }
}

impl Selector {
    /// Whether it selects what has these labels; fails on a label that may yet be chosen.
    pub(super) fn matches(&self, labels: impl Fn(Id) -> Value) -> Result<Tri, Free> {
        let mut all = Tri::Yes;
        let mut free = None;
        for (key, test) in &self.tests {
            match test.holds(labels(*key)) {
                Ok(Tri::No) => return Ok(Tri::No),
                Ok(holds) => all = all.and(holds),
                Err(()) => free = free.or(Some(Free(*key))),
            }
        }
        free.map_or(Ok(all), Err)
    }

    /// The same for labels that are all known.
    pub(super) fn selects(&self, labels: impl Fn(Id) -> Value) -> Tri {
        self.matches(labels).unwrap_or(Tri::Maybe)
    }
}

/// Numbers of keys and values.
#[derive(Debug, Default)]
pub(super) struct Names {
    keys: Numbers,
    values: Numbers,
}

#[derive(Debug, Default)]
struct Numbers {
    ids: HashMap<String, Id>,
    texts: Vec<String>,
}

impl Names {
    /// The selector in numbers.
    pub(super) fn selector(&mut self, selector: &LabelSelector) -> Selector {
        let mut tests: Vec<(Id, Test)> = Vec::new();
        for (key, value) in &selector.match_labels {
            let value = self.value(value);
            tests.push((self.key(key), Test::In(vec![value])));
        }
        for expression in &selector.match_expressions {
            let mut values: Vec<Id> = expression
                .values
                .iter()
                .map(|value| self.value(value))
                .collect();
            values.sort_unstable();
            values.dedup();
            let test = match expression.operator.as_str() {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::Missing,
                _ => Test::Unknown,
            };
            tests.push((self.key(&expression.key), test));
        }
        Selector { tests }
    }

    /// The selector of what has these labels.
    pub(super) fn equal<'l>(
        &mut self,
        labels: impl IntoIterator<Item = (&'l String, &'l String)>,
    ) -> Selector {
        let tests = labels.into_iter().map(|(key, value)| {
            let value = self.value(value);
            (self.key(key), Test::In(vec![value]))
        });
        Selector {
            tests: tests.collect(),
        }
    }

    fn key(&mut self, key: &str) -> Id {
        self.keys.number(key)
    }

    fn value(&mut self, value: &str) -> Id {
        self.values.number(value)
    }

    /// The labels that selectors ask for, sorted by key.
    pub(super) fn labels<'l>(
        &self,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
    ) -> Vec<(Id, Id)> {
        let known = labels.filter_map(|(key, value)| {
            let key = self.keys.ids.get(key)?;
            Some((*key, self.values.ids.get(value).copied().unwrap_or(OTHER)))
        });
        let sorted: BTreeMap<Id, Id> = known.collect();
        sorted.into_iter().collect()
    }
}

impl Names {
    /// A key as it is written.
    pub(super) fn key_name(&self, key: Id) -> String {
        self.keys.text(key)
    }

    /// A value as it is written; of any other value, something that says so.
    pub(super) fn value_name(&self, value: Id) -> String {
        if value == OTHER {
            "(any other)".to_owned()
        } else {
            self.values.text(value)
        }
    }
}

impl Numbers {
    fn number(&mut self, text: &str) -> Id {
        if let Some(known) = self.ids.get(text) {
            return *known;
        }
        let next = Id::try_from(self.texts.len()).unwrap_or(OTHER);
        self.ids.insert(text.to_owned(), next);
        self.texts.push(text.to_owned());
        next
    }

    fn text(&self, id: Id) -> String {
        let place = usize::try_from(id).ok();
        place
            .and_then(|place| self.texts.get(place))
            .cloned()
            .unwrap_or_default()
    }
}

/// The value of a key among labels sorted by it.
pub(super) fn value_of(labels: &[(Id, Id)], key: Id) -> Value {
    match labels.binary_search_by_key(&key, |(known, _)| *known) {
        Ok(place) => labels
            .get(place)
            .map_or(Value::Absent, |(_, value)| Value::Is(*value)),
        Err(_) => Value::Absent,
    }
}
