//! Ingress controllers: which family serves a class, and which pods carry the traffic.
//!
//! Registries are mirrored, so images count by their last two path segments; last segments alone collide
//! (`controller`, `kubernetes-ingress`). Controllers that only set up a load balancer outside the cluster have no pods
//! that carry traffic.

use super::mendix::image_path;
use super::mesh::data_plane::ISTIO_PROXY;
use super::pods::{PodGroup, Role};
use super::selector::Labels as _;
use crate::plan::Plan;
use crate::projection::facts::PROXY_ROLE;
use crate::projection::pod::Container;

/// A family of ingress controllers that read the same annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// kubernetes/ingress-nginx.
    Ng,
    /// nginx/kubernetes-ingress, of F5.
    Nic,
    /// Traefik.
    Tr,
    /// haproxytech/kubernetes-ingress.
    Ha,
    /// jcmoraisjr/haproxy-ingress.
    Hao,
    /// Kong.
    Kong,
    /// Contour.
    Contour,
    /// Cilium.
    Cilium,
    /// Istio's ingress gateway.
    Istio,
    /// The router of `OpenShift`.
    Ocp,
    /// AWS Load Balancer Controller.
    Aws,
    /// Azure Application Gateway Ingress Controller.
    Ag,
    /// Azure Application Gateway for Containers.
    Agc,
    /// GKE Ingress.
    Gke,
}

impl Family {
    /// Every family.
    pub const ALL: &'static [Self] = &[
        Self::Ng,
        Self::Nic,
        Self::Tr,
        Self::Ha,
        Self::Hao,
        Self::Kong,
        Self::Contour,
        Self::Cilium,
        Self::Istio,
        Self::Ocp,
        Self::Aws,
        Self::Ag,
        Self::Agc,
        Self::Gke,
    ];

    /// Its id, as an assessment plan names it; a plan may also name a family that is none of these.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ng => "nginx",
            Self::Nic => "nic",
            Self::Tr => "traefik",
            Self::Ha => "haproxy",
            Self::Hao => "haproxy-ingress",
            Self::Kong => "kong",
            Self::Contour => "contour",
            Self::Cilium => "cilium",
            Self::Istio => "istio",
            Self::Ocp => "openshift",
            Self::Aws => "aws",
            Self::Ag => "azure",
            Self::Agc => "agc",
            Self::Gke => "gke",
        }
    }

    /// Its name, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ng => "Ingress NGINX",
            Self::Nic => "NGINX Ingress Controller",
            Self::Tr => "Traefik",
            Self::Ha => "HAProxy Kubernetes Ingress Controller",
            Self::Hao => "HAProxy Ingress",
            Self::Kong => "Kong",
            Self::Contour => "Contour",
            Self::Cilium => "Cilium",
            Self::Istio => "Istio",
            Self::Ocp => "OpenShift's router",
            Self::Aws => "AWS Load Balancer Controller",
            Self::Ag => "Azure Application Gateway Ingress Controller",
            Self::Agc => "Azure Application Gateway for Containers",
            Self::Gke => "GKE Ingress",
        }
    }

    /// The family of this id.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|family| family.id() == id)
    }

    /// The family whose classes carry this `spec.controller`.
    pub fn of_controller(controller: &str) -> Option<Self> {
        let under = |prefix: &str| {
            controller
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let family = match controller {
            "k8s.io/ingress-nginx" => Self::Ng,
            "nginx.org/ingress-controller" => Self::Nic,
            "traefik.io/ingress-controller" => Self::Tr,
            "ingress-controllers.konghq.com/kong" => Self::Kong,
            "cilium.io/ingress-controller" => Self::Cilium,
            "istio.io/ingress-controller" => Self::Istio,
            "openshift.io/ingress-to-route" => Self::Ocp,
            "ingress.k8s.aws/alb" | "eks.amazonaws.com/alb" => Self::Aws,
            "azure/application-gateway" => Self::Ag,
            "alb.networking.azure.io/alb-controller" => Self::Agc,
            // The AKS add-on makes one class for each of its controllers.
            _ if controller.starts_with("webapprouting.kubernetes.azure.com/nginx") => Self::Ng,
            _ if under("haproxy.org/ingress-controller") => Self::Ha,
            _ if controller.starts_with("haproxy-ingress.github.io/controller") => Self::Hao,
            _ if controller.starts_with("projectcontour.io/") => Self::Contour,
            _ => return None,
        };
        Some(family)
    }

    /// The families that take this value of the annotation `kubernetes.io/ingress.class` unless they are told another.
    pub fn of_legacy_class(class: &str) -> &'static [Self] {
        match class {
            "nginx" => &[Self::Ng, Self::Nic],
            "traefik" => &[Self::Tr],
            "haproxy" => &[Self::Hao],
            "kong" => &[Self::Kong],
            "contour" => &[Self::Contour],
            "istio" => &[Self::Istio],
            "alb" => &[Self::Aws],
            "azure/application-gateway" => &[Self::Ag],
            "gce" | "gce-internal" => &[Self::Gke],
            _ => &[],
        }
    }

    /// Whether the traffic of this family passes pods of the cluster.
    pub const fn has_pods(self) -> bool {
        !matches!(self, Self::Aws | Self::Ag | Self::Agc | Self::Gke)
    }
}

