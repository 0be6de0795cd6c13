//! Effective security contexts: the container's fields over the pod's, and what the API makes of them.

use serde_json::Value;

use super::pods::{Container, PodGroup};
use crate::projection::pod::{SeccompProfile, SecurityContext};

/// The seccomp profile that a container runs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seccomp {
    /// The container is privileged, so no profile applies whatever is written.
    Privileged,
    /// The runtime's own profile.
    RuntimeDefault,
    /// A file on the node.
    Localhost,
    /// None, and stated so.
    Unconfined,
    /// None declared: the kubelet decides, by default none.
    Absent,
    /// A type that the API does not know, or none where the API requires one.
    Unrecognised(String),
}

/// Which of the two security contexts a value stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The container's.
    Container,
    /// The pod's.
    Pod,
}

/// The value of a field that containers inherit from their pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited<T> {
    /// What is in force; `None` when neither states it.
    pub value: Option<T>,
    /// Which of the two states it.
    pub source: Source,
    /// Pointer and value of each place that was looked at.
    pub reads: Vec<(String, Option<T>)>,
}

impl PodGroup<'_> {
    /// The profile in force for a container, and where it is written.
    pub fn seccomp(&self, container: &Container<'_>) -> (Seccomp, Source) {
        let own = container.spec.security_context.as_ref();
        if own.and_then(|context| context.privileged) == Some(true) {
            return (Seccomp::Privileged, Source::Container);
        }
        if let Some(profile) = own.and_then(|context| context.seccomp_profile.as_ref()) {
            return (Seccomp::of(profile), Source::Container);
        }
        let shared = self.spec.security_context.as_ref();
        let profile = shared.and_then(|context| context.seccomp_profile.as_ref());
        (profile.map_or(Seccomp::Absent, Seccomp::of), Source::Pod)
    }

    /// The fields that [`PodGroup::seccomp`] looks at, as pointer and value.
    pub fn seccomp_reads(&self, container: &Container<'_>) -> Vec<(String, Option<Value>)> {
        let own = container.spec.security_context.as_ref();
        let mut reads = Vec::new();
        if own.and_then(|context| context.privileged) == Some(true) {
            reads.push((
                format!("{}/securityContext/privileged", container.pointer),
                Some(Value::Bool(true)),
            ));
        }
        let kind = |profile: Option<&SeccompProfile>| {
            profile
                .and_then(|profile| profile.kind.clone())
                .map(Value::String)
        };
        let own_profile = own.and_then(|context| context.seccomp_profile.as_ref());
        reads.push((
            format!("{}/securityContext/seccompProfile/type", container.pointer),
            kind(own_profile),
        ));
        if own_profile.is_none() {
            let shared = self.spec.security_context.as_ref();
            let profile = shared.and_then(|context| context.seccomp_profile.as_ref());
            reads.push((
                "/spec/securityContext/seccompProfile/type".to_owned(),
                kind(profile),
            ));
        }
        reads
    }

    /// A field that containers inherit from their pod, and the places where it was looked for.
    pub fn inherited<T: Copy>(
        &self,
        container: &Container<'_>,
        field: &str,
        read: impl Fn(&SecurityContext) -> Option<T>,
    ) -> Inherited<T> {
        let at = format!("{}/securityContext/{field}", container.pointer);
        let own = container.spec.security_context.as_deref().and_then(&read);
        if own.is_some() {
            return Inherited {
                value: own,
                source: Source::Container,
                reads: vec![(at, own)],
            };
        }
        let shared = self.spec.security_context.as_deref().and_then(&read);
        Inherited {
            value: shared,
            source: Source::Pod,
            reads: vec![
                (at, None),
                (format!("/spec/securityContext/{field}"), shared),
            ],
        }
    }

    /// `windowsOptions.hostProcess` in force for a container, and where it is written.
    pub fn host_process(&self, container: &Container<'_>) -> (Option<bool>, String) {
        let field = "securityContext/windowsOptions/hostProcess";
        let own = container
            .spec
            .security_context
            .as_ref()
            .and_then(|context| context.windows_options.as_ref());
        if let Some(value) = own.and_then(|options| options.host_process) {
            return (Some(value), format!("{}/{field}", container.pointer));
        }
        let shared = self
            .spec
            .security_context
            .as_ref()
            .and_then(|context| context.windows_options.as_ref());
        (
            shared.and_then(|options| options.host_process),
            format!("/spec/{field}"),
        )
    }
}

impl Seccomp {
    fn of(profile: &SeccompProfile) -> Self {
        match profile.kind.as_deref() {
            Some("RuntimeDefault") => Self::RuntimeDefault,
            // The API takes no Localhost profile without its file.
            Some("Localhost")
                if profile
                    .localhost_profile
                    .as_ref()
                    .is_some_and(|file| !file.is_empty()) =>
            {
                Self::Localhost
            }
            Some("Unconfined") => Self::Unconfined,
            other => Self::Unrecognised(other.unwrap_or_default().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mesh::Pod;

    /// The contexts of container and pod, and what is read of them.
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, Option<&'c str>)]);

    #[test]
    fn every_place_that_a_profile_may_stand_in_is_read() {
        let (privileged, of_container, of_pod) = (
            "/spec/containers/0/securityContext/privileged",
            "/spec/containers/0/securityContext/seccompProfile/type",
            "/spec/securityContext/seccompProfile/type",
        );
        let profile = "seccompProfile: {type: RuntimeDefault}";
        let default = Some("RuntimeDefault");
        let table: [Case<'_>; 4] = [
            ("", "", &[(of_container, None), (of_pod, None)]),
            ("", profile, &[(of_container, None), (of_pod, default)]),
            (profile, profile, &[(of_container, default)]),
            (
                "privileged: true",
                "",
                &[
                    (privileged, Some("true")),
                    (of_container, None),
                    (of_pod, None),
                ],
            ),
        ];
        for (own, shared, expected) in table {
            let pod = Pod::new("shop", "web")
                .container(&format!("{{name: web, securityContext: {{{own}}}}}"))
                .spec(&format!("securityContext: {{{shared}}}"));
            let snapshot = crate::testing::snapshot(&pod.to_string());
            let model = crate::testing::model(&snapshot);
            let pod = &model.pods[0];
            let container = pod.lasting_containers().next().unwrap();
            let reads = pod.seccomp_reads(&container);
            let found: Vec<(&str, Option<String>)> = reads
                .iter()
                .map(|(pointer, value)| {
                    let text =
                        |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
                    (pointer.as_str(), value.as_ref().map(text))
                })
                .collect();
            let expected: Vec<(&str, Option<String>)> = expected
                .iter()
                .map(|(pointer, value)| (*pointer, value.map(str::to_owned)))
                .collect();
            assert_eq!(found, expected, "{own}, {shared}");
        }
    }
}
