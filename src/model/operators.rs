//! Mendix Operators and the namespaces they manage.

use super::Model;
use super::mendix::{image_name, image_tag};
use super::pods::{Container, PodGroup, Role};
use super::rbac::{self, Grant};
use crate::kind::{Kind, MENDIX_GROUP};
use crate::projection::Projection;

/// One operator: a workload, whatever its replicas.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Its namespace.
    pub namespace: String,
    /// Kind and name of its workload.
    pub workload: (String, String),
    /// Its pods, as indexes of groups; of one that is scaled to 0, the template.
    pub pods: Vec<usize>,
    /// Its service account.
    pub service_account: String,
    /// Version in the image tag, such as `2.24.1`.
    pub version: Option<String>,
    /// Whether it runs, rather than being scaled to 0.
    pub running: bool,
}

/// Why an operator counts as a manager of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manages {
    /// It runs there.
    RunsThere,
    /// Its service account may write Mendix objects there.
    MayWrite(Grant),
    /// The OperatorConfiguration beside it lists the namespace: index of the object, path of the list.
    ListsIt(usize, String),
}

/// All operators, by namespace and workload.
pub(super) fn find(pods: &[PodGroup<'_>]) -> Vec<Operator> {
    let mut operators: Vec<Operator> = Vec::new();
    for (index, pod) in pods.iter().enumerate() {
        if pod.role != Role::Operator || pod.is_finished() {
            continue;
        }
        let running = !(pod.is_template() && pod.replicas == Some(0));
        let known = operators.iter_mut().find(|operator| {
            operator.namespace == pod.namespace && operator.workload == pod.workload
        });
        if let Some(operator) = known {
            operator.pods.push(index);
            operator.running |= running;
            operator.version = older(operator.version.take(), version(pod));
            continue;
        }
        operators.push(Operator {
            namespace: pod.namespace.to_owned(),
            workload: pod.workload.clone(),
            pods: vec![index],
            service_account: pod.service_account().to_owned(),
            version: version(pod),
            running,
        });
    }
    operators
}

fn version(pod: &PodGroup<'_>) -> Option<String> {
    image_tag(container(pod)?.spec).map(str::to_owned)
}

/// The container of an operator's pod that is the operator: by its image, else by its name.
pub fn container<'s>(pod: &PodGroup<'s>) -> Option<Container<'s>> {
    let by_image = |container: &Container<'_>| image_name(container.spec) == "mendix-operator";
    let by_name = |container: &Container<'_>| container.spec.name == "mendix-operator";
    let find = |is: &dyn Fn(&Container<'_>) -> bool| pod.lasting_containers().find(|one| is(one));
    find(&by_image).or_else(|| find(&by_name))
}

/// During a roll-out two versions run; the older one decides.
fn older(left: Option<String>, right: Option<String>) -> Option<String> {
    match (left, right) {
        (Some(left), Some(right)) => Some(if numbers(&right) < numbers(&left) {
            right
        } else {
            left
        }),
        (left, right) => left.or(right),
    }
}

/// Major and minor number of a version; `None` when it has none.
pub fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl Model<'_> {
    /// The running operators that manage a namespace, and why each counts.
    pub fn managers_of(&self, namespace: &str) -> Vec<(&Operator, Manages)> {
        self.operators
            .iter()
            .filter(|operator| operator.running)
            .filter_map(|operator| Some((operator, self.manages(operator, namespace)?)))
            .collect()
    }

    /// Whether and why an operator manages a namespace.
    pub fn manages(&self, operator: &Operator, namespace: &str) -> Option<Manages> {
        if operator.namespace == namespace {
            return Some(Manages::RunsThere);
        }
        let account = (
            operator.namespace.as_str(),
            operator.service_account.as_str(),
        );
        rbac::can_write(self.snapshot, MENDIX_GROUP, namespace, account)
            .map(Manages::MayWrite)
            .or_else(|| self.listed(operator, namespace))
    }

    fn listed(&self, operator: &Operator, namespace: &str) -> Option<Manages> {
        self.snapshot
            .of_kind(Kind::OperatorConfiguration)
            .filter(|(_, object)| object.namespace() == operator.namespace)
            .find_map(|(index, object)| match object.projection.as_ref() {
                Projection::OperatorConfiguration(configuration) => configuration
                    .spec
                    .0
                    .iter()
                    .find(|(_, names)| names.iter().any(|name| name == namespace))
                    .map(|(path, _)| Manages::ListsIt(index, path.clone())),
                _ => None,
            })
    }

    /// Whether an operator in this namespace manages other namespaces, running or not: Global mode.
    pub fn is_global_operator_namespace(&self, namespace: &str) -> bool {
        self.operators
            .iter()
            .filter(|operator| operator.namespace == namespace)
            .any(|operator| {
                self.namespaces
                    .iter()
                    .any(|(other, _)| other != namespace && self.manages(operator, other).is_some())
            })
    }
}
