//! The hop from an ingress controller to the app is mutual TLS of the mesh.
//!
//! That takes two things: a proxy beside the controller, and a request that the proxy knows a mesh service for. What
//! goes to a pod's address, or bears a host that the mesh does not know, leaves an Istio sidecar in plaintext.

mod dials;

use std::collections::BTreeSet;

use dials::{Dials, is_http};

use super::words::{doubt as doubt_in_words, reason_of_doubt};
use crate::kind::Kind;
use crate::model::edge::classes::{Serving, serving};
use crate::model::edge::ingresses::{self, Path, paths};
use crate::model::edge::outbound::{Outbound, linkerd_facts, linkerd_outbound, outbound};
use crate::model::ingress_controllers::Family;
use crate::model::mesh::data_plane::DataPlane;
use crate::model::mesh::destination_rules::Sends;
use crate::model::mesh::{Doubt, Fact, hosts};
use crate::model::{Model, PodGroup};
use crate::projection::Projection;
use crate::projection::network::{Ingress, Service, ServicePort};
use crate::rules::edge::{Apps, Backends, apps, facts_of, leads, read_plan, with_facts, words};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    Verdict,
};
use crate::snapshot::Object;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ingress-mesh",
    version: 1,
    title: "Ingress traffic reaches apps through the mesh",
    severity: Severity::Medium,
    group: Group::Mesh,
    subjects: Subjects::Kinds(&[Kind::Ingress]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // Each verdict names what it rests on: classes and controllers live anywhere.
        Read::refines(Kind::ConfigMap),
        Read::refines(Kind::Namespace),
        Read::refines(Kind::Node),
        Read::refines(Kind::Service),
        Read::refines(Kind::EndpointSlice),
        Read::refines(Kind::DestinationRule),
        Read::refines(Kind::Ingress),
        Read::refines(Kind::IngressClass),
    ],
    docs: include_str!("../../../docs/rules/ingress-mesh.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let apps = apps(model);
    let ingresses = ingresses::each(model.snapshot);
    Box::new(
        ingresses.filter_map(move |(index, object, ingress)| {
            judge(model, &apps, index, object, ingress)
        }),
    )
}

/// One statement about the hop; the worst counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    verdict: Verdict,
    reason: Reason,
    message: String,
}

impl Finding {
    fn new(verdict: Verdict, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            verdict,
            reason,
            message: message.into(),
        }
    }
}

fn judge(
    model: &Model<'_>,
    apps: &Apps,
    index: usize,
    object: &Object,
    ingress: &Ingress,
) -> Option<Observation> {
    let subject = Subject::Object(index);
    let paths = paths(model, object.namespace(), ingress);
    let backends = Backends::new(model, paths.iter().map(|path| &path.backend));
    let to_apps: Vec<&Path<'_>> = paths
        .iter()
        .filter(|path| leads(&path.backend, apps))
        .collect();
    if to_apps.is_empty() {
        return backends.lead_nowhere(model, subject, object);
    }
    let mut planned = None;
    let mut rules = BTreeSet::new();
    let (finding, facts) = match serving(model, object, ingress) {
        Err(unserved) => {
            let (reason, words) = words(&unserved);
            (
                Finding::new(Verdict::Indeterminate, reason, words),
                Vec::new(),
            )
        }
        Ok(serving) => {
            let hop = Hop {
                model,
                object,
                serving,
                to_apps,
            };
            let finding = hop.finding();
            planned = hop.serving.planned;
            rules = hop.rule_namespaces();
            (finding, hop.facts())
        }
    };
    let Finding {
        verdict,
        reason,
        message,
    } = finding;
    let observation = match verdict {
        // Another rule of Istio may count instead.
        Verdict::Fail if reason == Reason::Value => Observation::fail(subject, reason, message),
        Verdict::Fail => Observation::fail(subject, reason, message).conclusive(),
        Verdict::Pass => Observation::pass(subject, reason, message),
        Verdict::Indeterminate | Verdict::NotApplicable => {
            Observation::indeterminate(subject, reason, message)
        }
    };
    let observation = with_facts(observation, facts_of(ingress, object));
    let observation = with_facts(observation, facts);
    let observation = read_plan(model, observation, planned);
    let observation = observation
        .needs(Kind::IngressClass, "")
        .needs(Kind::Pod, "");
    let observation = rules.iter().fold(observation, |observation, namespace| {
        observation.needs(Kind::DestinationRule, namespace)
    });
    Some(backends.bear(observation))
}

