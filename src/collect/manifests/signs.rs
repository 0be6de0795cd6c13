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

/// Whether objects of this API group belong to Linkerd.
pub(super) fn is_linkerd_group(group: &str) -> bool {
    group == "linkerd.io" || group.ends_with(".linkerd.io")
}

/// Whether objects of this API group belong to OpenShift.
pub(super) fn is_open_shift_group(group: &str) -> bool {
    group == "openshift.io" || group.ends_with(".openshift.io")
}

/// What shows that a mesh is in use.
struct Signs {
    group: fn(&str) -> bool,
    /// Names of objects, alone or with a suffix.
    names: &'static [&'static str],
    /// A label without a domain.
    label: &'static str,
    containers: &'static [&'static str],
    /// Last path segments of images.
    images: &'static [&'static str],
}

const ISTIO: Signs = Signs {
    group: is_istio_group,
    names: &["istio", "istiod"],
    label: "istio-injection",
    containers: &["istio-proxy", "istio-init", "istio-validation"],
    images: &["proxyv2", "pilot", "ztunnel"],
};

const LINKERD: Signs = Signs {
    group: is_linkerd_group,
    names: &["linkerd"],
    label: "",
    containers: &["linkerd-proxy", "linkerd-init", "linkerd-network-validator"],
    images: &[],
};

/// Whether an object shows that Istio is in use.
pub(super) fn shows_istio(object: &Object) -> bool {
    ISTIO.are_in(object)
}

/// Whether an object shows that Linkerd is in use.
pub(super) fn shows_linkerd(object: &Object) -> bool {
    LINKERD.are_in(object)
}

impl Signs {
    fn are_in(&self, object: &Object) -> bool {
        (self.group)(object.kind.api().group)
            || self.is_name(object.name())
            || self.is_in_metadata(object.projection.metadata())
            || self.are_in_pods(&object.projection)
            || object.instance.as_ref().is_some_and(|pod| {
                let metadata = &pod.metadata;
                let fields = metadata.labels.iter().chain(metadata.annotations.iter());
                fields.map(|(key, _)| key).any(|key| self.is_key(key))
            })
    }

    fn are_in_pods(&self, projection: &Projection) -> bool {
        let of_template = |template: Option<&PodTemplate>| {
            template.is_some_and(|template| {
                self.is_in_metadata(&template.metadata) || self.is_run(&template.spec)
            })
        };
        match projection {
            Projection::Pod(pod) => self.is_run(&pod.spec),
            Projection::Workload(workload) => of_template(workload.spec.template.as_ref()),
            Projection::CronJob(job) => of_template(job.spec.job_template.spec.template.as_ref()),
            _ => false,
        }
    }

    /// `istio-system`, `istiod`, `istio-sidecar-injector` and the like.
    fn is_name(&self, name: &str) -> bool {
        self.names.iter().any(|word| {
            name.strip_prefix(word)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }

    fn is_in_metadata(&self, metadata: &Metadata) -> bool {
        metadata
            .labels
            .keys()
            .chain(metadata.annotations.keys())
            .any(|key| self.is_key(key))
    }

    fn is_key(&self, key: &str) -> bool {
        key == self.label
            || key
                .split_once('/')
                .is_some_and(|(domain, _)| (self.group)(domain))
    }

    fn is_run(&self, spec: &PodSpec) -> bool {
        spec.containers
            .iter()
            .chain(&spec.init_containers)
            .any(|container| {
                self.containers.contains(&container.name.as_str())
                    || container
                        .image
                        .as_deref()
                        .is_some_and(|image| self.images.contains(&image_name(image)))
            })
    }
}

fn image_name(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    name.split_once(':').map_or(name, |(name, _)| name)
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
