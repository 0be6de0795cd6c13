//! Which inbound traffic of a pod goes past Linkerd's proxy.
//!
//! The flags of `linkerd-init` say it: the injector writes the cluster's values and the pod's annotations into them
//! (linkerd2 `charts/partials/templates/_proxy-init.tpl`). Where Linkerd's CNI plugin redirects instead, its configuration
//! and the pod's annotations do (linkerd2-proxy-init `cni-plugin`). Ports that are opaque to the proxy still pass it.

use super::super::super::pods::PodGroup;
use super::super::super::selector::Labels as _;
use super::super::{Fact, ranges};
use super::Doubt;
use crate::gaps::{Gaps, Missing};
use crate::kind::Kind;
use crate::projection::facts::UNRECOGNISED;
use crate::projection::linkerd::{CNI_CONFIG_MAP, CNI_LABEL, CniOptions};
use crate::projection::{Projection, Scalar};
use crate::snapshot::Snapshot;

/// Init container that sets the redirection up.
pub const INIT: &str = "linkerd-init";
/// Init container that checks what Linkerd's CNI plugin set up.
pub const VALIDATOR: &str = "linkerd-network-validator";
/// Where the CNI plugin is installed unless somebody says otherwise.
const CNI_NAMESPACE: &str = "linkerd-cni";
const IGNORED_PORTS: &str = "--inbound-ports-to-ignore";
const REDIRECTED_PORTS: &str = "--ports-to-redirect";
const IGNORED_SUBNETS: &str = "--subnets-to-ignore";
const PORTS_ANNOTATION: &str = "config.linkerd.io/skip-inbound-ports";
const SUBNETS_ANNOTATION: &str = "config.linkerd.io/skip-subnets";

/// Whether traffic reaches the proxy first; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Captured {
    /// It does not.
    No(Bypass),
    /// It can't be told.
    Unknown(Doubt),
    /// It does.
    Yes,
}

/// Why traffic goes past the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bypass {
    /// The port is among those that are ignored.
    Ignored,
    /// The port is not among those that are redirected.
    NotRedirected,
    /// What comes from some subnets is ignored.
    Subnets,
}

/// The configuration of Linkerd's CNI plugin.
#[derive(Debug)]
pub(super) struct Cni<'s> {
    /// Where an agent of it runs.
    pub(super) namespace: Option<&'s str>,
    options: Result<(usize, &'s CniOptions), Doubt>,
}

/// The redirection of one pod.
#[derive(Debug)]
pub(super) struct Capture {
    settings: Vec<Settings>,
    facts: Vec<Fact>,
}

/// What one source says; a doubt where it can't be read.
#[derive(Debug, Default)]
struct Settings {
    /// Ports that go past the proxy.
    ignored: List,
    /// The only ports that do not; empty for all.
    redirected: List,
    subnets: bool,
    /// Ports that only an annotation keeps from the proxy, where the flags are what counts.
    annotated: List,
    doubt: Option<Doubt>,
    /// Whether the ignored ports are those of the plugin's configuration.
    ignored_by_plugin: bool,
    /// Whether the redirected ports are.
    redirected_by_plugin: bool,
}

/// A list of ports and ranges.
#[derive(Debug, Default)]
struct List {
    ranges: Vec<(u16, u16)>,
    /// Whether an item could not be read.
    odd: bool,
}

/// A list of ports and ranges with a hyphen, as the policy controller reads it; `None` when an item is neither.
pub fn ports(text: &str) -> Option<Vec<(u16, u16)>> {
    let list = List::parse(text);
    (!list.odd).then_some(list.ranges)
}

impl List {
    fn parse(text: &str) -> Self {
        let mut list = Self::default();
        let items = text.split(',').map(str::trim);
        for item in items.filter(|item| !item.is_empty()) {
            list.add(item);
        }
        list
    }

    fn of(items: &[Scalar]) -> Self {
        let mut list = Self::default();
        for item in items {
            match item {
                Scalar::Number(number) => list.add(&number.to_string()),
                Scalar::Text(text) => list.add(text.trim()),
            }
        }
        list
    }

    fn add(&mut self, item: &str) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => self.ranges.push((first, last)),
            _ => self.odd = true,
        }
    }

    fn contains(&self, port: u16) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&port))
    }

    fn is_empty(&self) -> bool {
        self.ranges.is_empty() && !self.odd
    }
}

impl<'s> Cni<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, gaps: &Gaps, pods: &[PodGroup<'s>]) -> Self {
        let agent = pods
            .iter()
            .find(|pod| pod.label(CNI_LABEL.0) == Some(CNI_LABEL.1) && !pod.is_finished());
        let namespace = agent.map(|pod| pod.namespace);
        Self {
            namespace,
            options: options(snapshot, gaps, namespace.unwrap_or(CNI_NAMESPACE)),
        }
    }
}

fn options<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
    namespace: &str,
) -> Result<(usize, &'s CniOptions), Doubt> {
    let Some(object) = snapshot.find(Kind::ConfigMap, namespace, CNI_CONFIG_MAP) else {
        let missing = gaps.named(Kind::ConfigMap, namespace, CNI_CONFIG_MAP);
        return Err(missing.map_or(Doubt::NoCniConfig, Doubt::CniConfig));
    };
    match snapshot.objects[object].projection.as_ref() {
        Projection::ConfigMap(map) => match &map.data.cni_network_config {
            Some(config) if config.unreadable => Err(Doubt::CniConfig(Missing::Unreadable)),
            Some(config) => Ok((object, &config.linkerd)),
            None => Err(Doubt::NoCniConfig),
        },
        _ => Err(Doubt::NoCniConfig),
    }
}

