//! Memory that a container was promised can't be taken back: its request equals its limit, and its heap fits below it.

use crate::kind::Kind;
use crate::model::limits::{Limit, LimitState, Request};
use crate::model::mendix::{is_m2ee_sidecar, is_runtime};
use crate::model::quantity::{self, Milli};
use crate::model::{Container, ContainerClass, Model, PodGroup, Role};
use crate::projection::Scalar;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "memory-guarantee",
    version: 1,
    title: "Memory requests equal limits, and heaps stay below them",
    severity: Severity::Low,
    group: Group::Resources,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // For pod-level limits, which old kubelets ignore.
        Read::refines(Kind::Node),
        // For templates, to which admission may add a limit and a request.
        Read::refines(Kind::LimitRange),
        // For the heap of an app's container, and for whose it is.
        Read::refines(Kind::MendixApp),
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
        Read::refines(Kind::Runtime),
    ],
    docs: include_str!("../../../docs/rules/memory-guarantee.md"),
    check,
};

/// Proxies that a mesh injects, as sidecars of either kind.
const PROXIES: [&str; 2] = ["istio-proxy", "linkerd-proxy"];

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_container(model, |subject, pod, container| {
        observe(model, subject, pod, container)
    })
}

fn observe(
    model: &Model<'_>,
    subject: Subject,
    pod: &PodGroup<'_>,
    container: &Container<'_>,
) -> Observation {
    if container.class == ContainerClass::Ephemeral {
        let message = "debug containers can't have requests; they use the pod's spare room";
        return Observation::not_applicable(subject, Reason::Absent, message)
            .container(&container.spec.name);
    }
    let limit = model.limit(pod, container, "memory");
    let request = model.request(pod, container, &limit, "memory");
    let heap = heap(model, pod, container);
    let observation = judge(subject, pod, &limit, &request, &heap).container(&container.spec.name);
    let observation = if is_beside(pod, container) {
        observation.severity(Severity::Info)
    } else {
        observation
    };
    let places = [
        (limit.object, limit.pointer, limit.value),
        (request.object, request.pointer, request.value),
    ];
    let observation = places.into_iter().fold(
        observation,
        |observation, (object, pointer, value)| match object {
            None => observation.read(pointer, value),
            Some(object) => observation.read_of(object, pointer, value),
        },
    );
    match heap {
        Heap::Of { app, value, .. } => {
            observation.read_of(app, "/spec/jvmMemorySettings/heapLimit", value)
        }
        Heap::None | Heap::Unread(..) => observation,
    }
}

/// The limit that is set for the heap of a container.
enum Heap {
    /// The container is none of an app's runtime.
    None,
    /// Its app was not read.
    Unread(Kind, String),
    /// Of a MendixApp, by index, and where the way to it breaks off.
    Of { app: usize, value: Option<Scalar> },
}

fn heap(model: &Model<'_>, pod: &PodGroup<'_>, container: &Container<'_>) -> Heap {
    if pod.role != Role::App || !is_runtime(container.spec) {
        return Heap::None;
    }
    let name = pod.app.as_ref().and_then(|claim| claim.name());
    let found = name.and_then(|name| {
        model
            .apps_in(pod.namespace)
            .find(|app| app.name == name)?
            .object
    });
    match (found, &pod.chain.unread) {
        (Some((app, object)), _) => Heap::Of {
            app,
            value: object.spec.jvm_memory_settings.heap_limit.clone(),
        },
        (None, Some((kind, namespace))) => Heap::Unread(*kind, namespace.clone()),
        (None, None) => Heap::Unread(Kind::MendixApp, pod.namespace.to_owned()),
    }
}

/// Whether a container stands beside what the pod is there for: its init containers, and the sidecars of an app or mesh.
fn is_beside(pod: &PodGroup<'_>, container: &Container<'_>) -> bool {
    let runs_app = || {
        pod.role == Role::App
            && !is_runtime(container.spec)
            && pod.lasting_containers().any(|other| is_runtime(other.spec))
    };
    container.class != ContainerClass::App
        || is_m2ee_sidecar(container.spec)
        || PROXIES.contains(&container.spec.name.as_str())
        || runs_app()
}

