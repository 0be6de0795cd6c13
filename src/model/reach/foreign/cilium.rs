//! Cilium's policies: what their rules do, and whom their selectors select.

use std::collections::BTreeMap;

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
        match_labels: labels
            .filter(|(key, _)| wanted(key))
            .collect::<BTreeMap<_, _>>(),
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
