//! What must hold between the values of a plan.

use std::collections::BTreeSet;

use super::fields::{is_namespace, no_namespace};
use super::{AllowedFlow, Peer, Plan, SubjectKind};
use crate::declaration::{Declaration, DeclarationError, Step};

/// A value that is wrong: the steps to it, and why.
type Wrong = (Vec<Step>, String);

pub(super) fn check(plan: &Plan, declaration: &Declaration) -> Result<(), DeclarationError> {
    let wrong = version(plan)
        .or_else(|| tiers(plan))
        .or_else(|| namespaces(plan))
        .or_else(|| repeated(plan))
        .or_else(|| subjects(plan))
        .or_else(|| flows(plan))
        .or_else(|| restrictions(plan));
    match wrong {
        Some((steps, message)) => Err(declaration.invalid(&steps, message)),
        None => Ok(()),
    }
}

fn version(plan: &Plan) -> Option<Wrong> {
    let version = plan.version.filter(|version| *version != 1)?;
    let message = format!("version {version} is not known; this program reads version 1");
    Some((vec!["version".into()], message))
}

fn tiers(plan: &Plan) -> Option<Wrong> {
    plan.tiers.iter().find_map(|(namespace, tier)| {
        let steps = vec!["tiers".into(), namespace.as_str().into()];
        if !is_namespace(namespace) {
            return Some((steps, no_namespace(namespace)));
        }
        let empty = tier.trim().is_empty();
        empty.then(|| (steps, "a text is expected here, it is empty".to_owned()))
    })
}

fn namespaces(plan: &Plan) -> Option<Wrong> {
    let lists = [
        ("platformNamespaces", &plan.platform_namespaces),
        ("managementNamespaces", &plan.management_namespaces),
    ];
    lists.into_iter().find_map(|(key, names)| {
        let mut names = names.iter().enumerate();
        let (number, name) = names.find(|(_, name)| !is_namespace(name))?;
        Some((vec![key.into(), number.into()], no_namespace(name)))
    })
}

/// What stands in a list twice: one of the two would count, and nobody could tell which.
fn repeated(plan: &Plan) -> Option<Wrong> {
    let names = |list: &[String]| list.to_vec();
    let lists: [(&str, &str, Vec<String>); 7] = [
        ("platformNamespaces", "", names(&plan.platform_namespaces)),
        (
            "managementNamespaces",
            "",
            names(&plan.management_namespaces),
        ),
        (
            "excludedNamespaces",
            "name",
            plan.excluded_namespaces
                .iter()
                .map(|entry| entry.name.clone())
                .collect(),
        ),
        (
            "appTiers",
            "app",
            plan.app_tiers
                .iter()
                .map(|entry| format!("{}/{}", entry.namespace, entry.app))
                .collect(),
        ),
        (
            "ingressControllers",
            "class",
            plan.ingress_controllers
                .iter()
                .map(|entry| entry.class.clone())
                .collect(),
        ),
        (
            "execSubjects",
            "name",
            plan.exec_subjects
                .iter()
                .map(|entry| format!("{entry:?}"))
                .collect(),
        ),
        (
            "manualEvidence",
            "id",
            plan.manual_evidence
                .iter()
                .map(|entry| format!("{} at {}", entry.id, entry.location))
                .collect(),
        ),
    ];
    lists.into_iter().find_map(|(list, key, names)| {
        let mut seen = BTreeSet::new();
        let number = names.iter().position(|name| !seen.insert(name))?;
        let mut steps: Vec<Step> = vec![list.into(), number.into()];
        if !key.is_empty() {
            steps.push(key.into());
        }
        Some((steps, "the same stands here twice".to_owned()))
    })
}

fn subjects(plan: &Plan) -> Option<Wrong> {
    plan.exec_subjects
        .iter()
        .enumerate()
        .find_map(|(number, subject)| {
            let message = match (subject.kind, &subject.namespace) {
                (SubjectKind::ServiceAccount, None) => {
                    "a service account has a namespace, and none is named"
                }
                (SubjectKind::User | SubjectKind::Group, Some(_)) => {
                    "only a service account has a namespace"
                }
                (SubjectKind::ServiceAccount, Some(_))
                | (SubjectKind::User | SubjectKind::Group, None) => return None,
            };
            Some((
                vec!["execSubjects".into(), number.into()],
                message.to_owned(),
            ))
        })
}

fn flows(plan: &Plan) -> Option<Wrong> {
    let says_nothing = |peer: &Peer| {
        peer.namespace.is_none() && peer.namespace_labels.is_empty() && peer.pod_labels.is_empty()
    };
    plan.allowed_flows
        .iter()
        .enumerate()
        .find_map(|(number, AllowedFlow { from, to, .. })| {
            let (key, _) = [("from", from), ("to", to)]
                .into_iter()
                .find(|(_, peer)| says_nothing(peer))?;
            let steps = vec!["allowedFlows".into(), number.into(), key.into()];
            let message = "this is every pod; name a namespace, namespaceLabels or podLabels";
            Some((steps, message.to_owned()))
        })
}

fn restrictions(plan: &Plan) -> Option<Wrong> {
    let number = plan
        .access_restrictions
        .iter()
        .position(|entry| entry.host.is_none() == entry.app.is_none())?;
    let steps = vec!["accessRestrictions".into(), number.into()];
    Some((
        steps,
        "a host or an app is expected, one of the two".to_owned(),
    ))
}