fn judge(
    subject: Subject,
    pod: &PodGroup<'_>,
    limit: &Limit,
    request: &Request,
    heap: &Heap,
) -> Observation {
    let at_most = match usable(&subject, pod, limit) {
        Ok(at_most) => at_most,
        Err(observation) => return *observation,
    };
    let unrecognised = |what: &str, value: &str| {
        let message = format!("memory {what} {value:?} is not a quantity");
        Observation::indeterminate(subject.clone(), Reason::Unrecognised, message)
    };
    let asked = match &request.value {
        None => request.defaulted.unwrap_or(at_most),
        Some(value) => match quantity::parse(&value.to_string()) {
            Some(asked) => asked,
            None => return unrecognised("request", &value.to_string()),
        },
    };
    let mut faults = Vec::new();
    if asked != at_most {
        faults.push(format!(
            "memory request {} is not the limit {}",
            words(request.value.as_ref(), asked),
            words(limit.value.as_ref(), at_most)
        ));
    }
    if let Heap::Of {
        value: Some(value), ..
    } = heap
    {
        match quantity::parse(&value.to_string()).filter(|heap| *heap > Milli(0)) {
            None => return unrecognised("heap limit", &value.to_string()),
            Some(size) if size >= at_most => faults.push(format!(
                "heap limit {value} is not below the memory limit {}",
                words(limit.value.as_ref(), at_most)
            )),
            Some(_) => {}
        }
    }
    if !faults.is_empty() {
        let observation = Observation::fail(subject, Reason::Value, faults.join(", "));
        return of_template(observation, pod, limit);
    }
    passes(subject, pod, limit, request, heap)
}

fn passes(
    subject: Subject,
    pod: &PodGroup<'_>,
    limit: &Limit,
    request: &Request,
    heap: &Heap,
) -> Observation {
    let value = limit.value.as_ref().map(ToString::to_string);
    let below = match heap {
        Heap::Of {
            value: Some(heap), ..
        } => format!(", heap limit {heap}"),
        Heap::Of { value: None, .. } | Heap::None | Heap::Unread(..) => String::new(),
    };
    // A request that is not set is the limit: the API's default.
    let (reason, how) = match request.value {
        Some(_) => (Reason::Value, "equals"),
        None => (Reason::Default, "is not set and so equals"),
    };
    let message = format!(
        "memory request {how} the limit {}{below}",
        value.unwrap_or_default()
    );
    let observation = Observation::pass(subject, reason, message);
    let observation = match heap {
        Heap::Unread(kind, namespace) => observation.needs(*kind, namespace),
        Heap::None | Heap::Of { .. } => observation,
    };
    of_template(observation, pod, limit)
}

/// What admission may add to a template, and on which nodes its pods may run, is more than the template says.
fn of_template(observation: Observation, pod: &PodGroup<'_>, limit: &Limit) -> Observation {
    match limit.state {
        LimitState::OfPod if pod.is_template() => observation.needs(Kind::Node, ""),
        LimitState::Defaulted => observation.needs(Kind::LimitRange, pod.namespace),
        _ => observation,
    }
}

/// The limit, if there is one to compare with.
fn usable(subject: &Subject, pod: &PodGroup<'_>, limit: &Limit) -> Result<Milli, Box<Observation>> {
    let value = limit.value.as_ref().map(ToString::to_string);
    let value = value.unwrap_or_default();
    let (reason, message) = match limit.state {
        LimitState::Set | LimitState::OfPod | LimitState::Defaulted => {
            match quantity::parse(&value) {
                Some(quantity) => return Ok(quantity),
                None => (
                    Reason::Unrecognised,
                    format!("memory limit {value:?} is not a quantity"),
                ),
            }
        }
        LimitState::Missing => {
            let message = "no memory limit, so no request could equal it";
            let observation = Observation::fail(subject.clone(), Reason::Absent, message);
            // Only to a template could admission still add what is missing.
            return Err(Box::new(if pod.is_template() {
                observation.needs(Kind::LimitRange, pod.namespace)
            } else {
                observation
            }));
        }
        LimitState::Zero | LimitState::Absurd => {
            let message = format!("memory limit {value} is none that a request could equal");
            let observation = Observation::fail(subject.clone(), Reason::Value, message);
            return Err(Box::new(observation));
        }
        LimitState::Unrecognised => (
            Reason::Unrecognised,
            format!("memory limit {value:?} is not a quantity"),
        ),
        LimitState::Unenforced => (
            Reason::Unenforced,
            format!("memory limit {value} of the pod, which its kubelet may ignore"),
        ),
        LimitState::KubeletUnknown(missing) => (
            missing.map_or(Reason::Absent, Reason::from),
            format!("memory limit {value} of the pod, by a kubelet of unknown version"),
        ),
    };
    let observation = Observation::indeterminate(subject.clone(), reason, message);
    Err(Box::new(observation))
}

/// As it is written; else, of sums, in bytes.
fn words(written: Option<&Scalar>, quantity: Milli) -> String {
    written.map_or_else(|| (quantity.0 / 1000).to_string(), ToString::to_string)
}
