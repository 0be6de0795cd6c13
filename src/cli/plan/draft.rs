//! The text of a first plan. Whatever is guessed or needs a person's word is a comment, so that the plan loads as it is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::catalog::{Catalog, Reason};
use crate::kind::Kind;
use crate::model::ingress_controllers::Family;
use crate::model::selector::Labels as _;
use crate::model::{Model, PodGroup, Role, TierSource};
use crate::projection::Projection;

const HEAD: &str = "\
# Assessment plan of sc39, written from what the cluster showed. Its schema is docs/schema/plan-v1.json.
# Review every line before use: what stands here counts as said by you, and is embedded in the evidence.
version: 1

# The system, as its authorization package names it.
# system:
#   name: …
#   fedrampId: …
";

const ATTESTATIONS: &str = "
# What people attest that the API can't show. What rests on one is shown as attested, never as observed.
# attestations:
#   - parameter: seccompDefault    # the kubelet's seccompDefault: pods without a profile get RuntimeDefault
#     value: true
#     nodeSelector: {}             # labels of the nodes for which it holds; all nodes without any
#     by: …
#     on: 2026-01-31
#     evidence: …
";

const FLOWS: &str = "
# Who may open a shell in pods, attach to them or forward their ports, beside system:masters.
# execSubjects:
#   - {kind: Group, name: …}
#   - {kind: ServiceAccount, name: …, namespace: …}

# Ways through that are meant to be there; without ports, all of them.
# allowedFlows:
#   - from: {namespace: monitoring, podLabels: {app.kubernetes.io/name: prometheus}}
#     to: {namespaceLabels: {environment: production}}
#     ports: [8900]
#     reason: metrics

# Hosts and apps to which access from outside is restricted.
# accessRestrictions:
#   - {host: …, ranges: [10.0.0.0/8]}
#   - {app: {namespace: …, name: …}, ranges: [10.0.0.0/8]}

# Pods that may reach the databases of apps, such as backup and monitoring.
# databaseClients:
#   - {namespace: …, podLabels: {}, reason: …}
";

pub(super) fn write(model: &Model<'_>, catalog: &Catalog) -> String {
    let origin = &model.snapshot.origin;
    let collected = format!(
        "# Collected {} to {}.\n",
        origin.started_at, origin.finished_at
    );
    let (note, rest) = HEAD.split_once("version: 1").unwrap_or((HEAD, ""));
    [
        note.to_owned(),
        collected,
        "version: 1".to_owned(),
        rest.to_owned(),
        tiers(model),
        app_tiers(model),
        platform(model),
        management(model),
        excluded(model),
        ATTESTATIONS.to_owned(),
        ingress_controllers(model),
        FLOWS.to_owned(),
        manual(catalog),
    ]
    .concat()
}

/// A scalar that is read back as the text it is, on one line.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-./".contains(letter);
    let first = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
    // These are truth values and nothing to some reader.
    let special = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    if first && text.chars().all(plain) && !special.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    if let Cow::Borrowed(_) = crate::escape(text) {
        return serde_json::Value::from(text).to_string();
    }
    // Neither a terminal nor a reader of older YAML, in which more characters end a line, must act upon it.
    let letters = text.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' => letter.to_string(),
        _ => format!("\\U{:08x}", u32::from(letter)),
    });
    format!("\"{}\"", letters.collect::<String>())
}

/// What follows a `#`: no line break, nothing that drives a terminal.
fn remark(text: &str) -> String {
    crate::escape(text).into_owned()
}

/// A map or list under its key; a comment as a whole where every line of it is one.
fn section(title: &str, key: &str, lines: &[String]) -> String {
    let is_comment = |line: &String| line.starts_with('#');
    let text: String = if lines.is_empty() {
        format!("# {key}:\n")
    } else if lines.iter().all(is_comment) {
        let lines = lines
            .iter()
            .map(|line| format!("#   {}\n", line.trim_start_matches("# ")));
        format!("# {key}:\n{}", lines.collect::<String>())
    } else {
        let lines = lines.iter().map(|line| format!("  {line}\n"));
        format!("{key}:\n{}", lines.collect::<String>())
    };
    format!("\n# {title}\n{text}")
}

