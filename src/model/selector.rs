//! Label selectors.

use crate::projection::metadata::StringMap;
use crate::projection::pod::InstanceFields;
use crate::projection::rbac::{LabelExpression, LabelSelector};

/// Looks up a label; lets selectors match labels that are kept in two places.
pub trait Labels {
    /// The value of a label.
    fn label(&self, key: &str) -> Option<&str>;
}

impl Labels for StringMap {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

impl Labels for InstanceFields {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key)
    }
}

/// Whether all pairs of `wanted` are among the labels. An empty map matches everything.
pub fn matches_labels(wanted: &StringMap, labels: &impl Labels) -> bool {
    wanted
        .iter()
        .all(|(key, value)| labels.label(key) == Some(value))
}

/// Whether a `LabelSelector` matches; `None` when it holds an operator that the API does not know.
pub fn matches(selector: &LabelSelector, labels: &impl Labels) -> Option<bool> {
    let mut matched = matches_labels(&selector.match_labels, labels);
    for expression in &selector.match_expressions {
        let value = labels.label(&expression.key);
        let listed =
            || value.is_some_and(|value| expression.values.iter().any(|wanted| wanted == value));
        matched &= match expression.operator.as_str() {
            "In" => listed(),
            // Both negations also match objects without the key.
            "NotIn" => !listed(),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => return None,
        };
    }
    Some(matched)
}

/// Parses a selector as kubectl writes it: `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
pub fn parse(text: &str) -> Result<LabelSelector, String> {
    let requirements = split(text)?;
    let match_expressions = requirements
        .into_iter()
        .map(requirement)
        .collect::<Result<_, _>>()?;
    Ok(LabelSelector {
        match_labels: StringMap::new(),
        match_expressions,
    })
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or("unexpected ')'")?,
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("missing ')'".to_owned());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn requirement(text: &str) -> Result<LabelExpression, String> {
    let text = text.trim();
    let one = |key: &str, operator: &str, value: &str| {
        (
            key.to_owned(),
            operator.to_owned(),
            vec![value.trim().to_owned()],
        )
    };
    let (key, operator, values) = if let Some((key, value)) = text.split_once("!=") {
        one(key, "NotIn", value)
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        one(key, "In", value)
    } else if let Some((key, rest)) = text.split_once(char::is_whitespace) {
        set(key, rest)?
    } else if let Some(key) = text.strip_prefix('!') {
        (key.to_owned(), "DoesNotExist".to_owned(), Vec::new())
    } else {
        (text.to_owned(), "Exists".to_owned(), Vec::new())
    };
    let key = key.trim().to_owned();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    if key.is_empty() || !key.chars().all(allowed) {
        return Err(format!("{text:?} is not a requirement on a label"));
    }
    if let Some(value) = values.iter().find(|value| !is_value(value)) {
        return Err(format!("{value:?} is not a value that a label can have"));
    }
    Ok(LabelExpression {
        key,
        operator,
        values,
    })
}

/// Whether a label can have this value: up to 63 letters, digits, `-`, `_` and `.`, from letter or digit to letter or digit.
fn is_value(text: &str) -> bool {
    let ends = |letter: char| letter.is_ascii_alphanumeric();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.is_empty()
        || text.len() <= 63
            && text.chars().all(allowed)
            && text.starts_with(ends)
            && text.ends_with(ends)
}

fn set(key: &str, rest: &str) -> Result<(String, String, Vec<String>), String> {
    let rest = rest.trim();
    let (operator, list) = if let Some(list) = rest.strip_prefix("notin") {
        ("NotIn", list)
    } else if let Some(list) = rest.strip_prefix("in") {
        ("In", list)
    } else {
        return Err(format!("expected 'in' or 'notin' after {key:?}"));
    };
    let list = list
        .trim()
        .strip_prefix('(')
        .and_then(|list| list.strip_suffix(')'));
    let list = list.ok_or_else(|| format!("expected values in parentheses after {key:?}"))?;
    let values = list
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect();
    Ok((key.to_owned(), operator.to_owned(), values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_follow_the_api() {
        let labels = StringMap::from_iter([("tier".to_owned(), "test".to_owned())]);
        let table = [
            ("{}", Some(true), "an empty selector matches everything"),
            (r#"{"matchLabels": {"tier": "test"}}"#, Some(true), "equal"),
            (
                r#"{"matchLabels": {"tier": "prod"}}"#,
                Some(false),
                "not equal",
            ),
            (
                r#"{"matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "test"]}]}"#,
                Some(true),
                "in",
            ),
            (
                r#"{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}"#,
                Some(true),
                "no such key",
            ),
            (
                r#"{"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}"#,
                Some(true),
                "no such key",
            ),
            (
                r#"{"matchExpressions": [{"key": "app", "operator": "Exists"}]}"#,
                Some(false),
                "no such key",
            ),
            (
                r#"{"matchExpressions": [{"key": "app", "operator": "Gt"}]}"#,
                None,
                "unknown operator",
            ),
        ];
        for (selector, expected, why) in table {
            let selector: LabelSelector = serde_json::from_str(selector).unwrap();
            assert_eq!(matches(&selector, &labels), expected, "{why}");
        }
    }

    #[test]
    fn selectors_parse_as_in_kubectl() {
        let labels = StringMap::from_iter([
            ("app".to_owned(), "x".to_owned()),
            ("tier".to_owned(), "test".to_owned()),
        ]);
        let table = [
            ("app=x", true),
            ("app==x,tier=test", true),
            ("app=y", false),
            ("app!=y", true),
            ("none!=y", true),
            ("app in (x, y),tier notin (prod)", true),
            ("app", true),
            ("!app", false),
            ("!none", true),
            ("none!=", true),
            ("app in (,x)", true),
        ];
        for (text, expected) in table {
            assert_eq!(
                matches(&parse(text).unwrap(), &labels),
                Some(expected),
                "{text}"
            );
        }
        for text in [
            "",
            "a in x",
            "a in (x",
            "a)",
            "a b",
            "=x",
            "a,,b",
            "a=b=c",
            "a=b c",
            "a=-b",
            "a!=b_",
            "a in (b=c)",
            "a in (b c)",
            "a in (b;c)",
            "a=\u{1b}[2J",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
