//! Which apps share a namespace, and whether a namespace is one where no app may live.

use crate::kind::Kind;
use crate::model::{App, Model, Role};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "namespace-isolation",
    version: 1,
    title: "A production app has its namespace to itself",
    severity: Severity::High,
    group: Group::Tenancy,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: &[
        Read::required(Kind::MendixApp, Reach::Namespace),
        Read::required(Kind::Pod, Reach::Namespace),
        Read::refines(Kind::Namespace),
        // A Global operator that is scaled to 0 shows in its Deployment alone.
        Read::to_pass(Kind::Deployment, Reach::Namespace),
        // Owners of pods that nothing else shows to be an app's.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::StatefulSet),
        // They tell whether an operator that runs beside the apps is a Global one.
        Read::refines(Kind::RoleBinding),
        Read::refines(Kind::ClusterRoleBinding),
        Read::refines(Kind::Role),
        Read::refines(Kind::ClusterRole),
        Read::refines(Kind::OperatorConfiguration),
    ],
    docs: include_str!("../../../docs/rules/namespace-isolation.md"),
    check,
};

/// What makes an operator a Global one.
const GLOBAL_MODE: &[Kind] = &[
    Kind::RoleBinding,
    Kind::ClusterRoleBinding,
    Kind::Role,
    Kind::ClusterRole,
    Kind::OperatorConfiguration,
];

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .scope
            .namespaces()
            .map(move |namespace| observe(model, namespace)),
    )
}

fn observe<'s>(model: &Model<'s>, namespace: &str) -> Observation {
    let subject = Subject::Namespace(namespace.to_owned());
    let apps: Vec<&App<'s>> = model.apps_in(namespace).collect();
    let observation = if apps.is_empty() {
        // Without a gap there is no app; with one the assessor must be able to say so.
        return Observation::none_there(model, namespace, &[]);
    } else if let Some(why) = forbidden(model, namespace) {
        let message = format!("{}, {why}", count(&apps));
        let observation = Observation::fail(subject, Reason::Value, message).conclusive();
        match model.plan.management_namespace(namespace) {
            Some(pointer) => observation.read_plan_value(model, &pointer),
            None => observation,
        }
    } else if let Some(pointer) = model.plan.platform_namespace(namespace) {
        in_platform_namespace(model, subject, &apps).read_plan_value(model, &pointer)
    } else if is_platform_namespace(model, namespace, &apps) {
        in_platform_namespace(model, subject, &apps)
    } else {
        side_by_side(model, subject, namespace, &apps)
    };
    let observation = if model
        .operators
        .iter()
        .any(|operator| operator.namespace == namespace)
    {
        GLOBAL_MODE.iter().fold(observation, |observation, kind| {
            observation.needs(*kind, "")
        })
    } else {
        observation
    };
    let observation = observation.needs_owners(model, namespace);
    let observation =
        apps.iter()
            .filter_map(|app| app.object)
            .fold(observation, |observation, (index, _)| {
                observation.read_of(index, "/metadata/name", Some(model.object(index).name()))
            });
    apps.iter().fold(observation, |observation, app| {
        observation.read_own_tier(model, app)
    })
}

/// Why no app may live in a namespace, whatever its tier.
fn forbidden(model: &Model<'_>, namespace: &str) -> Option<String> {
    if namespace == "default" || namespace.starts_with("kube-") {
        return Some(format!("in the namespace {namespace}"));
    }
    let control_plane = model
        .pods_in(namespace)
        .any(|(_, pod)| pod.role == Role::MeshControlPlane && !pod.is_finished());
    if control_plane {
        return Some("in the namespace of a mesh control plane".to_owned());
    }
    if model.plan.management_namespace(namespace).is_some() {
        return Some("in a namespace that the plan leaves to management".to_owned());
    }
    model
        .is_global_operator_namespace(namespace)
        .then(|| "in the namespace of a Global operator".to_owned())
}

fn is_platform_namespace(model: &Model<'_>, namespace: &str, apps: &[&App<'_>]) -> bool {
    apps.iter().any(|app| app.is_platform)
        || model
            .pods_in(namespace)
            .any(|(_, pod)| pod.role == Role::Platform && !pod.is_finished())
}

fn in_platform_namespace<'s>(
    model: &Model<'s>,
    subject: Subject,
    apps: &[&App<'s>],
) -> Observation {
    let others: Vec<&str> = apps
        .iter()
        .filter(|app| !app.is_platform)
        .map(|app| app.name.as_str())
        .collect();
    if others.is_empty() {
        return Observation::pass(
            subject,
            Reason::Value,
            "only the platform's own app lives here",
        );
    }
    let message = format!(
        "app {} lives in the platform's namespace",
        others.join(", ")
    );
    // Not conclusive: a pod that was not read may show by its image that the app is the platform's own.
    let unnamed = apps.iter().filter_map(|app| model.unread_name(app));
    Observation::fail(subject, Reason::Value, message).needs_each(unnamed)
}

fn side_by_side<'s>(
    model: &Model<'s>,
    subject: Subject,
    namespace: &str,
    apps: &[&App<'s>],
) -> Observation {
    if let [app] = apps {
        return Observation::pass(
            subject,
            Reason::Value,
            format!("app {} lives here alone", app.name),
        );
    }
    let apps_here = count(apps);
    let own = model.namespaces.get(namespace);
    let tier = own.and_then(|own| own.tier.as_ref());
    let production = tier.is_some_and(|(_, tier)| tier.is_production())
        || apps.iter().any(|app| {
            app.tier
                .as_ref()
                .is_some_and(crate::model::Tier::is_production)
        });
    // Labels of the apps do not say that the namespace is none of production.
    let known = own.is_some_and(|own| own.unread.is_none() || tier.is_some())
        && apps.iter().all(|app| app.tier.is_some());
    let observation = if production {
        let message = format!("{apps_here} share a production namespace");
        let observation = Observation::fail(subject, Reason::Value, message);
        let unnamed: Vec<_> = apps
            .iter()
            .filter_map(|app| model.unread_name(app))
            .collect();
        // Pods that name no app, of an owner that was not read, may be pods of the one that is known.
        if apps.len() - unnamed.len() > 1 {
            observation.conclusive()
        } else {
            observation.needs_each(unnamed)
        }
    } else if known {
        Observation::pass(
            subject,
            Reason::Value,
            format!("{apps_here} share a namespace outside production"),
        )
    } else {
        let message = format!("{apps_here} share a namespace of unknown tier");
        return Observation::tier_unknown(model, subject, namespace, message);
    };
    observation.read_tier_of(model, namespace)
}

fn count(apps: &[&App<'_>]) -> String {
    let names: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
    match names.as_slice() {
        [name] => format!("app {name}"),
        several => format!("{} apps ({})", several.len(), several.join(", ")),
    }
}
