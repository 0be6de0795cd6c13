//! Cilium's policies: what their rules do, and whom their selectors select.

use super::super::classes::NAME_LABEL;
use super::super::labels::Tri;
use super::super::policies::Direction;
use super::{Effect, Selects};
use crate::model::selector::{self, Labels};
use crate::model::{Model, PodGroup};
use crate::projection::policy::{CiliumRule, Section};
use crate::projection::rbac::{LabelExpression, LabelSelector};

/// Cilium's rules: selecting a pod isolates it where there are rules of the direction, unless the policy says not to;
/// a rule without fields matches nothing.
pub(super) fn effects(rule: &CiliumRule) -> [Effect; 2] {
    let effect = |direction, allow: &[Section], deny: &[Section], isolates: Option<bool>| {
        let says = |sections: &[Section]| sections.iter().any(|section| !section.0.is_empty());
        let has_rules = !allow.is_empty() || !deny.is_empty();
        Effect {
            direction,
            allows: says(allow),
            denies: has_rules && isolates != Some(false) || isolates == Some(true) || says(deny),
        }
    };
    [
        effect(
            Direction::Ingress,
            &rule.ingress,
            &rule.ingress_deny,
            rule.enable_default_deny.ingress,
        ),
        effect(
            Direction::Egress,
            &rule.egress,
            &rule.egress_deny,
            rule.enable_default_deny.egress,
        ),
    ]
}

/// Labels of a pod under the names that Cilium's selectors use.
struct CiliumLabels<'p, 'm> {
    model: &'m Model<'m>,
    pod: Option<&'p PodGroup<'p>>,
    namespace: &'p str,
}

const OF_NAMESPACE: &str = "io.cilium.k8s.namespace.labels.";
const NAMESPACE: &str = "io.kubernetes.pod.namespace";

impl Labels for CiliumLabels<'_, '_> {
    fn label(&self, key: &str) -> Option<&str> {
        if key == NAMESPACE {
            return Some(self.namespace);
        }
        match key.strip_prefix(OF_NAMESPACE) {
            // The API server keeps this label equal to the name; files need not have it.
            Some(NAME_LABEL) => Some(self.namespace),
            Some(key) => self.model.namespaces.get(self.namespace)?.labels.label(key),
            None => self.pod?.label(key),
        }
    }
}

/// What a key of a selector is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Namespace,
    /// A label of a namespace that was not read.
    Unread,
    Pod,
}

pub(super) fn selects(
    model: &Model<'_>,
    selector: &LabelSelector,
    pod: Option<&PodGroup<'_>>,
    namespace: &str,
) -> Selects {
    let keys = selector.match_labels.keys();
    let expressions = selector.match_expressions.iter();
    let mut keys = keys.chain(expressions.map(|expression| &expression.key));
    if keys.any(|key| is_of_other_source(key)) {
        return Selects::of(Tri::Maybe);
    }
    let unread = model
        .namespaces
        .get(namespace)
        .is_none_or(|known| known.unread.is_some());
    let about = |key: &str| match key.strip_prefix(OF_NAMESPACE) {
        None if key == NAMESPACE => About::Namespace,
        None => About::Pod,
        Some(NAME_LABEL) => About::Namespace,
        Some(_) if unread => About::Unread,
        Some(_) => About::Namespace,
    };
    let labels = CiliumLabels {
        model,
        pod,
        namespace,
    };
    let matched = |wanted: About| {
        let part = part(selector, |key| about(key) == wanted);
        (!part.match_labels.is_empty() || !part.match_expressions.is_empty())
            .then(|| selector::matches(&part, &labels).map_or(Tri::Maybe, Tri::of))
    };
    let of_namespace = matched(About::Namespace).unwrap_or(Tri::Yes);
    let unread = matched(About::Unread).map_or(Tri::Yes, |_| Tri::Maybe);
    let of_pod = match (matched(About::Pod), pod) {
        (None, _) => Selects::of(Tri::Yes),
        (Some(_), None) => Selects::FREE,
        (Some(selected), Some(_)) => Selects::of(selected),
    };
    Selects::of(of_namespace.and(unread)).and(of_pod)
}

/// The requirements of a selector on some keys, without the source that may stand before a key.
fn part(selector: &LabelSelector, wanted: impl Fn(&str) -> bool) -> LabelSelector {
    let labels = selector
        .match_labels
        .iter()
        .map(|(key, value)| (bare(key).to_owned(), value.clone()));
    let expressions = selector.match_expressions.iter();
    let expressions = expressions.map(|expression| LabelExpression {
        key: bare(&expression.key).to_owned(),
        ..expression.clone()
    });
    LabelSelector {
        match_labels: labels.filter(|(key, _)| wanted(key)).collect(),
        match_expressions: expressions.filter(|known| wanted(&known.key)).collect(),
    }
}

