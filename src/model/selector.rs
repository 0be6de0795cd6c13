//! Label selectors.

use std::collections::BTreeMap;

use crate::projection::rbac::LabelSelector;

/// Looks up a label; lets selectors match labels that are kept in two places.
pub trait Labels {
    /// The value of a label.
    fn label(&self, key: &str) -> Option<&str>;
}

impl Labels for BTreeMap<String, String> {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

/// Whether all pairs of `wanted` are among the labels. An empty map matches everything.
pub fn matches_labels(wanted: &BTreeMap<String, String>, labels: &impl Labels) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_follow_the_api() {
        let labels = BTreeMap::from([("tier".to_owned(), "test".to_owned())]);
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
}
