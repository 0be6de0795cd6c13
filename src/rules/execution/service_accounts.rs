//! A mounted token is an identity towards the API server and others; apps that share one can act for each other.

mod holders;

use std::collections::BTreeSet;

use crate::kind::Kind;
use crate::model::tokens::{Audience, IDENTITY_ANNOTATIONS, Tokens, need_in_pod};
use crate::model::{Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    Verdict, each_app_pod,
};
use holders::Holders;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "service-accounts",
    version: 1,
    title: "No app shares the token of a service account with another, or has one that nothing needs",
    severity: Severity::Medium,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // It decides where a pod says nothing itself.
        Read::refines(Kind::ServiceAccount),
        // They show that a token is needed.
        Read::refines(Kind::RoleBinding),
        Read::refines(Kind::ClusterRoleBinding),
        // Links of the owner chain, which tell one app from another; and templates of further apps.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
        Read::refines(Kind::Runtime),
    ],
    docs: include_str!("../../../docs/rules/service-accounts.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let holders = Holders::new(model);
    each_app_pod(model, move |subject, pod| {
        let app = match &subject {
            Subject::Pods(index) => holders.apps.get(index).copied(),
            Subject::Cluster | Subject::Namespace(_) | Subject::Object(_) => None,
        };
        app.map(|app| observe(model, &holders, (subject, pod), app))
            .into_iter()
            .collect()
    })
}

