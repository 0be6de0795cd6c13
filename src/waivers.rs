//! Waivers: failures that an approver accepts for a time.
//!
//! A waiver is about failures alone; it turns nothing unknown into anything known, and a waived failure stays listed.
//! Whether one matches is for [`crate::assess`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::declaration::{Declaration, DeclarationError, Step};
use crate::kind::Kind;
use crate::plan::fields;
use crate::plan::{Date, FlowPort};

/// Waivers of `sc39`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Waivers {
    /// Version of this form.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1))]
    pub version: Option<u32>,
    /// The waivers; of several that match, the first that holds counts.
    pub waivers: Vec<Waiver>,
    /// Everything in the file.
    #[serde(skip)]
    pub document: Value,
    /// Of everything in the file: `sha256:` and hexadecimal digits of its canonical JSON; empty without a file.
    #[serde(skip)]
    pub digest: String,
}

/// A failure that an approver accepts for a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Waiver {
    /// Its id; results name it.
    #[serde(deserialize_with = "fields::text")]
    pub id: String,
    /// Id of the rule whose failures it is about.
    #[serde(deserialize_with = "fields::text")]
    pub rule: String,
    /// Which failures of the rule.
    pub selector: WaiverSelector,
    /// What kind of deviation it is.
    #[serde(rename = "type")]
    pub deviation: Deviation,
    /// Why it is acceptable.
    #[serde(deserialize_with = "fields::text")]
    pub justification: String,
    /// Who accepted it.
    #[serde(deserialize_with = "fields::text")]
    pub approver: String,
    /// When.
    pub approved_on: Date,
    /// The last day on which it holds, to 23:59:59 UTC, compared with the start of the collection.
    pub expires: Date,
    /// Entry in the plan of action and milestones.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub poam: Option<String>,
}

/// Which failures: those that fit everything that is said here, which must be something.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
pub struct WaiverSelector {
    /// Uid of the object; instead of namespace, kind, name and labels.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub uid: Option<String>,
    /// Namespace; of a Namespace its own name.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub namespace: Option<String>,
    /// Kind, as results name it; `Cluster` for the cluster as a whole.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub kind: Option<String>,
    /// Name.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub name: Option<String>,
    /// Labels of the object.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Container.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub container: Option<String>,
    /// Port.
    #[serde(default)]
    pub port: Option<FlowPort>,
}

/// Kinds of deviations, as FedRAMP knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
pub enum Deviation {
    /// Operational requirement.
    #[serde(rename = "OR")]
    OperationalRequirement,
    /// False positive.
    #[serde(rename = "FP")]
    FalsePositive,
    /// Risk adjustment.
    #[serde(rename = "RA")]
    RiskAdjustment,
    /// Vendor dependency.
    #[serde(rename = "VD")]
    VendorDependency,
}

impl Deviation {
    /// As in every output.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OperationalRequirement => "OR",
            Self::FalsePositive => "FP",
            Self::RiskAdjustment => "RA",
            Self::VendorDependency => "VD",
        }
    }
}

impl Waivers {
    /// The waivers in a file, whose rules must be among these.
    pub fn read(path: &Path, rules: &[&str]) -> Result<Self, DeclarationError> {
        Self::of(&Declaration::read(path)?, rules)
    }

    /// The waivers in a text; `file` is its name in messages.
    pub fn parse(file: &str, text: &str, rules: &[&str]) -> Result<Self, DeclarationError> {
        Self::of(&Declaration::parse(file, text)?, rules)
    }

    /// The waivers in a document that was read before; `name` is its name in messages.
    pub fn of_value(name: &str, document: Value, rules: &[&str]) -> Result<Self, DeclarationError> {
        Self::of(&Declaration::of(name, document), rules)
    }

    /// No waivers.
    pub fn none() -> &'static Self {
        static NONE: LazyLock<Waivers> = LazyLock::new(Waivers::default);
        &NONE
    }

    fn of(declaration: &Declaration, rules: &[&str]) -> Result<Self, DeclarationError> {
        let read: Self = declaration.typed(&["selector", "labels"])?;
        if let Some(version) = read.version.filter(|version| *version != 1) {
            let message = format!("version {version} is not known; this program reads version 1");
            return Err(declaration.invalid(&["version".into()], message));
        }
        let mut ids = BTreeSet::new();
        for (number, waiver) in read.waivers.iter().enumerate() {
            if let Some((steps, message)) = wrong(waiver, rules, &mut ids) {
                let mut all: Vec<Step> = vec!["waivers".into(), number.into()];
                all.extend(steps.iter().map(|step| Step::from(*step)));
                return Err(declaration.invalid(&all, message));
            }
        }
        Ok(Self {
            document: declaration.value().clone(),
            digest: declaration.digest(),
            ..read
        })
    }
}

