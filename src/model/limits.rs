//! Effective limits of containers: their own, those in force, those of the pod, and those admission would add.

use super::Model;
use super::pods::{Container, PodGroup};
use super::quantity::{self, Milli};
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::projection::pod::Resources;
use crate::projection::{Projection, Scalar};

/// The first kubelet minor version that enforces pod-level resources by default.
const POD_LEVEL_SINCE: u32 = 34;
/// Memory limits below this are slips of a suffix: no container starts in less.
const LEAST_MEMORY: Milli = Milli(1024 * 1024 * 1000);

/// A limit on one resource of one container.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// What it comes to.
    pub state: LimitState,
    /// Where it is written, as pointer into the pod; or in another object.
    pub object: Option<usize>,
    /// Pointer to it, or to where it would stand.
    pub pointer: String,
    /// What is written there.
    pub value: Option<Scalar>,
}

/// What a limit comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitState {
    /// In force.
    Set,
    /// In force for the pod as a whole.
    OfPod,
    /// Admission would add it from a LimitRange.
    Defaulted,
    /// None.
    Missing,
    /// Written as zero, which means none.
    Zero,
    /// So small that it can't be meant.
    Absurd,
    /// Not a quantity.
    Unrecognised,
    /// Written for the pod, and the kubelet is too old to enforce it.
    Unenforced,
    /// Written for the pod, and it is not known whether the kubelet enforces it.
    KubeletUnknown(Option<Missing>),
}

/// A request for one resource of one container, or of its pod where that has the limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Where it is written, as pointer into the pod; or in another object.
    pub object: Option<usize>,
    /// Pointer to it, or to where it would stand.
    pub pointer: String,
    /// What is written there.
    pub value: Option<Scalar>,
    /// What it comes to when nothing is written, other than the limit.
    pub defaulted: Option<Milli>,
}

impl Model<'_> {
    /// The request that belongs to a limit. One that is not set is the limit, by the API's default; of a pod it is what
    /// its containers request, where they do.
    pub fn request(
        &self,
        pod: &PodGroup<'_>,
        container: &Container<'_>,
        limit: &Limit,
        resource: &str,
    ) -> Request {
        if limit.state == LimitState::OfPod {
            let requests = pod
                .spec
                .resources
                .as_ref()
                .map(|resources| &resources.requests);
            let value = requests
                .and_then(|requests| requests.get(resource))
                .cloned();
            return Request {
                object: None,
                pointer: format!("/spec/resources/requests/{resource}"),
                defaulted: sum_of_requests(pod, resource).filter(|_| value.is_none()),
                value,
            };
        }
        let (base, resources) = resources_in_force(pod, container);
        let own = resources.and_then(|resources| resources.requests.get(resource));
        let added = limit
            .object
            .filter(|_| own.is_none())
            .and_then(|range| self.default_request(range, &limit.pointer, resource));
        added.unwrap_or(Request {
            object: None,
            pointer: format!("{base}/requests/{resource}"),
            value: own.cloned(),
            defaulted: None,
        })
    }

    /// What the item of a LimitRange that gives the limit gives as request.
    fn default_request(&self, range: usize, limit: &str, resource: &str) -> Option<Request> {
        let Projection::LimitRange(object) = self.object(range).projection.as_ref() else {
            return None;
        };
        let place: usize = limit
            .strip_prefix("/spec/limits/")?
            .split('/')
            .next()?
            .parse()
            .ok()?;
        let value = object
            .spec
            .limits
            .get(place)?
            .default_request
            .get(resource)?;
        Some(Request {
            object: Some(range),
            pointer: format!("/spec/limits/{place}/defaultRequest/{resource}"),
            value: Some(value.clone()),
            defaulted: None,
        })
    }

    /// The limit on `resource` (`cpu` or `memory`) that a container runs under.
    pub fn limit(&self, pod: &PodGroup<'_>, container: &Container<'_>, resource: &str) -> Limit {
        let own = own_limit(pod, container, resource);
        if own.state != LimitState::Missing && own.state != LimitState::Zero {
            return own;
        }
        self.pod_level(pod, resource)
            .or_else(|| self.limit_range(pod, resource))
            .unwrap_or(own)
    }

    fn pod_level(&self, pod: &PodGroup<'_>, resource: &str) -> Option<Limit> {
        let value = pod.spec.resources.as_ref()?.limits.get(resource)?;
        let state = match judge(value, resource) {
            LimitState::Set => self.pod_level_enforced(pod),
            LimitState::Zero => return None,
            other => other,
        };
        let pointer = format!("/spec/resources/limits/{resource}");
        Some(Limit {
            state,
            object: None,
            pointer,
            value: Some(value.clone()),
        })
    }

    /// Of a template all nodes count, since its pods may run on any.
    fn pod_level_enforced(&self, pod: &PodGroup<'_>) -> LimitState {
        if pod.windows {
            return LimitState::Unenforced;
        }
        let oldest = if pod.is_template() {
            let minors = self.nodes().map(|(_, _, node)| {
                super::grouping::kubelet_minor(&node.status.node_info.kubelet_version)
            });
            minors
                .collect::<Option<Vec<u32>>>()
                .and_then(|minors| minors.into_iter().min())
        } else {
            pod.kubelet_minor
        };
        match oldest {
            Some(minor) if minor >= POD_LEVEL_SINCE => LimitState::OfPod,
            Some(_) => LimitState::Unenforced,
            None => LimitState::KubeletUnknown(self.gaps.anywhere(Kind::Node)),
        }
    }

    fn limit_range(&self, pod: &PodGroup<'_>, resource: &str) -> Option<Limit> {
        // Live pods already carry what admission gave them; a range made later changes nothing.
        if !pod.is_template() {
            return None;
        }
        self.snapshot
            .of_namespace(Kind::LimitRange, pod.namespace)
            .find_map(|(index, object)| {
                let Projection::LimitRange(range) = object.projection.as_ref() else {
                    return None;
                };
                let items = range.spec.limits.iter().enumerate();
                items
                    .filter(|(_, item)| item.kind == "Container")
                    .find_map(|(place, item)| {
                        // The API fills `default` from `max`; files may have only the latter.
                        let (field, value) = item
                            .default
                            .get(resource)
                            .map(|value| ("default", value))
                            .or_else(|| item.max.get(resource).map(|value| ("max", value)))?;
                        let state = match judge(value, resource) {
                            LimitState::Set => LimitState::Defaulted,
                            other => other,
                        };
                        Some(Limit {
                            state,
                            object: Some(index),
                            pointer: format!("/spec/limits/{place}/{field}/{resource}"),
                            value: Some(value.clone()),
                        })
                    })
            })
    }
}