fn tiers(model: &Model<'_>) -> String {
    let namespaces: BTreeSet<&str> = model.apps.iter().map(|app| app.namespace).collect();
    let lines: Vec<String> = namespaces
        .into_iter()
        .map(|name| {
            let apps: Vec<&str> = model.apps_in(name).map(|app| app.name.as_str()).collect();
            let apps = remark(&apps.join(", "));
            let stated = model
                .namespaces
                .get(name)
                .and_then(|namespace| namespace.tier.as_ref());
            match stated {
                Some((TierSource::Label(label), tier)) => {
                    let tier = quoted(&tier.to_string());
                    format!(
                        "{}: {tier}    # by the label {label}; apps: {apps}",
                        quoted(name)
                    )
                }
                Some((TierSource::Plan(_), _)) | None => {
                    let name = quoted(name);
                    format!("# {name}: …    # unknown: no label states it; apps: {apps}")
                }
            }
        })
        .collect();
    let title = "Environment tier of each namespace that holds apps; overrides its labels.";
    section(title, "tiers", &lines)
}

fn app_tiers(model: &Model<'_>) -> String {
    let lines: Vec<String> = model
        .apps
        .iter()
        .filter_map(|app| {
            let (TierSource::Label(label), tier) = (app.own_tier.as_ref()?, app.tier.as_ref()?) else {
                return None;
            };
            let (namespace, name) = (quoted(app.namespace), quoted(&app.name));
            let tier = quoted(&tier.to_string());
            Some(format!(
                "- {{namespace: {namespace}, app: {name}, tier: {tier}}}    # by its own label {label}"
            ))
        })
        .collect();
    section(
        "Tiers of single apps, where they differ from their namespace.",
        "appTiers",
        &lines,
    )
}

fn platform(model: &Model<'_>) -> String {
    let apps = model
        .apps
        .iter()
        .filter(|app| app.is_platform)
        .map(|app| app.namespace);
    let pods = running(model, Role::Platform).map(|pod| pod.namespace);
    let names: BTreeSet<&str> = apps.chain(pods).collect();
    let lines: Vec<String> = names
        .into_iter()
        .map(|name| format!("- {}", quoted(name)))
        .collect();
    section(
        "Namespaces of Private Mendix Platform itself.",
        "platformNamespaces",
        &lines,
    )
}

fn management(model: &Model<'_>) -> String {
    let mut lines = Vec::new();
    let mut named = BTreeSet::new();
    for operator in &model.operators {
        let version = operator.version.as_deref().unwrap_or("of unknown version");
        let (kind, name) = &operator.workload;
        let words = remark(&format!("operator {kind} {name}, {version}"));
        let namespace = operator.namespace.as_str();
        if !model.is_global_operator_namespace(namespace) {
            let namespace = quoted(namespace);
            lines.push(format!("# {namespace}: {words}, manages its own namespace"));
        } else if named.insert(namespace) {
            lines.push(format!("- {}    # {words}", quoted(namespace)));
        }
    }
    let title = "Namespaces of Global operators and other management, where no app may live.";
    section(title, "managementNamespaces", &lines)
}

/// Namespaces without Mendix objects are judged under `-A` alone.
fn excluded(model: &Model<'_>) -> String {
    let others = model
        .namespaces
        .iter()
        .filter(|(name, _)| !model.scope.contains(name));
    let lines: Vec<String> = others
        .map(|(name, _)| format!("# - {{name: {}, reason: …}}", quoted(name)))
        .collect();
    let title = "Namespaces that are not judged, each with the reason; the ones here hold no Mendix objects.";
    section(title, "excludedNamespaces", &lines)
}

fn ingress_controllers(model: &Model<'_>) -> String {
    let mut lines = BTreeSet::new();
    for pod in model.pods.iter().filter(|pod| !pod.is_finished()) {
        let Some(family) = pod.ingress else { continue };
        let label = ["app.kubernetes.io/name", "app"]
            .into_iter()
            .find_map(|key| Some(format!("{key}: {}", quoted(pod.label(key)?))))
            .unwrap_or_default();
        let namespace = quoted(pod.namespace);
        for class in classes(model, family) {
            let id = family.id();
            lines.insert(format!(
                "# - {{class: {class}, family: {id}, namespace: {namespace}, labels: {{{label}}}}}"
            ));
        }
    }
    let lines: Vec<String> = lines.into_iter().collect();
    let title =
        "Which pods serve an ingress class; needed only where the cluster does not show it.";
    section(title, "ingressControllers", &lines)
}

/// The classes whose controller is of a family.
fn classes(model: &Model<'_>, family: Family) -> Vec<String> {
    let objects = model.snapshot.of_kind(Kind::IngressClass);
    let classes: Vec<String> = objects
        .filter_map(|(_, object)| match object.projection.as_ref() {
            Projection::IngressClass(class) => {
                let known = Family::of_controller(&class.spec.controller);
                (known == Some(family)).then(|| quoted(object.name()))
            }
            _ => None,
        })
        .collect();
    if classes.is_empty() {
        return vec!["…".to_owned()];
    }
    classes
}