/// From a controller to the backends of an Ingress.
struct Hop<'m> {
    model: &'m Model<'m>,
    object: &'m Object,
    serving: Serving<'m>,
    to_apps: Vec<&'m Path<'m>>,
}

impl Hop<'_> {
    fn finding(&self) -> Finding {
        let family = self.serving.family;
        let outside = self.serving.planned.is_some_and(|index| {
            let entry = self.model.plan.ingress_controllers.get(index);
            entry.is_some_and(|entry| entry.namespace.is_none())
        });
        if !family.has_pods() || outside {
            let message = format!(
                "{} sends requests from outside the cluster, past the mesh",
                family.name()
            );
            return Finding::new(Verdict::Fail, Reason::ControllerOutsideMesh, message);
        }
        let pods: Vec<&PodGroup<'_>> = self
            .serving
            .configs
            .iter()
            .filter_map(|config| self.model.pods.get(config.group))
            .filter(|pod| is_ready(self.model, pod))
            .collect();
        let findings: Vec<Finding> = pods.iter().flat_map(|pod| self.of_pod(pod)).collect();
        findings.into_iter().min().unwrap_or_else(|| {
            let message = format!("no ready pod of {} is known", family.name());
            Finding::new(Verdict::Indeterminate, Reason::ControllerUnknown, message)
        })
    }

    fn of_pod(&self, pod: &PodGroup<'_>) -> Vec<Finding> {
        let name = self.serving.family.name();
        let class = self.model.mesh.data_plane(pod);
        let pass = |message: String| vec![Finding::new(Verdict::Pass, Reason::Value, message)];
        let unknown = |message: String| {
            vec![Finding::new(
                Verdict::Indeterminate,
                Reason::ControllerUnknown,
                message,
            )]
        };
        match class.data_plane {
            DataPlane::Unmeshed(_) if pod.is_template() && pod.spec.host_network != Some(true) => {
                unknown(format!(
                    "a template does not show whether the pods of {name} are in the mesh"
                ))
            }
            DataPlane::Unmeshed(_) | DataPlane::LinkerdUnredirected => {
                let message = format!("the pods of {name} are not in the mesh");
                vec![Finding::new(
                    Verdict::Fail,
                    Reason::ControllerNotMeshed,
                    message,
                )]
            }
            DataPlane::Gateway | DataPlane::Waypoint => {
                let sent = self.to_apps.iter().filter_map(|path| {
                    let (_, port) = self.backend(path)?;
                    self.not_mutual(pod, path, port)
                });
                let sent: Vec<Finding> = sent.collect();
                if sent.is_empty() {
                    pass(format!("{name} is a gateway of the mesh itself"))
                } else {
                    sent
                }
            }
            DataPlane::Ambient | DataPlane::AmbientOutbound => pass(format!(
                "the pods of {name} are in the ambient mesh, which knows pods and Services by address"
            )),
            DataPlane::Linkerd => self.of_linkerd(pod),
            DataPlane::Sidecar => self.of_sidecar(pod),
            DataPlane::NoEnvoy | DataPlane::ZtunnelNotReady | DataPlane::UnknownRole => {
                unknown(format!("what carries the traffic of {name} can't be told"))
            }
        }
    }

    fn of_linkerd(&self, pod: &PodGroup<'_>) -> Vec<Finding> {
        let name = self.serving.family.name();
        let ways: Vec<Outbound> = self
            .to_apps
            .iter()
            .map(|path| linkerd_outbound(pod, &self.dialled_ports(path)))
            .collect();
        if ways.contains(&Outbound::Excluded) {
            let message = format!("the proxy of {name} does not take what goes to the app's port");
            return vec![Finding::new(
                Verdict::Fail,
                Reason::ControllerNotMeshed,
                message,
            )];
        }
        if ways.contains(&Outbound::Unknown) {
            let message =
                format!("whether the proxy of {name} takes what goes to the app can't be told");
            return vec![Finding::new(
                Verdict::Indeterminate,
                Reason::ValueNotUnderstood,
                message,
            )];
        }
        let ingress = pod.annotation("linkerd.io/inject") == Some("ingress");
        let note = if ingress {
            "; its proxy trusts the header l5d-dst-override, which must be stripped from requests"
        } else {
            ""
        };
        let message = format!(
            "the pods of {name} have Linkerd's proxy, which speaks mutual TLS to pods{note}"
        );
        vec![Finding::new(Verdict::Pass, Reason::Value, message)]
    }

    /// Why a request to a Service, which a proxy of Istio takes, is not sent on with the mesh's mutual TLS.
    fn not_mutual(
        &self,
        pod: &PodGroup<'_>,
        path: &Path<'_>,
        port: &ServicePort,
    ) -> Option<Finding> {
        let name = self.serving.family.name();
        let service = path.service.map_or("", |service| service.name.as_str());
        let namespace = self.object.namespace();
        let full = hosts::of_service(service, namespace);
        let sent = self
            .model
            .mesh
            .sent_by(pod, (&full, namespace), port.port)
            .map(|sent| sent.sends);
        let unknown = |doubt| {
            Some(Finding::new(
                Verdict::Indeterminate,
                reason_of_doubt(doubt),
                doubt_in_words(doubt),
            ))
        };
        let off = |why: &str| {
            let message =
                format!("{name} sends requests to Service {service} without mutual TLS: {why}");
            Some(Finding::new(Verdict::Fail, Reason::Value, message))
        };
        match sent {
            Ok(Sends::Mutual) => None,
            Ok(Sends::Without) => off("a DestinationRule switches it off"),
            Ok(Sends::Unrecognised) => unknown(Doubt::Mode),
            Ok(Sends::NotInherited) => unknown(Doubt::TlsNotInherited),
            Ok(Sends::Automatic) => match self.model.mesh.automatic() {
                Ok((false, _)) => off("no rule states it, and auto mTLS is off"),
                Ok((true, _)) => None,
                Err(doubt) => unknown(doubt),
            },
            Err(doubt) => unknown(doubt),
        }
    }

    /// Where rules live that say what pods of the mesh send.
    fn rule_namespaces(&self) -> BTreeSet<String> {
        let pods = self.serving.configs.iter();
        let proxied = pods
            .filter_map(|config| self.model.pods.get(config.group))
            .filter(|pod| {
                matches!(
                    self.model.mesh.data_plane(pod).data_plane,
                    DataPlane::Gateway | DataPlane::Waypoint | DataPlane::Sidecar
                )
            });
        let mut namespaces: BTreeSet<String> =
            proxied.map(|pod| pod.namespace.to_owned()).collect();
        if !namespaces.is_empty() {
            namespaces.insert(self.object.namespace().to_owned());
            let roots = self.model.mesh.root_namespaces();
            namespaces.extend(roots.into_iter().map(str::to_owned));
        }
        namespaces
    }

    fn of_sidecar(&self, pod: &PodGroup<'_>) -> Vec<Finding> {
        let name = self.serving.family.name();
        let mut findings = Vec::new();
        for path in &self.to_apps {
            let Some((service, port)) = self.backend(path) else {
                continue;
            };
            findings.push(match self.dials(service) {
                Dials::PodAddresses => Finding::new(
                    Verdict::Fail,
                    Reason::DialsPodIp,
                    format!("{name} sends requests to pods' addresses, which its sidecar passes on in plaintext"),
                ),
                Dials::Unread => Finding::new(
                    Verdict::Indeterminate,
                    Reason::ControllerConfigNotRead,
                    format!("whether {name} sends requests to the Service's address depends on configuration that was not read"),
                ),
                Dials::ServiceAddress => self.by_address(pod, path, service, port),
            });
        }
        findings
    }

    /// A request to the Service's address, and what the sidecar makes of it.
    fn by_address(
        &self,
        pod: &PodGroup<'_>,
        path: &Path<'_>,
        service: &Service,
        port: &ServicePort,
    ) -> Finding {
        let name = self.serving.family.name();
        let address = service.spec.cluster_ip.as_deref();
        match outbound(pod, address, port.port) {
            Outbound::Captured => {}
            Outbound::Excluded => {
                let message =
                    format!("the sidecar of {name} does not take what goes to the Service");
                return Finding::new(Verdict::Fail, Reason::ControllerNotMeshed, message);
            }
            Outbound::Unknown => {
                let message = format!(
                    "whether the sidecar of {name} takes what goes to the Service can't be told"
                );
                return Finding::new(Verdict::Indeterminate, Reason::ValueNotUnderstood, message);
            }
        }
        let service_name = path.service.map_or("", |service| service.name.as_str());
        let kept = |message: String| {
            let otherwise = self.not_mutual(pod, path, port);
            otherwise.unwrap_or_else(|| Finding::new(Verdict::Pass, Reason::Value, message))
        };
        if !is_http(port) {
            return kept(format!(
                "{name} is in the mesh and sends requests to the address of Service {service_name}"
            ));
        }
        let host = (self.serving.family == Family::Ng)
            .then(|| self.annotation("nginx.ingress.kubernetes.io/upstream-vhost"))
            .flatten();
        if host.is_some_and(|host| self.names(host, service_name, pod.namespace)) {
            kept(format!(
                "{name} is in the mesh and sends requests to the address and under the name of Service {service_name}"
            ))
        } else {
            let message = format!(
                "{name} keeps a host that is no name of Service {service_name}, so its sidecar passes requests on in plaintext"
            );
            Finding::new(Verdict::Fail, Reason::HostNotRewritten, message)
        }
    }

    /// The values behind it: settings of the controller, its data plane, and the ports of Services.
    fn facts(&self) -> Vec<Fact> {
        let mut facts = self.serving.facts.clone();
        facts.extend(self.serving.config_facts(self.model));
        for config in &self.serving.configs {
            let Some(pod) = self.model.pods.get(config.group) else {
                continue;
            };
            let place = pod.template.unwrap_or_default();
            let class = self.model.mesh.data_plane(pod);
            let outbound = match class.data_plane {
                DataPlane::Linkerd => linkerd_facts(pod),
                DataPlane::Gateway | DataPlane::Waypoint | DataPlane::Sidecar => self.sent(pod),
                _ => Vec::new(),
            };
            let of_pod = class.facts.into_iter().chain(outbound);
            facts.extend(of_pod.map(|fact| match fact.object {
                Some(_) => fact,
                None => Fact {
                    object: Some(pod.members[0]),
                    pointer: format!("{place}{}", fact.pointer),
                    value: fact.value,
                },
            }));
        }
        let services: BTreeSet<usize> = self
            .to_apps
            .iter()
            .flat_map(|path| path.backend.services())
            .collect();
        facts.extend(services.into_iter().filter_map(|service| {
            match self.model.object(service).projection.as_ref() {
                Projection::Service(content) if !content.spec.ports.is_empty() => Some(Fact {
                    object: Some(service),
                    pointer: "/spec/ports".to_owned(),
                    value: serde_json::to_value(&content.spec.ports).ok(),
                }),
                _ => None,
            }
        }));
        facts
    }

    /// The rules that say what a pod sends to the backends, and what the mesh does without any.
    fn sent(&self, pod: &PodGroup<'_>) -> Vec<Fact> {
        let namespace = self.object.namespace();
        let mesh = &self.model.mesh;
        let of_path = |path: &&Path<'_>| {
            let (_, port) = self.backend(path)?;
            let full = hosts::of_service(&path.service?.name, namespace);
            let mut sent = mesh.sent_by(pod, (&full, namespace), port.port).ok()?;
            if sent.sends == Sends::Automatic
                && let Ok((_, automatic)) = mesh.automatic()
            {
                sent.facts.extend(automatic);
            }
            Some(sent.facts)
        };
        let found = self.to_apps.iter().filter_map(of_path);
        found.flatten().collect()
    }
}

/// Whether one of the pods is ready; in files without a status they are taken to be.
fn is_ready(model: &Model<'_>, pod: &PodGroup<'_>) -> bool {
    pod.is_template()
        || pod.members.iter().any(|member| {
            let instance = model.object(*member).instance.as_ref();
            let status = instance.and_then(|instance| instance.status.as_ref());
            status.is_none_or(|status| {
                let mut conditions = status.conditions.iter();
                status.conditions.is_empty() && status.phase.as_deref() != Some("Pending")
                    || conditions.any(|condition| &*condition.status == "True")
            })
        })
}