/// What the containers that last request together, if any of them requests something.
fn sum_of_requests(pod: &PodGroup<'_>, resource: &str) -> Option<Milli> {
    let requests = pod.lasting_containers().filter_map(|container| {
        let (_, resources) = resources_in_force(pod, &container);
        quantity::parse(&resources?.requests.get(resource)?.to_string())
    });
    requests.reduce(|sum, request| Milli(sum.0.saturating_add(request.0)))
}

/// What is in force for the container itself: the kubelet's report where there is one, else `spec`.
fn resources_in_force<'p>(
    pod: &'p PodGroup<'_>,
    container: &Container<'p>,
) -> (String, Option<&'p Resources>) {
    match pod.enacted_resources(&container.spec.name) {
        Some((pointer, resources)) => (pointer, Some(resources)),
        None => (
            format!("{}/resources", container.pointer),
            container.spec.resources.as_deref(),
        ),
    }
}

fn own_limit(pod: &PodGroup<'_>, container: &Container<'_>, resource: &str) -> Limit {
    let (base, resources) = resources_in_force(pod, container);
    let value = resources.and_then(|resources| resources.limits.get(resource));
    Limit {
        state: value.map_or(LimitState::Missing, |value| judge(value, resource)),
        object: None,
        pointer: format!("{base}/limits/{resource}"),
        value: value.cloned(),
    }
}

fn judge(value: &Scalar, resource: &str) -> LimitState {
    match quantity::parse(&value.to_string()) {
        None => LimitState::Unrecognised,
        Some(quantity) if quantity <= Milli(0) => LimitState::Zero,
        Some(quantity) if resource == "memory" && quantity < LEAST_MEMORY => LimitState::Absurd,
        Some(_) => LimitState::Set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_below_a_mebibyte_is_a_slip() {
        let table = [
            ("memory", "1Mi", LimitState::Set),
            ("memory", "1048576", LimitState::Set),
            ("memory", "1048575", LimitState::Absurd),
            ("memory", "1m", LimitState::Absurd),
            ("memory", "0", LimitState::Zero),
            ("memory", "-1", LimitState::Zero),
            ("memory", "1Mib", LimitState::Unrecognised),
            ("cpu", "1m", LimitState::Set),
        ];
        for (resource, text, expected) in table {
            let value = Scalar::Text(text.to_owned());
            assert_eq!(judge(&value, resource), expected, "{resource} {text}");
        }
    }
}
