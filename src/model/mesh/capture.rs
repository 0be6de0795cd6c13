//! Which inbound traffic of a pod Istio redirects to the sidecar.
//!
//! The flags of the init container say it: they hold the mesh's defaults as well as the pod's annotations (istio
//! `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml`). With Istio's CNI plugin the
//! annotations count too, since that is what the plugin reads (istio `cni/pkg/plugin/sidecar_redirect.go`).

use super::super::networks::NETWORKS;
use super::super::pods::PodGroup;
use super::data_plane::DataPlane;
use super::{Doubt, Fact, ranges};
use crate::projection::facts::UNRECOGNISED;

/// Init container that sets the redirection up.
const INIT: &str = "istio-init";
/// Init container that checks what Istio's CNI plugin set up.
const VALIDATION: &str = "istio-validation";

/// Whether traffic reaches the sidecar first; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Captured {
    /// It does not.
    No(Bypass),
    /// It can't be told.
    Unknown(Doubt),
    /// It does.
    Yes,
}

/// Why traffic goes past the sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bypass {
    /// No init container redirects anything.
    NotRedirected,
    /// The interception mode is `NONE`.
    ModeNone,
    /// The list of included ports is empty.
    NothingIncluded,
    /// The port is not among those included.
    NotIncluded,
    /// The port is among those excluded.
    Excluded,
    /// An interface is excluded.
    Interface,
}

/// The redirection of one pod.
#[derive(Debug)]
pub struct Capture {
    settings: Vec<Settings>,
    /// Names of the init containers, where none redirects.
    without: Vec<Fact>,
    networks: Option<(Captured, Fact)>,
    /// Ports that may be excluded, because they are the proxy's own.
    own_ports: Vec<u16>,
}

/// What one source says: the flags of a container, or the annotations.
#[derive(Debug)]
struct Settings {
    mode: Setting,
    include: Setting,
    exclude: Setting,
    interfaces: Setting,
    /// What counts where no ports are included by name.
    include_default: Option<&'static str>,
    /// Ports that are excluded whatever is said.
    always_excluded: &'static [u16],
}

#[derive(Debug)]
struct Setting {
    value: Option<String>,
    fact: Fact,
}

impl Capture {
    /// Reads the redirection of a pod; `own_ports` are those of its proxy.
    pub(super) fn new(pod: &PodGroup<'_>, own_ports: Vec<u16>) -> Self {
        let redirecting = [INIT, VALIDATION];
        let init = || {
            pod.all_containers()
                .filter(|container| container.pointer.starts_with("/spec/initContainers/"))
        };
        let mut settings: Vec<Settings> = init()
            .filter(|container| redirecting.contains(&container.spec.name.as_str()))
            .map(|container| {
                let flag = |flag: &str| {
                    let value = container.spec.args.value(flag);
                    let pointer = format!("{}/args/{flag}", container.pointer);
                    Setting::new(value, Fact::of_pod(pointer, value))
                };
                Settings {
                    mode: flag("-m"),
                    include: flag("-b"),
                    exclude: flag("-d"),
                    interfaces: flag("-c"),
                    // Injection always states it; variables that could are not kept.
                    include_default: None,
                    always_excluded: &[],
                }
            })
            .collect();
        if init().any(|container| container.spec.name == VALIDATION) {
            settings.push(Settings::of_annotations(pod));
        }
        let without = if settings.is_empty() {
            names(init())
        } else {
            Vec::new()
        };
        Self {
            settings,
            without,
            networks: networks(pod),
            own_ports,
        }
    }

    /// Whether anything inbound is redirected at all.
    pub fn redirects(&self) -> Captured {
        self.worst(Settings::redirects)
    }

    /// Whether what comes to a port is redirected; without one, whether all ports but the proxy's own are.
    pub fn of_port(&self, port: Option<u16>) -> Captured {
        let own = self.worst(|settings| {
            settings
                .redirects()
                .min(settings.interface())
                .min(settings.of_port(port, &self.own_ports))
        });
        let networks = self.networks.as_ref().map(|(captured, _)| *captured);
        own.min(networks.unwrap_or(Captured::Yes))
    }

    fn worst(&self, judge: impl Fn(&Settings) -> Captured) -> Captured {
        let worst = self.settings.iter().map(judge).min();
        worst.unwrap_or(Captured::No(Bypass::NotRedirected))
    }

    /// The values behind [`Capture::redirects`].
    pub fn redirection_facts(&self) -> Vec<Fact> {
        let settings = self.settings.iter();
        let facts = settings.flat_map(|settings| {
            let [mode, include, exclude] = [&settings.mode, &settings.include, &settings.exclude];
            [&mode.fact, &include.fact, &exclude.fact]
        });
        facts.chain(&self.without).cloned().collect()
    }

    /// The values behind [`Capture::of_port`].
    pub fn facts(&self) -> Vec<Fact> {
        let settings = self.settings.iter().flat_map(|settings| {
            [
                &settings.mode,
                &settings.include,
                &settings.exclude,
                &settings.interfaces,
            ]
        });
        settings
            .map(|setting| &setting.fact)
            .chain(&self.without)
            .chain(self.networks.as_ref().map(|(_, fact)| fact))
            .cloned()
            .collect()
    }
}