fn observe(
    model: &Model<'_>,
    holders: &Holders<'_>,
    (subject, pod): (Subject, &PodGroup<'_>),
    app: usize,
) -> Observation {
    let tokens = model.tokens(pod);
    let account = pod.service_account();
    let observation = if tokens.usable().next().is_none() {
        without_token(subject, &tokens)
    } else if account == "default" {
        let message = format!(
            "{} of the service account default is mounted",
            describe(&tokens)
        );
        Observation::fail(subject, Reason::Value, message)
    } else {
        let others = holders.others(pod, app);
        if others.is_empty() {
            let observation = own(model, holders, (subject, pod), &tokens);
            if observation.verdict == Verdict::Pass {
                // A pod of another app may use the same account, and may not have been read.
                observation
                    .needs(Kind::Pod, pod.namespace)
                    .needs(Kind::Deployment, pod.namespace)
                    .needs(Kind::StatefulSet, pod.namespace)
                    .needs_each(holders.unread_owners(pod))
            } else {
                observation
            }
        } else {
            shared(model, (subject, pod), &others, &tokens)
        }
    };
    let key = (pod.namespace, account);
    let rests = tokens.by_account
        || tokens.usable().next().is_some()
            && account != "default"
            && holders.by_account.contains(&key);
    let observation = if rests {
        observation.needs(Kind::ServiceAccount, pod.namespace)
    } else {
        observation
    };
    reads(model, pod, &tokens, observation)
}

fn without_token(subject: Subject, tokens: &Tokens) -> Observation {
    let message = if tokens.all.is_empty() {
        "no service account token is mounted"
    } else {
        "no service account token is mounted but that of the mesh's own proxy"
    };
    Observation::pass(subject, Reason::Value, message)
}

/// The tokens in words, with their audiences.
fn describe(tokens: &Tokens) -> String {
    let audiences: BTreeSet<&Audience> = tokens.usable().map(|token| &token.audience).collect();
    let words: Vec<String> = audiences
        .into_iter()
        .map(|audience| match audience {
            Audience::Api => "a token for the API server".to_owned(),
            Audience::Mesh => "a token for the mesh".to_owned(),
            Audience::Other(name) => format!("a token for {}", shortened(name)),
        })
        .collect();
    words.join(" and ")
}

/// Audiences are any text.
fn shortened(text: &str) -> &str {
    const LONGEST: usize = 100;
    text.char_indices()
        .nth(LONGEST)
        .map_or(text, |(end, _)| &text[..end])
}

fn shared(
    model: &Model<'_>,
    (subject, pod): (Subject, &PodGroup<'_>),
    others: &[usize],
    tokens: &Tokens,
) -> Observation {
    let apps: BTreeSet<&str> = others.iter().map(|index| app_name(model, *index)).collect();
    let named: Vec<&str> = apps.iter().take(5).copied().collect();
    let more = match apps.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{} of the service account {} is mounted, which app {}{more} has a token of too",
        describe(tokens),
        pod.service_account(),
        named.join(", ")
    );
    let observation = Observation::fail(subject, Reason::Value, message);
    // Where a chain of owners breaks off at something unread, the two may be one app.
    let chains = others.iter().map(|index| &model.pods[*index].chain);
    let unread: BTreeSet<&(Kind, String)> = chains
        .chain([&pod.chain])
        .filter_map(|chain| chain.unread.as_ref())
        .collect();
    unread
        .into_iter()
        .fold(observation, |observation, (kind, namespace)| {
            observation.needs(*kind, namespace)
        })
}

fn app_name<'m>(model: &'m Model<'_>, index: usize) -> &'m str {
    let pod = &model.pods[index];
    let claimed = pod.app.as_ref().and_then(|claim| claim.name());
    claimed.unwrap_or(&pod.workload.1)
}

/// A token of an account that no other app has one of: whether anything visible needs it.
fn own(
    model: &Model<'_>,
    holders: &Holders<'_>,
    (subject, pod): (Subject, &PodGroup<'_>),
    tokens: &Tokens,
) -> Observation {
    let account = pod.service_account();
    let what = format!(
        "{} of the app's own service account {account}",
        describe(tokens)
    );
    let pass =
        |why: &str| Observation::pass(subject.clone(), Reason::Value, format!("{what}, {why}"));
    if let Some(need) = need_in_pod(pod) {
        let why = format!("which {} needs", need.words);
        return pass(&why).read(need.pointer, Some(need.value));
    }
    if tokens
        .usable()
        .all(|token| matches!(token.audience, Audience::Other(_)))
    {
        return pass("which the API server does not accept");
    }
    if let Some((index, place, name)) = holders.bindings.get(&(pod.namespace, account)) {
        let observation = pass(&format!(
            "which a {} grants rights",
            model.object(*index).kind
        ));
        return observation.read_of(*index, format!("/subjects/{place}/name"), Some(name));
    }
    let identity = model.account(pod).and_then(|(index, account)| {
        let annotations = &account.metadata.annotations;
        let key = IDENTITY_ANNOTATIONS
            .iter()
            .find(|key| annotations.contains_key(**key))?;
        Some((index, *key, annotations.get(*key)))
    });
    if let Some((index, key, value)) = identity {
        let pointer = format!("/metadata/annotations/{}", key.replace('/', "~1"));
        return pass("which a cloud's identity service knows").read_of(index, pointer, value);
    }
    let message = format!("{what} is mounted, and nothing visible needs it");
    Observation::fail(subject, Reason::Value, message)
        .severity(Severity::Low)
        .needs(Kind::RoleBinding, "")
        .needs(Kind::ClusterRoleBinding, "")
        .needs(Kind::ServiceAccount, pod.namespace)
}

/// The account, and what decides whether it has a token.
fn reads(
    model: &Model<'_>,
    pod: &PodGroup<'_>,
    tokens: &Tokens,
    observation: Observation,
) -> Observation {
    let spec = pod.spec;
    let observation = observation
        .read(
            "/spec/serviceAccountName",
            spec.service_account_name.as_ref(),
        )
        .read(
            "/spec/automountServiceAccountToken",
            spec.automount_service_account_token,
        );
    let observation = match &spec.service_account {
        Some(name) => observation.read("/spec/serviceAccount", Some(name)),
        None => observation,
    };
    let declared = tokens.usable().filter_map(|token| token.declared.as_ref());
    let observation = declared.fold(observation, |observation, (pointer, token)| {
        observation.read(pointer.clone(), Some(token))
    });
    match model.account(pod).filter(|_| tokens.by_account) {
        Some((index, account)) => observation.read_of(
            index,
            "/automountServiceAccountToken",
            account.automount_service_account_token,
        ),
        None => observation,
    }
}
