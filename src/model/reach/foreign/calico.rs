//! Calico's language of selectors, as its documentation of `GlobalNetworkPolicy` gives it. What does not parse may select
//! anything.

use super::super::labels::Tri;
use crate::model::selector::Labels;

/// A longer selector is not read.
const SELECTOR_BYTES: usize = 4096;
/// Nor one that is nested deeper.
const DEPTH: usize = 32;

/// Whether a selector selects what has the labels; none selects everything.
pub(super) fn selects(selector: Option<&str>, labels: &impl Labels) -> Tri {
    let text = selector.unwrap_or_default().trim();
    if text.is_empty() {
        return Tri::Yes;
    }
    if text.len() > SELECTOR_BYTES {
        return Tri::Maybe;
    }
    let mut parser = Parser {
        rest: text,
        labels,
        depth: 0,
    };
    match parser.either() {
        Some(selected) if parser.rest.trim().is_empty() => Tri::of(selected),
        _ => Tri::Maybe,
    }
}

struct Parser<'t, L> {
    rest: &'t str,
    labels: &'t L,
    depth: usize,
}

impl<'t, L: Labels> Parser<'t, L> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn either(&mut self) -> Option<bool> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut any = self.both()?;
        while self.take("||") {
            any |= self.both()?;
        }
        self.depth -= 1;
        Some(any)
    }

    fn both(&mut self) -> Option<bool> {
        let mut all = self.term()?;
        while self.take("&&") {
            all &= self.term()?;
        }
        Some(all)
    }

    fn term(&mut self) -> Option<bool> {
        let mut negated = false;
        while self.take("!") {
            negated = !negated;
        }
        let holds = if self.take("(") {
            let inner = self.either()?;
            self.take(")").then_some(inner)?
        } else {
            self.condition()?
        };
        Some(holds != negated)
    }

    fn condition(&mut self) -> Option<bool> {
        let key = self.word()?;
        match key {
            "all" | "global" if self.take("(") => return self.take(")").then_some(key == "all"),
            "has" if self.take("(") => {
                let key = self.word()?;
                return self.take(")").then(|| self.labels.label(key).is_some());
            }
            _ => {}
        }
        let value = self.labels.label(key);
        if self.take("==") {
            let wanted = self.text()?;
            return Some(value == Some(wanted));
        }
        if self.take("!=") {
            let wanted = self.text()?;
            return Some(value != Some(wanted));
        }
        let negated = self.take("not ");
        if self.take("in") {
            let listed = self.list()?.iter().any(|wanted| value == Some(*wanted));
            return Some(listed != negated);
        }
        if negated {
            return None;
        }
        let test: fn(&str, &str) -> bool = if self.take("contains") {
            |value, part| value.contains(part)
        } else if self.take("starts with") {
            |value, part| value.starts_with(part)
        } else if self.take("ends with") {
            |value, part| value.ends_with(part)
        } else {
            return None;
        };
        let part = self.text()?;
        Some(value.is_some_and(|value| test(value, part)))
    }

    fn word(&mut self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        let end = rest.find(|letter| !allowed(letter)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn text(&mut self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let quote = rest
            .chars()
            .next()
            .filter(|letter| ['\'', '"'].contains(letter))?;
        let (text, rest) = rest.get(1..)?.split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn list(&mut self) -> Option<Vec<&'t str>> {
        if !self.take("{") {
            return None;
        }
        let mut values = Vec::new();
        while !self.take("}") {
            values.push(self.text()?);
            self.take(",");
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn selectors_are_read_as_calico_does() {
        let labels: BTreeMap<String, String> = [("app", "web"), ("tier", "prod")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let table = [
            ("", Tri::Yes),
            ("all()", Tri::Yes),
            ("global()", Tri::No),
            ("app == 'web'", Tri::Yes),
            ("app=='web' && tier != \"prod\"", Tri::No),
            ("app == 'x' || tier in {'prod', 'test'}", Tri::Yes),
            ("tier not in { 'prod' }", Tri::No),
            ("none not in { 'prod' }", Tri::Yes),
            ("none != 'x'", Tri::Yes),
            ("has(app) && !has(none)", Tri::Yes),
            ("!(app == 'web')", Tri::No),
            (
                "app contains 'e' && app starts with 'w' && app ends with 'b'",
                Tri::Yes,
            ),
            ("app ~= 'web'", Tri::Maybe),
            ("app == 'web' nonsense", Tri::Maybe),
        ];
        for (text, expected) in table {
            assert_eq!(selects(Some(text), &labels), expected, "{text}");
        }
        let deep = "(".repeat(100);
        assert_eq!(selects(Some(&deep), &labels), Tri::Maybe);
    }
}
