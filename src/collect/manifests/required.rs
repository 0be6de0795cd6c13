//! What the API server requires of pods and pod templates besides the form of their fields: files may lack it, and
//! rules that judge containers would say nothing of a pod that lists none.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::projection::pod::{Container, PodSpec, PodTemplate};
use crate::projection::{Decoded, Projection};

/// Why the API server would refuse an object, as a field and what is wrong with it.
pub(super) fn refusal(decoded: &Decoded) -> Option<String> {
    match &decoded.projection {
        Projection::Pod(pod) => {
            let debug = decoded.instance.as_deref();
            let debug = debug.map_or(&[][..], |instance| &instance.spec.ephemeral_containers);
            of_pod("spec", &pod.spec, debug)
        }
        Projection::Workload(workload) => {
            of_template("spec.template", workload.spec.template.as_ref())
        }
        Projection::CronJob(job) => {
            let template = job.spec.job_template.spec.template.as_ref();
            of_template("spec.jobTemplate.spec.template", template)
        }
        _ => None,
    }
}

fn of_template(path: &str, template: Option<&PodTemplate>) -> Option<String> {
    match template {
        None => Some(format!("{path}: there is none")),
        Some(template) => {
            let debug = &template.spec.ephemeral_containers;
            of_pod(&format!("{path}.spec"), &template.spec, debug)
        }
    }
}

/// At least one container, and a name for each that no other has.
fn of_pod(path: &str, spec: &PodSpec, debug: &[Arc<Container>]) -> Option<String> {
    if spec.containers.is_empty() {
        return Some(format!("{path}.containers: there is none"));
    }
    let mut names = BTreeSet::new();
    let fields = [
        ("initContainers", &*spec.init_containers),
        ("containers", &*spec.containers),
        ("ephemeralContainers", debug),
    ];
    let mut containers = fields
        .into_iter()
        .flat_map(|(field, containers)| containers.iter().enumerate().map(move |at| (field, at)));
    containers.find_map(|(field, (index, container))| {
        let wrong = if container.name.is_empty() {
            "there is none"
        } else if names.insert(container.name.as_str()) {
            return None;
        } else {
            "another container has the same"
        };
        Some(format!("{path}.{field}[{index}].name: {wrong}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kind::Kind;
    use crate::projection::decode_value;

    fn refusal_of(kind: Kind, spec: &Value) -> Option<String> {
        let object = json!({"metadata": {"name": "a"}, "spec": spec});
        refusal(&decode_value(kind, object).unwrap())
    }

    #[test]
    fn every_pod_needs_a_container() {
        let one = json!({"containers": [{"name": "a"}]});
        let none = json!({"initContainers": [{"name": "a"}]});
        let table = [
            (Kind::Pod, one.clone(), None),
            (
                Kind::Pod,
                none.clone(),
                Some("spec.containers: there is none"),
            ),
            (
                Kind::Pod,
                json!({"containers": null}),
                Some("spec.containers: there is none"),
            ),
            (Kind::Deployment, json!({"template": {"spec": one}}), None),
            (
                Kind::DaemonSet,
                json!({}),
                Some("spec.template: there is none"),
            ),
            (
                Kind::StatefulSet,
                json!({"template": {"spec": none}}),
                Some("spec.template.spec.containers: there is none"),
            ),
            (
                Kind::Job,
                json!({"template": {}}),
                Some("spec.template.spec.containers: there is none"),
            ),
            (
                Kind::CronJob,
                json!({"jobTemplate": {"spec": {"template": {"spec": one}}}}),
                None,
            ),
            (
                Kind::CronJob,
                json!({"template": {"spec": one}}),
                Some("spec.jobTemplate.spec.template: there is none"),
            ),
        ];
        for (kind, spec, expected) in table {
            assert_eq!(
                refusal_of(kind, &spec).as_deref(),
                expected,
                "{kind} {spec}"
            );
        }
    }

    #[test]
    fn every_container_has_a_name_of_its_own() {
        let table = [
            (
                json!({"containers": [{"name": "a"}, {"image": "b"}]}),
                "spec.containers[1].name: there is none",
            ),
            (
                json!({"containers": [{"name": "a"}, {"name": "a"}]}),
                "spec.containers[1].name: another container has the same",
            ),
            (
                json!({"initContainers": [{"name": "a"}], "containers": [{"name": "a"}]}),
                "spec.containers[0].name: another container has the same",
            ),
            (
                json!({"containers": [{"name": "a"}], "ephemeralContainers": [{"name": "a"}]}),
                "spec.ephemeralContainers[0].name: another container has the same",
            ),
        ];
        for (spec, expected) in table {
            assert_eq!(refusal_of(Kind::Pod, &spec).as_deref(), Some(expected));
        }
    }
}
