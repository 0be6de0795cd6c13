//! Mendix Operators and the namespaces they manage.

use super::Model;
use super::mendix::{image_tag, is_operator_container, runs_operator};
use super::pods::{PodGroup, Role};
use super::rbac::Grant;
use crate::kind::Kind;
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
        // One that runs in a pod of something else reconciles no less.
        if pod.role != Role::Operator && !runs_operator(pod) || pod.is_finished() {
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

/// The oldest version of a pod's containers.
fn version(pod: &PodGroup<'_>) -> Option<String> {
    pod.lasting_containers()
        .filter(|container| is_operator_container(container.spec))
        .filter_map(|container| image_tag(container.spec).map(str::to_owned))
        .reduce(oldest)
}

/// During a roll-out two versions run; the older one decides.
fn older(left: Option<String>, right: Option<String>) -> Option<String> {
    match (left, right) {
        (Some(left), Some(right)) => Some(oldest(left, right)),
        (left, right) => left.or(right),
    }
}

fn oldest(left: String, right: String) -> String {
    if numbers(&right) < numbers(&left) {
        right
    } else {
        left
    }
}

/// Major and minor number of a version; `None` when it has none.
pub fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether a version is older than another; `None` when it does not say. A tag with a major number alone moves along
/// with the releases of that number.
pub fn is_older(version: &str, than: (u32, u32)) -> Option<bool> {
    if let Some(numbers) = numbers(version) {
        return Some(numbers < than);
    }
    let major: u32 = version.trim_start_matches('v').parse().ok()?;
    (major != than.0).then_some(major < than.0)
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
        self.writers
            .grant(namespace, account)
            .map(Manages::MayWrite)
            .or_else(|| self.listed(operator, namespace))
    }

    fn listed(&self, operator: &Operator, namespace: &str) -> Option<Manages> {
        self.snapshot
            .of_namespace(Kind::OperatorConfiguration, &operator.namespace)
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