/// What is wrong with a waiver, and where in it.
fn wrong<'w>(
    waiver: &'w Waiver,
    rules: &[&str],
    ids: &mut BTreeSet<&'w str>,
) -> Option<(Vec<&'static str>, String)> {
    if !ids.insert(&waiver.id) {
        return Some((vec!["id"], format!("there are two waivers {:?}", waiver.id)));
    }
    if !rules.contains(&waiver.rule.as_str()) {
        let message = format!(
            "there is no rule {:?}; `sc39 list rules` shows them",
            waiver.rule
        );
        return Some((vec!["rule"], message));
    }
    if waiver.expires < waiver.approved_on {
        let message = format!("expires before it was approved, on {}", waiver.approved_on);
        return Some((vec!["expires"], message));
    }
    wrong_selector(&waiver.selector)
}

fn wrong_selector(selector: &WaiverSelector) -> Option<(Vec<&'static str>, String)> {
    let at = |key: &'static str, message: &str| Some((vec!["selector", key], message.to_owned()));
    let WaiverSelector {
        uid,
        namespace,
        kind,
        name,
        labels,
        container,
        port,
    } = selector;
    let described = namespace.is_some() || kind.is_some() || name.is_some() || !labels.is_empty();
    if uid.is_some() && described {
        return at(
            "uid",
            "a uid stands instead of namespace, kind, name and labels",
        );
    }
    if uid.is_none() && !described && container.is_none() && port.is_none() {
        let message = "this is every failure of the rule; name at least one of uid, namespace, kind, name, labels, \
                       container and port";
        return Some((vec!["selector"], message.to_owned()));
    }
    let known =
        |wanted: &str| wanted == "Cluster" || Kind::ALL.iter().any(|known| known.name() == wanted);
    let unknown = kind.as_deref().filter(|kind| !known(kind))?;
    at("kind", &format!("no result is about the kind {unknown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[&str] = &["host-namespaces"];

    fn with(change: &str) -> String {
        let mut lines = vec![
            "id: W-1",
            "rule: host-namespaces",
            "selector: {namespace: a, kind: Pod, name: b, labels: {c: d}, container: e, port: 53/UDP}",
            "type: RA",
            "justification: known",
            "approver: Jo Doe",
            "approvedOn: 2026-01-31",
            "expires: 2026-06-30",
            "poam: V-12",
        ];
        let key = change.split(':').next().unwrap_or_default();
        lines.retain(|line| key.is_empty() || !line.starts_with(&format!("{key}:")));
        if change.ends_with(':') {
            return text(&lines);
        }
        lines.push(change);
        text(&lines)
    }

    fn text(lines: &[&str]) -> String {
        let lines: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| !line.is_empty())
            .collect();
        format!("version: 1\nwaivers:\n- {}\n", lines.join("\n  "))
    }

    fn error(text: &str) -> String {
        let read = Waivers::parse("w.yaml", text, RULES);
        read.map_or_else(|error| error.to_string(), |_| "none".to_owned())
    }

    /// Changes of a waiver, and what is said of them.
    const WRONG: &[(&str, &str)] = &[
        ("", "none"),
        ("poam:", "none"),
        ("expires:", "w.yaml:3: waivers[0]: missing field `expires`"),
        (
            "approver:",
            "w.yaml:3: waivers[0]: missing field `approver`",
        ),
        (
            "expires: soon",
            "w.yaml:11: waivers[0].expires: expected a date such as 2026-01-31, found \"soon\"",
        ),
        (
            "expires: 2026-01-30",
            "w.yaml:11: waivers[0].expires: expires before it was approved, on 2026-01-31",
        ),
        (
            "type: XX",
            "w.yaml:11: waivers[0].type: unknown variant `XX`, expected one of `OR`, `FP`, `RA`, `VD`",
        ),
        (
            "rule: nope",
            "w.yaml:11: waivers[0].rule: there is no rule \"nope\"",
        ),
        (
            "justification: ' '",
            "w.yaml:11: waivers[0].justification: a text is expected here, it is empty",
        ),
        (
            "selector: {}",
            "w.yaml:11: waivers[0].selector: this is every failure of the rule; ",
        ),
        (
            "selector: {labels: {}}",
            "w.yaml:11: waivers[0].selector: this is every failure of the rule; ",
        ),
        (
            "selector: {uid: a, name: b}",
            "w.yaml:11: waivers[0].selector.uid: a uid stands instead of",
        ),
        (
            "selector: {kind: Pods}",
            "w.yaml:11: waivers[0].selector.kind: no result is about the kind \"Pods\"",
        ),
        ("selector: {uid: a, port: 80, container: c}", "none"),
        ("selector: {kind: Cluster}", "none"),
        (
            "note: x",
            "w.yaml:12: waivers[0].note: unknown key; there are id, rule, selector, type, ",
        ),
    ];

    #[test]
    fn what_is_wrong_names_file_line_and_key() {
        for (change, expected) in WRONG {
            let found = error(&with(change));
            assert!(found.starts_with(expected), "{change:?}: {found}");
        }
        let twice = format!(
            "{}{}",
            with(""),
            with("").split_once("waivers:\n").unwrap().1
        );
        assert_eq!(
            error(&twice),
            "w.yaml:12: waivers[1].id: there are two waivers \"W-1\""
        );
        assert!(
            error("version: 2\nwaivers: []")
                .starts_with("w.yaml:1: version: version 2 is not known")
        );
        assert!(error("[]").starts_with("w.yaml:1: the file: "));
    }
}