/// Last two path segments of data-path images. `*` stands for any folder, and at the end of a name for any ending; no
/// folder stands for an image of the registry's root, as official images are.
const IMAGES: &[(&str, &str, Family)] = &[
    ("ingress-nginx", "controller", Family::Ng),
    ("*", "nginx-ingress-controller", Family::Ng),
    ("*", "controller-chroot", Family::Ng),
    ("nginx", "nginx-ingress", Family::Nic),
    ("*", "nginx-plus-ingress", Family::Nic),
    ("*", "traefik", Family::Tr),
    ("haproxytech", "kubernetes-ingress", Family::Ha),
    ("*", "haproxy-ingress", Family::Hao),
    ("kong", "kong*", Family::Kong),
    ("library", "kong", Family::Kong),
    ("", "kong", Family::Kong),
    ("cilium", "cilium-envoy", Family::Cilium),
];

/// The image that Contour's data path runs; so do others.
const ENVOY: (&str, &str) = ("envoyproxy", "envoy");
/// The image of Cilium's agent, which serves ingress only where a class says so.
const CILIUM_AGENT: (&str, &str) = ("cilium", "cilium");
/// Label of the pods of `OpenShift`'s router.
const ROUTER_LABEL: &str = "ingresscontroller.operator.openshift.io/deployment-ingresscontroller";

