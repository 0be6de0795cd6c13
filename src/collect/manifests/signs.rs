//! Signs in files that a product is in use whose kinds need not be installed.
//!
//! A sign need not prove anything: it only keeps a kind that no file holds from counting as empty.

use crate::kind::Product;
use crate::projection::pod::PodTemplate;
use crate::projection::{Metadata, Projection, pod::PodSpec};
use crate::snapshot::Object;

/// Whether objects of this API group belong to Istio.
pub(super) fn is_istio_group(group: &str) -> bool {
    group == "istio.io" || group.ends_with(".istio.io")
}

/// Whether objects of this API group belong to OpenShift.
pub(super) fn is_open_shift_group(group: &str) -> bool {
    group == "openshift.io" || group.ends_with(".openshift.io")
}

/// Whether an object shows that Istio is in use.
pub(super) fn shows_istio(object: &Object) -> bool {
    is_istio_group(object.kind.api().group)
        || is_istio_name(object.name())
        || has_istio_key(object.projection.metadata())
        || shown_by_pods(&object.projection)
        || object.instance.as_ref().is_some_and(|pod| {
            let metadata = &pod.metadata;
            let fields = metadata.labels.iter().chain(metadata.annotations.iter());
            fields.map(|(key, _)| key).any(is_istio_key)
        })
}

fn shown_by_pods(projection: &Projection) -> bool {
    let of_template = |template: Option<&PodTemplate>| {
        template
            .is_some_and(|template| has_istio_key(&template.metadata) || runs_istio(&template.spec))
    };
    match projection {
        Projection::Pod(pod) => runs_istio(&pod.spec),
        Projection::Workload(workload) => of_template(workload.spec.template.as_ref()),
        Projection::CronJob(job) => of_template(job.spec.job_template.spec.template.as_ref()),
        _ => false,
    }
}

/// `istio-system`, `istiod`, `istio-sidecar-injector` and the like.
fn is_istio_name(name: &str) -> bool {
    ["istio", "istiod"].iter().any(|word| {
        name.strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

fn has_istio_key(metadata: &Metadata) -> bool {
    metadata
        .labels
        .keys()
        .chain(metadata.annotations.keys())
        .any(|key| is_istio_key(key))
}

fn is_istio_key(key: &str) -> bool {
    key == "istio-injection"
        || key
            .split_once('/')
            .is_some_and(|(domain, _)| is_istio_group(domain))
}

fn runs_istio(spec: &PodSpec) -> bool {
    spec.containers
        .iter()
        .chain(&spec.init_containers)
        .any(|container| {
            ["istio-proxy", "istio-init", "istio-validation"].contains(&container.name.as_str())
                || container.image.as_deref().is_some_and(is_istio_image)
        })
}

fn is_istio_image(image: &str) -> bool {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    ["proxyv2", "pilot", "ztunnel"].contains(&name)
}

/// The network plugin, or the API, that objects of this group belong to.
pub(super) fn plugin_of_group(group: &str) -> Option<Product> {
    if group == "cilium.io" || group.ends_with(".cilium.io") {
        Some(Product::Cilium)
    } else if group == "projectcalico.org" || group.ends_with(".projectcalico.org") {
        Some(Product::Calico)
    } else if group == "policy.networking.k8s.io" {
        Some(Product::NetworkPolicyApi)
    } else if group == "networking.k8s.aws" {
        Some(Product::EksNetworkPolicy)
    } else {
        None
    }
}

/// Network plugins that an object shows to be in use: their agents are containers of fixed names.
pub(super) fn plugins_shown(object: &Object) -> Vec<Product> {
    let spec = match object.projection.as_ref() {
        Projection::Pod(pod) => Some(&pod.spec),
        Projection::Workload(workload) => workload.spec.template.as_ref().map(|pod| &pod.spec),
        _ => None,
    };
    let containers = spec.into_iter().flat_map(|spec| &spec.containers);
    containers
        .filter_map(|container| match container.name.as_str() {
            "cilium-agent" => Some(Product::Cilium),
            "calico-node" => Some(Product::Calico),
            "aws-eks-nodeagent" => Some(Product::EksNetworkPolicy),
            _ => None,
        })
        .collect()
}
