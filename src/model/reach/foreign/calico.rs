//! Calico's policies: what their rules do, and whom they select in Calico's language of selectors, as its documentation of
//! `GlobalNetworkPolicy` gives it. What does not parse may select anything.

use super::super::classes::NAME_LABEL;
use super::super::labels::Tri;
use super::super::policies::Direction;
use super::{Effect, Selects};
use crate::model::selector::Labels as _;
use crate::model::{Model, PodGroup};
use crate::projection::policy::{CalicoPolicy, CalicoRule, CalicoSpec};

/// Calico's rules: traffic of a direction that a policy is about is denied where no rule allows it.
pub(super) fn effects(policy: &CalicoPolicy) -> Vec<Effect> {
    let spec = &policy.spec;
    // Both are for the interfaces of hosts only (felix/calc/event_sequencer.go of Calico).
    if spec.do_not_track == Some(true) || spec.pre_dnat == Some(true) {
        return Vec::new();
    }
    // What is passed on may be let through by a later tier, or by the default of the namespace.
    let lets_on = |rule: &CalicoRule| !["Deny", "Log"].contains(&rule.action.as_str());
    let is_about = |direction: Direction| {
        if spec.types.is_empty() {
            return match direction {
                Direction::Ingress => !spec.ingress.is_empty() || spec.egress.is_empty(),
                Direction::Egress => !spec.egress.is_empty(),
            };
        }
        spec.types.iter().any(|name| name == direction.name())
    };
    let directions = [
        (Direction::Ingress, &spec.ingress),
        (Direction::Egress, &spec.egress),
    ];
    directions
        .into_iter()
        .filter(|(direction, _)| is_about(*direction))
        .map(|(direction, rules)| Effect {
            direction,
            allows: rules.iter().any(lets_on),
            denies: true,
        })
        .collect()
}

/// A longer selector is not read.
const SELECTOR_BYTES: usize = 4096;
/// Nor one that is nested deeper.
const DEPTH: usize = 32;

/// What is known of a label.
#[derive(Clone, Copy, Debug)]
enum Known<'l> {
    Is(&'l str),
    Absent,
    /// It may be there; it was not read.
    Unread,
    /// It may yet be chosen.
    Free,
}

/// Keys of labels that Calico itself sets begin so.
const AUTOMATIC: &str = "projectcalico.org/";
/// Prefix of the labels that pods have from their namespace.
const FROM_NAMESPACE: &str = "pcns.";
/// Prefix of the labels that pods have from their service account.
const FROM_ACCOUNT: &str = "pcsa.";
/// The automatic label of namespaces and service accounts.
const NAME: &str = "projectcalico.org/name";

/// Whether a policy selects a pod of a namespace, or one to be made there.
pub(super) fn selects(
    model: &Model<'_>,
    spec: &CalicoSpec,
    pod: Option<&PodGroup<'_>>,
    namespace: &str,
) -> Selects {
    let of_namespace = |key: &str| of_namespace(model, namespace, key);
    let of_pod = |key: &str| of_pod(model, pod, namespace, key);
    let of_account = |key: &str| of_account(pod, key);
    evaluate(spec.namespace_selector.as_deref(), &of_namespace)
        .and(evaluate(spec.selector.as_deref(), &of_pod))
        .and(evaluate(
            spec.service_account_selector.as_deref(),
            &of_account,
        ))
}

/// A label of a namespace, those that the API server and Calico set among them.
fn of_namespace<'l>(model: &'l Model<'_>, namespace: &'l str, key: &str) -> Known<'l> {
    if [NAME, NAME_LABEL].contains(&key) {
        return Known::Is(namespace);
    }
    let known = model.namespaces.get(namespace);
    let is_read = known.is_some_and(|known| known.unread.is_none());
    match known.and_then(|known| known.labels.label(key)) {
        Some(value) => Known::Is(value),
        None if !is_read || key.starts_with(AUTOMATIC) => Known::Unread,
        None => Known::Absent,
    }
}

/// A label of a pod, with those that it has from Calico, its namespace and its service account.
fn of_pod<'l>(
    model: &'l Model<'_>,
    pod: Option<&'l PodGroup<'_>>,
    namespace: &'l str,
    key: &str,
) -> Known<'l> {
    match key {
        "projectcalico.org/namespace" => return Known::Is(namespace),
        "projectcalico.org/orchestrator" => return Known::Is("k8s"),
        "projectcalico.org/serviceaccount" => return of_account(pod, NAME),
        _ => {}
    }
    let Some(pod) = pod else {
        return Known::Free;
    };
    if let Some(value) = pod.label(key) {
        return Known::Is(value);
    }
    if let Some(key) = key.strip_prefix(FROM_NAMESPACE) {
        return of_namespace(model, namespace, key);
    }
    if let Some(key) = key.strip_prefix(FROM_ACCOUNT) {
        return of_account(Some(pod), key);
    }
    if key.starts_with(AUTOMATIC) {
        return Known::Unread;
    }
    Known::Absent
}