/// Fills in the family of pods that carry ingress traffic, and their role unless they have another. What the plan says
/// counts first.
pub(super) fn recognise(pods: &mut [PodGroup<'_>], plan: &Plan) {
    let beside_contour: std::collections::BTreeSet<&str> = pods
        .iter()
        .filter(|pod| runs(pod, ("*", "contour")))
        .map(|pod| pod.namespace)
        .collect();
    for pod in pods {
        let family = family(pod).or_else(|| {
            let contour = runs(pod, ENVOY) && beside_contour.contains(pod.namespace);
            contour.then_some(Family::Contour)
        });
        let planned = plan
            .ingress_controllers
            .iter()
            .find(|entry| entry.matches(pod.namespace, &|key: &str| pod.label(key)));
        let family = planned.map_or(family, |entry| Family::of_id(&entry.family).or(family));
        if pod.role == Role::Other && (family.is_some() || planned.is_some()) {
            pod.role = Role::IngressController;
        }
        if pod.role == Role::IngressController {
            pod.ingress = family;
        }
    }
}

/// Whether a pod is Cilium's agent, which carries ingress traffic where Cilium serves a class.
pub fn is_cilium_agent(pod: &PodGroup<'_>) -> bool {
    runs(pod, CILIUM_AGENT)
}

fn family(pod: &PodGroup<'_>) -> Option<Family> {
    let by_image = pod.lasting_containers().find_map(|container| {
        let mut images = IMAGES.iter();
        images
            .find(|(folder, name, _)| is_image(container.spec, (folder, name)))
            .map(|(_, _, family)| *family)
    });
    by_image.or_else(|| by_label(pod))
}

fn by_label(pod: &PodGroup<'_>) -> Option<Family> {
    // The chart gives the jobs of its webhook and the default backend the same name, and another component.
    let ng = pod.label("app.kubernetes.io/name") == Some("ingress-nginx")
        && pod
            .label("app.kubernetes.io/component")
            .is_none_or(|component| component == "controller");
    let router = || {
        pod.lasting_containers().any(|container| {
            container.spec.name == ISTIO_PROXY
                && container.spec.args.value(PROXY_ROLE) == Some("router")
        })
    };
    if ng {
        Some(Family::Ng)
    } else if pod.label(ROUTER_LABEL).is_some() {
        Some(Family::Ocp)
    } else if pod.label("istio") == Some("ingressgateway") && router() {
        Some(Family::Istio)
    } else {
        None
    }
}

fn runs(pod: &PodGroup<'_>, image: (&str, &str)) -> bool {
    pod.lasting_containers()
        .any(|container| is_image(container.spec, image))
}

fn is_image(container: &Container, (folder, name): (&str, &str)) -> bool {
    let path = image_path(container);
    let (path, last) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = path.rsplit_once('/').map_or_else(
        // The first segment is the registry's host where it has the form of one.
        || {
            if path.contains(['.', ':']) || path == "localhost" {
                ""
            } else {
                path
            }
        },
        |(_, parent)| parent,
    );
    let named = match name.strip_suffix('*') {
        Some(start) => last.starts_with(start),
        None => last == name,
    };
    named && (folder == "*" || folder == parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use crate::testing::mesh::Pod;

    fn found(pods: &[Pod]) -> Vec<(Role, Option<Family>)> {
        let yaml: String = pods.iter().map(ToString::to_string).collect();
        let snapshot = testing::snapshot(&yaml);
        let model = testing::model(&snapshot);
        model
            .pods
            .iter()
            .map(|pod| (pod.role, pod.ingress))
            .collect()
    }

    fn running(image: &str) -> Pod {
        Pod::new("edge", "a").container(&format!("{{name: a, image: '{image}'}}"))
    }

    #[test]
    fn data_path_pods_are_known_by_the_last_two_segments_of_their_image() {
        let table = [
            (
                "registry.k8s.io/ingress-nginx/controller:v1.13.3",
                Some(Family::Ng),
            ),
            (
                "mirror.example:5000/k8s/ingress-nginx/controller@sha256:00",
                Some(Family::Ng),
            ),
            ("example.com/other/controller:v1", None),
            ("rancher/nginx-ingress-controller:1", Some(Family::Ng)),
            (
                "example.com/x/ingress-nginx/controller-chroot:v1",
                Some(Family::Ng),
            ),
            ("nginx/nginx-ingress:5.0", Some(Family::Nic)),
            (
                "private-registry.nginx.com/nginx-ic/nginx-plus-ingress:5",
                Some(Family::Nic),
            ),
            ("traefik:v3", Some(Family::Tr)),
            ("docker.io/library/traefik:v3", Some(Family::Tr)),
            ("haproxytech/kubernetes-ingress:3", Some(Family::Ha)),
            ("azure-application-gateway/kubernetes-ingress:1", None),
            (
                "quay.io/jcmoraisjr/haproxy-ingress:v0.14",
                Some(Family::Hao),
            ),
            ("kong/kong-gateway:3.9", Some(Family::Kong)),
            ("kong:3.9", Some(Family::Kong)),
            ("registry.example/kong:3.9", Some(Family::Kong)),
            ("kong/kubernetes-ingress-controller:3", None),
            ("quay.io/cilium/cilium-envoy:v1", Some(Family::Cilium)),
            ("quay.io/cilium/cilium:v1", None),
            ("envoyproxy/envoy:v1", None),
            ("ghcr.io/projectcontour/contour:v1", None),
            ("public.ecr.aws/eks/aws-load-balancer-controller:v2", None),
        ];
        for (image, family) in table {
            let role = family.map_or(Role::Other, |_| Role::IngressController);
            assert_eq!(found(&[running(image)]), [(role, family)], "{image}");
        }
    }

    #[test]
    fn labels_are_second_evidence() {
        let pod = || running("mirror.example/edge:1");
        let name = |pod: Pod| pod.label("app.kubernetes.io/name", "ingress-nginx");
        let component = |component| name(pod()).label("app.kubernetes.io/component", component);
        let gateway = pod().label("istio", "ingressgateway");
        let proxied = |role: &str| {
            let proxy = format!("{{name: istio-proxy, args: [proxy, {role}]}}");
            gateway.clone().container(&proxy)
        };
        let table = [
            (name(pod()), Some(Family::Ng), "without a component"),
            (component("controller"), Some(Family::Ng), "the controller"),
            (component("default-backend"), None, "another component"),
            (
                pod().label(ROUTER_LABEL, "default"),
                Some(Family::Ocp),
                "a router",
            ),
            (proxied("router"), Some(Family::Istio), "a gateway"),
            (
                proxied("sidecar"),
                None,
                "a pod that is only labelled like a gateway",
            ),
            (gateway.clone(), None, "a label alone"),
        ];
        for (pod, family, why) in table {
            assert_eq!(found(&[pod])[0].1, family, "{why}");
        }
    }

    #[test]
    fn envoy_counts_beside_contour() {
        let contour = Pod::new("edge", "b").container("{name: b, image: projectcontour/contour}");
        let elsewhere = Pod::new("other", "c").container("{name: c, image: bitnami/contour}");
        let envoy = running("envoyproxy/envoy:v1");
        let carries = (Role::IngressController, Some(Family::Contour));
        assert_eq!(found(&[envoy.clone(), contour])[0], carries);
        assert_eq!(found(&[envoy.clone(), elsewhere])[0], (Role::Other, None));
        let own = envoy.container("{name: shutdown-manager, image: projectcontour/contour}");
        assert_eq!(
            found(&[own]),
            [carries],
            "its own container manages shutdown"
        );
    }

    #[test]
    fn an_app_with_a_proxy_of_its_own_stays_an_app() {
        let app = running("traefik:v3").label("privatecloud.mendix.com/app", "crm");
        assert_eq!(found(&[app]), [(Role::App, None)]);
    }

    #[test]
    fn classes_lead_to_families() {
        let table = [
            ("k8s.io/ingress-nginx", Some(Family::Ng)),
            (
                "webapprouting.kubernetes.azure.com/nginx/internal",
                Some(Family::Ng),
            ),
            ("haproxy.org/ingress-controller", Some(Family::Ha)),
            ("haproxy.org/ingress-controller/external", Some(Family::Ha)),
            ("haproxy.org/ingress-controllers", None),
            ("haproxy-ingress.github.io/controller", Some(Family::Hao)),
            ("projectcontour.io/edge/contour", Some(Family::Contour)),
            ("eks.amazonaws.com/alb", Some(Family::Aws)),
            ("example.com/other", None),
        ];
        for (controller, family) in table {
            assert_eq!(Family::of_controller(controller), family, "{controller}");
        }
        assert_eq!(Family::of_legacy_class("nginx"), [Family::Ng, Family::Nic]);
        assert!(Family::of_legacy_class("Nginx").is_empty());
        for family in Family::ALL {
            assert_eq!(Family::of_id(family.id()), Some(*family));
            assert!(crate::plan::FAMILIES.contains(&family.id()));
        }
    }
}