fn names<'p>(containers: impl Iterator<Item = super::super::pods::Container<'p>>) -> Vec<Fact> {
    let names: Vec<Fact> = containers
        .map(|container| {
            let pointer = format!("{}/name", container.pointer);
            Fact::of_pod(pointer, Some(&container.spec.name))
        })
        .collect();
    if names.is_empty() {
        return vec![Fact::of_pod("/spec/initContainers", None::<&str>)];
    }
    names
}

impl Setting {
    fn new(value: Option<&str>, fact: Fact) -> Self {
        Self {
            value: value.map(|value| value.trim().to_owned()),
            fact,
        }
    }

    fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

impl Settings {
    fn of_annotations(pod: &PodGroup<'_>) -> Self {
        let annotation =
            |key: &str| Setting::new(pod.annotation(key), Fact::of_annotation(pod, key));
        Self {
            mode: annotation("sidecar.istio.io/interceptionMode"),
            include: annotation("traffic.sidecar.istio.io/includeInboundPorts"),
            exclude: annotation("traffic.sidecar.istio.io/excludeInboundPorts"),
            interfaces: annotation("traffic.sidecar.istio.io/excludeInterfaces"),
            include_default: Some("*"),
            always_excluded: DataPlane::Sidecar.own_ports(),
        }
    }

    fn include(&self) -> Option<&str> {
        self.include.value().or(self.include_default)
    }

    fn redirects(&self) -> Captured {
        let mode = match self.mode.value() {
            // Anything but TPROXY is set up as REDIRECT (istio `tools/istio-iptables/pkg/capture/run.go`).
            None | Some("REDIRECT" | "TPROXY") => Captured::Yes,
            Some("NONE") => Captured::No(Bypass::ModeNone),
            Some(_) => Captured::Unknown(Doubt::CaptureValue),
        };
        let include = match self.include() {
            None => Captured::Unknown(Doubt::CaptureUnstated),
            Some("") => Captured::No(Bypass::NothingIncluded),
            Some(UNRECOGNISED) => Captured::Unknown(Doubt::CaptureValue),
            // Exclusions count only where everything is included.
            Some("*") if ranges::cover_all(&self.excluded().ranges) => {
                Captured::No(Bypass::Excluded)
            }
            Some(_) => Captured::Yes,
        };
        mode.min(include)
    }

    fn excluded(&self) -> Ports {
        Ports::parse(self.exclude.value().unwrap_or_default())
    }

    fn interface(&self) -> Captured {
        match self.interfaces.value() {
            None | Some("") => Captured::Yes,
            Some(UNRECOGNISED) => Captured::Unknown(Doubt::CaptureValue),
            Some(_) => Captured::No(Bypass::Interface),
        }
    }

    fn of_port(&self, port: Option<u16>, own_ports: &[u16]) -> Captured {
        match self.include() {
            // Told apart by `redirects`.
            None | Some("" | UNRECOGNISED) => return Captured::Yes,
            Some("*") => {}
            Some(include) => {
                return match port.map(|port| Ports::parse(include).contains(port)) {
                    Some(Some(true)) => Captured::Yes,
                    Some(None) => Captured::Unknown(Doubt::CaptureValue),
                    Some(Some(false)) | None => Captured::No(Bypass::NotIncluded),
                };
            }
        }
        if port.is_some_and(|port| self.always_excluded.contains(&port)) {
            return Captured::No(Bypass::Excluded);
        }
        let excluded = self.excluded();
        let contained = match port {
            Some(port) => excluded.contains(port),
            None => excluded.contains_others(own_ports),
        };
        match contained {
            Some(false) => Captured::Yes,
            Some(true) => Captured::No(Bypass::Excluded),
            None => Captured::Unknown(Doubt::CaptureValue),
        }
    }
}

/// A list of ports as iptables takes them: numbers, and ranges with a colon.
struct Ports {
    ranges: Vec<(u16, u16)>,
    /// Whether every item could be read.
    whole: bool,
}

impl Ports {
    fn parse(text: &str) -> Self {
        let mut ports = Self {
            ranges: Vec::new(),
            whole: true,
        };
        let items = text.split(',').map(str::trim);
        for item in items.filter(|item| !item.is_empty()) {
            let (first, last) = item.split_once(':').unwrap_or((item, item));
            match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) => ports.ranges.push((first, last)),
                _ if item == "*" => ports.ranges.push((0, u16::MAX)),
                _ => ports.whole = false,
            }
        }
        ports
    }

    /// Whether a port is in the list; `None` when it may be in a part that could not be read.
    fn contains(&self, port: u16) -> Option<bool> {
        let contained = self
            .ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&port));
        (contained || self.whole).then_some(contained)
    }

    /// Whether ports other than these are in the list.
    fn contains_others(&self, known: &[u16]) -> Option<bool> {
        let others = self
            .ranges
            .iter()
            .any(|(first, last)| first != last || !known.contains(first));
        (others || self.whole).then_some(others)
    }
}

/// Further networks of the pod, which Istio does not capture.
pub(super) fn networks(pod: &PodGroup<'_>) -> Option<(Captured, Fact)> {
    pod.annotation(NETWORKS)?;
    let captured = if pod.has_second_network() {
        Captured::Unknown(Doubt::SecondNetwork)
    } else {
        Captured::Yes
    };
    Some((captured, Fact::of_annotation(pod, NETWORKS)))
}