/// A key without its source. Only a colon ends a source: `k8s.agency.example/app` is a key of its own.
fn bare(key: &str) -> &str {
    let known = ["k8s:", "any:"];
    let mut bare = known.iter().filter_map(|source| key.strip_prefix(source));
    bare.next().unwrap_or(key)
}

/// Labels of other sources, such as `reserved:` (in older forms `reserved.` and `$`), are on no pod; which of them are is
/// not read.
fn is_of_other_source(key: &str) -> bool {
    bare(key).contains(':')
        || key.starts_with('$')
        || key.starts_with("reserved.")
        || key.contains("io.cilium.k8s.policy")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kind::Kind;
    use crate::snapshot::ReadStatus;

    #[test]
    fn rules_of_a_direction_isolate_in_that_direction() {
        let of = |rule: Value| {
            let effects = effects(&serde_json::from_value(rule).unwrap());
            effects.map(|effect| (effect.allows, effect.denies))
        };
        let none = (false, false);
        let some = json!([{"fromEndpoints": [{}]}]);
        let table = [
            (json!({}), [none, none], "nothing"),
            (
                json!({"ingress": [{}]}),
                [(false, true), none],
                "a rule without fields",
            ),
            (json!({"ingress": some}), [(true, true), none], "a rule"),
            (
                json!({"ingress": some, "enableDefaultDeny": {"ingress": false}}),
                [(true, false), none],
                "a rule that does not isolate",
            ),
            (
                json!({"ingressDeny": some}),
                [(false, true), none],
                "a refusal",
            ),
            (
                json!({"ingressDeny": [{}]}),
                [(false, true), none],
                "one without fields",
            ),
            (
                json!({"egress": [{}]}),
                [none, (false, true)],
                "the other direction",
            ),
            (
                json!({"enableDefaultDeny": {"egress": true}}),
                [none, (false, true)],
                "isolation alone",
            ),
        ];
        for (rule, expected, why) in table {
            assert_eq!(of(rule), expected, "{why}");
        }
    }

    const YAML: &str = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: web}]}\n";

    #[test]
    fn keys_are_about_pods_their_namespaces_or_what_is_not_read() {
        let snapshot = crate::testing::snapshot(YAML);
        let model = crate::testing::model(&snapshot);
        let of_namespace = "io.kubernetes.pod.namespace";
        let team = "io.cilium.k8s.namespace.labels.team";
        let name = "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name";
        let [yes, no, maybe] = [Tri::Yes, Tri::No, Tri::Maybe].map(Selects::of);
        let table = [
            ("app", "web", yes, Selects::FREE),
            ("k8s:app", "web", yes, Selects::FREE),
            ("app", "other", no, Selects::FREE),
            (of_namespace, "shop", yes, yes),
            (of_namespace, "other", no, no),
            (team, "a", yes, yes),
            (team, "b", no, no),
            (name, "shop", yes, yes),
            (name, "other", no, no),
            ("reserved:host", "", maybe, maybe),
            ("reserved.host", "", maybe, maybe),
            ("$host", "", maybe, maybe),
            ("io.cilium.k8s.policy.cluster", "a", maybe, maybe),
        ];
        for (key, value, of_pod, to_be_made) in table {
            for selector in [
                json!({"matchLabels": {key: value}}),
                json!({"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}),
            ] {
                let selector = serde_json::from_value(selector).unwrap();
                let of = |pod| selects(&model, &selector, pod, "shop");
                assert_eq!(of(Some(&model.pods[0])), of_pod, "{key} {value}");
                assert_eq!(of(None), to_be_made, "{key} {value}, to be made");
            }
        }
    }

    #[test]
    fn labels_of_a_namespace_that_was_not_read_leave_it_open() {
        let snapshot = crate::testing::snapshot(YAML);
        let snapshot = crate::testing::without(snapshot, Kind::Namespace, ReadStatus::Forbidden);
        let model = crate::testing::model(&snapshot);
        let of = |key: &str, value: &str| {
            let selector = json!({"matchLabels": {key: value}});
            let selector = serde_json::from_value(selector).unwrap();
            selects(&model, &selector, Some(&model.pods[0]), "shop").some
        };
        assert_eq!(of("io.cilium.k8s.namespace.labels.team", "a"), Tri::Maybe);
        let name = "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name";
        assert_eq!(of(name, "shop"), Tri::Yes, "its name is known");
    }
}