fn manual(catalog: &Catalog) -> String {
    let wanted =
        |reason: Option<Reason>| reason.is_some_and(|reason| reason != Reason::NotApplicable);
    let controls = catalog.controls.iter().flat_map(|control| {
        let own = wanted(control.reason).then_some((&control.id, &control.title));
        let proofs = control.proofs.iter().filter(|proof| wanted(proof.reason));
        own.into_iter()
            .chain(proofs.map(|proof| (&proof.id, &proof.title)))
    });
    let statements = catalog
        .statements
        .iter()
        .map(|entry| (&entry.id, &entry.title));
    let lines: Vec<String> = controls
        .chain(statements)
        .map(|(id, title)| {
            format!(
                "# - {{id: {id}, title: …, location: …, date: 2026-01-31}}    # {}",
                remark(title)
            )
        })
        .collect();
    let title = "Where the proofs are that no cluster shows.";
    section(title, "manualEvidence", &lines)
}

fn running<'m, 's>(model: &'m Model<'s>, role: Role) -> impl Iterator<Item = &'m PodGroup<'s>> {
    let pods = model.pods.iter();
    pods.filter(move |pod| pod.role == role && !pod.is_finished())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::demo;
    use crate::model::ScopeRequest;
    use crate::plan::Plan;
    use crate::rules::RULES;
    use crate::testing;

    fn draft(snapshot: &crate::snapshot::Snapshot) -> String {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let catalog = Catalog::builtin(&ids).unwrap();
        write(&Model::new(snapshot, &ScopeRequest::default()), &catalog)
    }

    /// The draft with every comment filled in that is a part of the plan, and not a word on it.
    fn uncommented(text: &str) -> String {
        let lines = text.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with(|first: char| first == ' ' || first.is_ascii_lowercase()) =>
            {
                rest
            }
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_draft_loads_and_says_what_the_cluster_shows() {
        let text = draft(&demo::snapshot().unwrap());
        let plan = Plan::parse("plan.yaml", &text).unwrap();
        assert_eq!(
            plan.tiers.get("hr-production").map(String::as_str),
            Some("production")
        );
        assert!(!plan.tiers.contains_key("pilots") && text.contains("# pilots: …    # unknown"));
        assert_eq!(plan.platform_namespaces, ["mendix-platform"]);
        assert_eq!(plan.management_namespaces, ["mendix-global"]);
        assert!(
            text.contains("#   - {name: kube-system, reason: …}"),
            "{text}"
        );
        assert!(text.contains("id: mendix_backups"));
        for key in [
            "system",
            "attestations",
            "execSubjects",
            "allowedFlows",
            "accessRestrictions",
            "databaseClients",
        ] {
            assert!(text.contains(&format!("# {key}:")), "{key}");
        }
    }

    #[test]
    fn a_cluster_that_shows_nothing_gives_a_plan_that_loads() {
        let plan = Plan::parse("plan.yaml", &draft(&testing::snapshot(""))).unwrap();
        assert!(plan.tiers.is_empty() && plan.is_given());
    }

    #[test]
    fn names_cannot_break_out_of_their_line() {
        for text in [
            "a\nb: c",
            "yes",
            "1",
            "# x",
            "a: b",
            "\"",
            "{}",
            "\u{1b}[2J",
            "a\u{9b}2J\u{2028}b\u{85}",
            "\u{202e}##vso[x]::error::",
            "",
            "é",
            "production",
        ] {
            let line = quoted(text);
            assert!(!line.contains('\n'), "{text:?}");
            assert!(matches!(crate::escape(&line), Cow::Borrowed(_)), "{line}");
            let read: std::collections::BTreeMap<String, serde_json::Value> =
                serde_saphyr::from_str(&format!("k: {line}")).unwrap();
            assert_eq!(read["k"], text, "{line}");
        }
        assert!(!remark("a\nb").contains('\n'));
    }

    #[test]
    fn what_is_commented_out_can_be_filled_in() {
        let text = uncommented(&draft(&demo::snapshot().unwrap()));
        let declared = crate::declaration::Declaration::parse("plan.yaml", &text);
        let declared = declared.unwrap().value().clone();
        for key in [
            "excludedNamespaces",
            "ingressControllers",
            "manualEvidence",
            "attestations",
            "databaseClients",
        ] {
            assert!(declared[key].is_array(), "{key}: {text}");
        }
    }
}