impl Capture {
    pub(super) fn new(pod: &PodGroup<'_>, cni: &Cni<'_>) -> Self {
        let mut capture = Self {
            settings: Vec::new(),
            facts: Vec::new(),
        };
        let init = pod
            .all_containers()
            .filter(|container| container.pointer.starts_with("/spec/initContainers/"));
        for container in init {
            match container.spec.name.as_str() {
                INIT => capture.add_flags(pod, &container),
                VALIDATOR => capture.add_plugin(pod, cni),
                _ => {}
            }
        }
        capture
    }

    fn add_flags(&mut self, pod: &PodGroup<'_>, container: &super::super::super::Container<'_>) {
        let mut flag = |name: &str| {
            let value = container.spec.args.value(name);
            let pointer = format!("{}/args/{name}", container.pointer);
            self.facts.push(Fact::of_pod(pointer, value));
            value
        };
        let (ignored, redirected) = (flag(IGNORED_PORTS), flag(REDIRECTED_PORTS));
        let subnets = flag(IGNORED_SUBNETS).unwrap_or_default();
        let annotated = pod.annotation(PORTS_ANNOTATION);
        if annotated.is_some() {
            self.facts.push(Fact::of_annotation(pod, PORTS_ANNOTATION));
        }
        let annotated = annotated.map(List::parse).unwrap_or_default();
        let mut settings = Settings {
            ignored: ignored.map(List::parse).unwrap_or_default(),
            redirected: redirected.map(List::parse).unwrap_or_default(),
            subnets: !subnets.is_empty() && subnets != UNRECOGNISED,
            doubt: (subnets == UNRECOGNISED).then_some(Doubt::Ports),
            ..Settings::default()
        };
        if ignored.is_some() {
            settings.annotated = annotated;
        } else {
            // The injector always states the flag; without it the annotation is all there is.
            settings.ignored = annotated;
        }
        self.settings.push(settings);
    }

    fn add_plugin(&mut self, pod: &PodGroup<'_>, cni: &Cni<'_>) {
        let ports = pod.annotation(PORTS_ANNOTATION);
        let subnets = pod.annotation(SUBNETS_ANNOTATION).unwrap_or_default();
        for annotation in [PORTS_ANNOTATION, SUBNETS_ANNOTATION] {
            self.facts.push(Fact::of_annotation(pod, annotation));
        }
        let mut settings = Settings {
            ignored: ports.map(List::parse).unwrap_or_default(),
            subnets: !subnets.trim().is_empty(),
            ..Settings::default()
        };
        match cni.options {
            Ok((object, options)) => {
                let pointer = "/data/cni_network_config/linkerd".to_owned();
                self.facts.push(Fact::of(object, pointer, Some(options)));
                // The annotation takes the place of the list of the plugin.
                if ports.is_none_or(str::is_empty) {
                    settings.ignored = List::of(&options.inbound_ports_to_ignore);
                    settings.ignored_by_plugin = true;
                }
                settings.redirected_by_plugin = true;
                settings.redirected = List::of(&options.ports_to_redirect);
                settings.subnets |= !options.subnets_to_ignore.is_empty();
            }
            Err(doubt) => settings.doubt = Some(doubt),
        }
        self.settings.push(settings);
    }

    /// Whether what comes to a port passes the proxy; without one, whether it does on ports that nobody declared.
    pub(super) fn of_port(&self, port: Option<u16>) -> Captured {
        let worst = self.settings.iter().map(|settings| settings.of_port(port));
        worst.min().unwrap_or(Captured::Yes)
    }

    /// Why no port is redirected, or none of those that something listens on, where the pod itself says so.
    pub(super) fn past_all(&self, listening: &[u16]) -> Option<Bypass> {
        let mut settings = self.settings.iter();
        settings.find_map(|settings| settings.past_all(listening))
    }

    /// The values behind [`Capture::of_port`].
    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }
}

impl Settings {
    fn past_all(&self, listening: &[u16]) -> Option<Bypass> {
        if !self.ignored_by_plugin && ranges::cover_all(&self.ignored.ranges) {
            return Some(Bypass::Ignored);
        }
        let redirected = &self.redirected;
        if self.redirected_by_plugin || redirected.is_empty() || redirected.odd {
            return None;
        }
        let mut ports = listening.iter();
        let heard = listening.is_empty() || ports.any(|port| redirected.contains(*port));
        (!heard).then_some(Bypass::NotRedirected)
    }

    fn of_port(&self, port: Option<u16>) -> Captured {
        if self.subnets {
            return Captured::No(Bypass::Subnets);
        }
        if port.is_some_and(|port| self.ignored.contains(port)) {
            return Captured::No(Bypass::Ignored);
        }
        let redirected = self.redirected.is_empty()
            || self.redirected.odd
            || port.is_some_and(|port| self.redirected.contains(port));
        if !redirected {
            return Captured::No(Bypass::NotRedirected);
        }
        let odd = self.ignored.odd || self.redirected.odd;
        let doubt = self.doubt.or(odd.then_some(Doubt::Ports)).or_else(|| {
            let differs = port.is_some_and(|port| self.annotated.contains(port));
            differs.then_some(Doubt::PortsDiffer)
        });
        doubt.map_or(Captured::Yes, Captured::Unknown)
    }
}