/// A label of the service account of a pod: accounts are not read, but Calico labels each with its name.
fn of_account<'l>(pod: Option<&'l PodGroup<'_>>, key: &str) -> Known<'l> {
    match pod {
        None => Known::Free,
        Some(pod) if key == NAME => Known::Is(pod.service_account()),
        Some(_) => Known::Unread,
    }
}

/// Whether a selector selects what has the labels; none selects everything.
fn evaluate<'l>(selector: Option<&str>, labels: &dyn Fn(&str) -> Known<'l>) -> Selects {
    let text = selector.unwrap_or_default().trim();
    if text.is_empty() {
        return Selects::of(Tri::Yes);
    }
    let unclear = Selects::of(Tri::Maybe);
    if text.len() > SELECTOR_BYTES {
        return unclear;
    }
    let mut parser = Parser {
        rest: text,
        labels,
        depth: 0,
    };
    match parser.either() {
        Some(selected) if parser.rest.trim().is_empty() => selected,
        _ => unclear,
    }
}

struct Parser<'t, 'f, 'l> {
    rest: &'t str,
    labels: &'f dyn Fn(&str) -> Known<'l>,
    depth: usize,
}

impl<'t> Parser<'t, '_, '_> {
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

    fn either(&mut self) -> Option<Selects> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut any = self.both()?;
        while self.take("||") {
            any = any.or(self.both()?);
        }
        self.depth -= 1;
        Some(any)
    }

    fn both(&mut self) -> Option<Selects> {
        let mut all = self.term()?;
        while self.take("&&") {
            all = all.and(self.term()?);
        }
        Some(all)
    }

    fn term(&mut self) -> Option<Selects> {
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
        Some(if negated { holds.negated() } else { holds })
    }

    fn condition(&mut self) -> Option<Selects> {
        let key = self.word()?;
        match key {
            "all" | "global" if self.take("(") => {
                let selected = Selects::of(Tri::of(key == "all"));
                return self.take(")").then_some(selected);
            }
            "has" if self.take("(") => {
                let key = self.word()?;
                let has = self.test(key, |value| value.is_some());
                return self.take(")").then_some(has);
            }
            _ => {}
        }
        if self.take("==") {
            let wanted = self.text()?;
            return Some(self.test(key, |value| value == Some(wanted)));
        }
        if self.take("!=") {
            let wanted = self.text()?;
            return Some(self.test(key, |value| value != Some(wanted)));
        }
        let negated = self.take("not ");
        if self.take("in") {
            let listed = self.list()?;
            let is_listed =
                |value: Option<&str>| value.is_some_and(|value| listed.contains(&value));
            return Some(self.test(key, |value| is_listed(value) != negated));
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
        Some(self.test(key, |value| value.is_some_and(|value| test(value, part))))
    }

    /// Whether a test of a label holds.
    fn test(&self, key: &str, holds: impl Fn(Option<&str>) -> bool) -> Selects {
        match (self.labels)(key) {
            Known::Is(value) => Selects::of(Tri::of(holds(Some(value)))),
            Known::Absent => Selects::of(Tri::of(holds(None))),
            Known::Unread => Selects::of(Tri::Maybe),
            Known::Free => Selects::FREE,
        }
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
    use super::*;
    use crate::projection::metadata::StringMap;

    #[test]
    fn selectors_are_read_as_calico_does() {
        let labels: StringMap = [("app", "web"), ("tier", "prod")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        let known = |key: &str| labels.label(key).map_or(Known::Absent, Known::Is);
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
            let found = evaluate(Some(text), &known);
            assert_eq!(found, Selects::of(expected), "{text}");
        }
        let deep = "(".repeat(100);
        let found = evaluate(Some(&deep), &known);
        assert_eq!(found, Selects::of(Tri::Maybe));
    }

    #[test]
    fn labels_that_are_not_known_leave_open_what_rests_on_them() {
        let known = |key: &str| match key {
            "unread" => Known::Unread,
            "free" => Known::Free,
            "app" => Known::Is("web"),
            _ => Known::Absent,
        };
        let table = [
            ("unread == 'x'", Tri::Maybe, Tri::Maybe),
            ("!has(unread)", Tri::Maybe, Tri::Maybe),
            ("unread == 'x' && app == 'other'", Tri::No, Tri::No),
            ("unread == 'x' || app == 'web'", Tri::Yes, Tri::Yes),
            ("free == 'x'", Tri::Yes, Tri::No),
            ("!has(free)", Tri::Yes, Tri::No),
            ("!(free == 'x' && app == 'web')", Tri::Yes, Tri::No),
            ("free == 'x' || all()", Tri::Yes, Tri::Yes),
            ("free == 'x' && unread == 'x'", Tri::Maybe, Tri::No),
        ];
        for (text, some, every) in table {
            let found = evaluate(Some(text), &known);
            assert_eq!(found, Selects { some, every }, "{text}");
        }
    }

    #[test]
    fn selectors_are_read_up_to_a_length_and_a_depth() {
        let known = |_: &str| Known::Is("web");
        let of = |text: &str| evaluate(Some(text), &known).some;
        let long = |length: usize| {
            let (start, end) = ("app ==", "'web'");
            format!(
                "{start}{}{end}",
                " ".repeat(length - start.len() - end.len())
            )
        };
        assert_eq!(of(&long(4096)), Tri::Yes);
        assert_eq!(of(&long(4097)), Tri::Maybe);
        assert_eq!(of(&long(5000)), Tri::Maybe);
        let deep = |depth: usize| format!("{}all(){}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(of(&deep(31)), Tri::Yes);
        assert_eq!(of(&deep(32)), Tri::Maybe);
        assert_eq!(of(&deep(100)), Tri::Maybe);
        let beside = vec!["(all())"; 100].join(" && ");
        assert_eq!(of(&beside), Tri::Yes, "beside one another is not deep");
    }

    #[test]
    fn without_types_rules_tell_the_directions() {
        let of = |spec: &str| -> Vec<Direction> {
            let policy = serde_json::from_str(&format!("{{\"spec\": {spec}}}")).unwrap();
            let effects = effects(&policy);
            effects.iter().map(|effect| effect.direction).collect()
        };
        let allow = r#"[{"action": "Allow"}]"#;
        let (ingress, egress) = (Direction::Ingress, Direction::Egress);
        assert_eq!(of("{}"), [ingress]);
        assert_eq!(of(&format!(r#"{{"ingress": {allow}}}"#)), [ingress]);
        assert_eq!(of(&format!(r#"{{"egress": {allow}}}"#)), [egress]);
        let both = format!(r#"{{"ingress": {allow}, "egress": {allow}}}"#);
        assert_eq!(of(&both), [ingress, egress]);
        assert_eq!(of(r#"{"types": ["Egress"]}"#), [egress]);
        assert_eq!(of(r#"{"doNotTrack": true, "types": ["Egress"]}"#), []);
    }

    /// A field of a policy, a selector there, and whether it selects the pod.
    const SELECTED: [(&str, &str, Tri); 17] = [
        (
            "selector",
            "projectcalico.org/namespace == 'shop'",
            Tri::Yes,
        ),
        (
            "selector",
            "projectcalico.org/orchestrator == 'k8s'",
            Tri::Yes,
        ),
        (
            "selector",
            "projectcalico.org/serviceaccount == 'sales'",
            Tri::Yes,
        ),
        (
            "selector",
            "projectcalico.org/serviceaccount == 'web'",
            Tri::No,
        ),
        ("selector", "projectcalico.org/other == 'web'", Tri::Maybe),
        ("selector", "pcns.team == 'a'", Tri::Yes),
        ("selector", "pcns.team == 'b'", Tri::No),
        ("selector", "has(pcns.none)", Tri::No),
        (
            "selector",
            "pcsa.projectcalico.org/name == 'sales'",
            Tri::Yes,
        ),
        ("selector", "pcsa.team == 'a'", Tri::Maybe),
        ("selector", "has(none)", Tri::No),
        ("namespaceSelector", "has(none)", Tri::No),
        (
            "namespaceSelector",
            "has(projectcalico.org/none)",
            Tri::Maybe,
        ),
        (
            "namespaceSelector",
            "projectcalico.org/name == 'shop'",
            Tri::Yes,
        ),
        (
            "serviceAccountSelector",
            "projectcalico.org/name == 'sales'",
            Tri::Yes,
        ),
        (
            "serviceAccountSelector",
            "projectcalico.org/name == 'web'",
            Tri::No,
        ),
        ("serviceAccountSelector", "team == 'a'", Tri::Maybe),
    ];

    #[test]
    fn pods_have_labels_of_calico_their_namespace_and_their_account() {
        let yaml = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {serviceAccountName: sales, containers: [{name: web}]}\n";
        let snapshot = crate::testing::snapshot(yaml);
        let model = crate::testing::model(&snapshot);
        let of = |field: &str, text: &str, pod: Option<&PodGroup<'_>>| {
            let spec = serde_json::json!({ field: text });
            selects(&model, &serde_json::from_value(spec).unwrap(), pod, "shop")
        };
        let pod = Some(&model.pods[0]);
        for (field, text, expected) in SELECTED {
            assert_eq!(of(field, text, pod), Selects::of(expected), "{text}");
        }
        let free = [
            "projectcalico.org/serviceaccount == 'sales'",
            "app == 'web'",
        ];
        for text in free {
            assert_eq!(of("selector", text, None), Selects::FREE, "{text}");
        }
    }
}
