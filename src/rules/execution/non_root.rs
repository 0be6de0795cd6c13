//! Root in a container is root on the node as far as the kernel is concerned, once a namespace or mount gives way.

use crate::kind::Kind;
use crate::model::security::{Inherited, Source};
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "non-root",
    version: 1,
    title: "Containers do not run as root",
    severity: Severity::Medium,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // For pods that do not say their operating system.
        Read::refines(Kind::Node),
    ],
    docs: include_str!("../../../docs/rules/non-root.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_container(model, observe)
}

fn observe(subject: Subject, pod: &PodGroup<'_>, container: &Container<'_>) -> Observation {
    let user = pod.inherited(container, "runAsUser", |context| context.run_as_user);
    let flag = pod.inherited(container, "runAsNonRoot", |context| context.run_as_non_root);
    let observation = if pod.windows {
        by_flag(subject.clone(), &flag)
    } else {
        match user.value {
            Some(uid) => by_user(subject.clone(), pod, uid, &user, &flag),
            None => by_flag(subject.clone(), &flag),
        }
    };
    let is_root = observation.verdict == crate::rules::Verdict::Fail;
    let observation = if is_root && pod.is_redirect_init(container) {
        Observation::pass(
            subject,
            Reason::MeshRedirectInit,
            "runs as root to redirect the pod's traffic into the mesh, and ends before the app starts",
        )
    } else {
        observation
    };
    let reads = user
        .reads
        .into_iter()
        .map(|(at, uid)| (at, uid.map(Into::into)));
    let flags = flag
        .reads
        .into_iter()
        .map(|(at, flag)| (at, flag.map(Into::into)));
    let reads = reads.chain(flags);
    reads.fold(
        observation.container(&container.spec.name),
        |observation, (at, value): (String, Option<serde_json::Value>)| observation.read(at, value),
    )
}

/// On Linux the user that is written counts, whatever the flag says: of the two the kubelet checks the flag only.
fn by_user(
    subject: Subject,
    pod: &PodGroup<'_>,
    uid: i64,
    user: &Inherited<i64>,
    flag: &Inherited<bool>,
) -> Observation {
    let place = place(user.source);
    match uid {
        ..0 => Observation::indeterminate(
            subject,
            Reason::Unrecognised,
            format!("runAsUser {uid}{place} is no user id"),
        ),
        0 => Observation::fail(subject, Reason::Value, format!("runAsUser is 0{place}")),
        1.. => {
            let message = format!("runAsUser is {uid}{place}");
            let observation = Observation::pass(subject, Reason::Value, message);
            // User ids do not exist on Windows, where the flag alone would count.
            if flag.value == Some(true) {
                observation
            } else {
                observation.unless_windows(pod)
            }
        }
    }
}

fn by_flag(subject: Subject, flag: &Inherited<bool>) -> Observation {
    let place = place(flag.source);
    match flag.value {
        Some(true) => Observation::pass(
            subject,
            Reason::Value,
            format!("runAsNonRoot is true{place}"),
        ),
        Some(false) => Observation::fail(
            subject,
            Reason::Value,
            format!("runAsNonRoot is false{place}, and no runAsUser is set"),
        ),
        None => Observation::fail(
            subject,
            Reason::Absent,
            "neither runAsNonRoot nor runAsUser is set, so the image decides",
        ),
    }
}

fn place(source: Source) -> &'static str {
    match source {
        Source::Container => "",
        Source::Pod => " (set for the pod)",
    }
}
