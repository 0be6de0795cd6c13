//! Which controller serves an Ingress, and with which settings.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::gaps::Missing;
use crate::kind::Kind;
use crate::model::booleans::parse_bool;
use crate::model::ingress_controllers::Family;
use crate::model::mesh::Fact;
use crate::model::selector::Labels as _;
use crate::model::{Model, PodGroup};
use crate::projection::Projection;
use crate::projection::controllers::{self, Settings};
use crate::projection::facts::{ArgumentFacts, UNRECOGNISED};
use crate::projection::network::Ingress;
use crate::projection::routing::IngressClass;
use crate::snapshot::Object;

/// Annotation that named the class before there was a field.
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const NG_CONTROLLER: &str = "k8s.io/ingress-nginx";
const NG_PROVIDER: &str = "--providers.kubernetesingressnginx";
const TR_CLASS: &str = "--providers.kubernetesingress.ingressclass";

/// What serves an Ingress.
#[derive(Debug)]
pub struct Serving<'m> {
    /// Its family.
    pub family: Family,
    /// The class, where an object stands for it.
    pub class: Option<(usize, &'m IngressClass)>,
    /// The settings of each kind of its pods.
    pub configs: Vec<Config<'m>>,
    /// What says so.
    pub facts: Vec<Fact>,
    /// The entry of the assessment plan that says so.
    pub planned: Option<usize>,
}

/// Why it is not known what serves an Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// It names a class that does not exist.
    ClassMissing(String),
    /// Several controllers may take it.
    Several(String),
    /// It names no class, and no controller takes such ones.
    NoClass,
    /// A controller that is not known.
    Unknown(String),
    /// Classes were not read.
    Unread(Missing),
}

/// Settings of the pods of a controller: flags, and the ConfigMap that a flag names.
#[derive(Debug)]
pub struct Config<'m> {
    /// The pods, as index of a group.
    pub group: usize,
    object: usize,
    /// Flags, with their place. `None` where they were not kept.
    flags: Option<(String, &'m ArgumentFacts)>,
    /// Where a file may be mounted that counts before flags, with its place.
    file: Option<(String, &'m str)>,
    map: Map<'m>,
}

#[derive(Clone, Copy, Debug)]
enum Map<'m> {
    /// No flag names one, or the one that is named does not exist.
    None,
    Read(usize, &'m Settings),
    Unread,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was looked up.
    Is(Option<String>),
    /// Where it would stand was not read, or its places differ.
    Unread,
}

impl<'m> Serving<'m> {
    /// The routers of OpenShift, which serve all routes.
    pub fn of_routers(model: &'m Model<'_>) -> Self {
        Self {
            family: Family::Ocp,
            class: None,
            configs: configs(model, Family::Ocp, |_| true),
            facts: Vec::new(),
            planned: None,
        }
    }

    /// A flag, by its name behind two dashes.
    pub fn flag(&self, name: &str) -> Known {
        self.setting(|config| config.flag(name))
    }

    /// A key of the ConfigMap.
    pub fn key(&self, key: &str) -> Known {
        self.setting(|config| config.key(key))
    }

    /// All flags, where they were read and do not differ.
    pub fn flags(&self) -> Option<&'m ArgumentFacts> {
        let mut all = self.configs.iter().map(|config| config.flags.as_ref());
        let (_, first) = all.next()??;
        let same = |other: Option<&(String, &ArgumentFacts)>| {
            other.is_some_and(|(_, other)| *other == *first)
        };
        all.all(same).then_some(*first)
    }

    /// Whether a file may be mounted that counts before the flags.
    pub fn mounts_file(&self) -> bool {
        self.configs.iter().any(|config| config.file.is_some())
    }

    fn setting(&self, look_up: impl Fn(&Config<'_>) -> Known) -> Known {
        let mut found = self.configs.iter().map(look_up);
        let Some(first) = found.next() else {
            return Known::Unread;
        };
        if found.all(|other| other == first) {
            first
        } else {
            Known::Unread
        }
    }

    /// The values behind all of its settings.
    pub fn config_facts(&self, model: &Model<'_>) -> Vec<Fact> {
        let configs = self.configs.iter();
        configs.flat_map(|config| config.facts(model)).collect()
    }
}

impl<'m> Config<'m> {
    fn new(model: &'m Model<'_>, group: usize, pod: &'m PodGroup<'_>) -> Self {
        let place = pod.template.unwrap_or_default();
        let container = pod
            .lasting_containers()
            .find(|container| controllers::keeps_flags(container.spec.image.as_deref()));
        let flags = container.as_ref().map(|container| {
            let pointer = format!("{place}{}/args", container.pointer);
            (pointer, &container.spec.args)
        });
        let file = container.as_ref().and_then(|container| {
            let mut mounts = container.spec.volume_mounts.iter().enumerate();
            mounts.find_map(|(index, mount)| {
                let path = mount.mount_path.as_deref()?;
                let pointer = format!(
                    "{place}{}/volumeMounts/{index}/mountPath",
                    container.pointer
                );
                Some((pointer, path))
            })
        });
        let map = match &flags {
            None => Map::Unread,
            Some((_, flags)) => {
                let named = controllers::CONFIG_MAP_FLAGS;
                match named.iter().find_map(|flag| flags.value(flag)) {
                    None => Map::None,
                    Some(value) => config_map(model, pod.namespace, value),
                }
            }
        };
        Self {
            group,
            object: pod.members[0],
            flags,
            file,
            map,
        }
    }

    fn flag(&self, name: &str) -> Known {
        match &self.flags {
            None => Known::Unread,
            Some((_, flags)) => match flags.value(name) {
                Some(UNRECOGNISED) => Known::Unread,
                value => Known::Is(value.map(str::to_owned)),
            },
        }
    }

    fn key(&self, key: &str) -> Known {
        match self.map {
            Map::None => Known::Is(None),
            Map::Read(_, settings) => match settings.0.get(key).map(String::as_str) {
                Some(UNRECOGNISED) => Known::Unread,
                value => Known::Is(value.map(str::to_owned)),
            },
            Map::Unread => Known::Unread,
        }
    }

    fn facts(&self, model: &Model<'_>) -> Vec<Fact> {
        let mut facts = Vec::new();
        if let Some((pointer, flags)) = &self.flags {
            let value = Some(*flags).filter(|flags| !flags.is_empty());
            facts.push(Fact {
                object: Some(self.object),
                pointer: pointer.clone(),
                value: value.and_then(|flags| serde_json::to_value(flags).ok()),
            });
        }
        if let Some((pointer, path)) = &self.file {
            facts.push(Fact {
                object: Some(self.object),
                pointer: pointer.clone(),
                value: Some(Value::from(*path)),
            });
        }
        if let Map::Read(object, _) = self.map
            && let Projection::ConfigMap(map) = model.object(object).projection.as_ref()
        {
            facts.push(Fact {
                object: Some(object),
                pointer: "/data".to_owned(),
                value: serde_json::to_value(&map.data).ok(),
            });
        }
        facts
    }
}

fn config_map<'m>(model: &'m Model<'_>, namespace: &str, value: &str) -> Map<'m> {
    let Some((namespace, name)) = controllers::config_map(value, namespace) else {
        return Map::Unread;
    };
    let found = model.snapshot.find(Kind::ConfigMap, &namespace, &name);
    match found.map(|index| (index, model.object(index).projection.as_ref())) {
        Some((index, Projection::ConfigMap(map))) => Map::Read(index, &map.data.settings),
        // Files hold single ConfigMaps, never a list of them.
        _ if model.snapshot.origin.is_partial()
            || model
                .gaps
                .named(Kind::ConfigMap, &namespace, &name)
                .is_some() =>
        {
            Map::Unread
        }
        _ => Map::None,
    }
}

/// What serves an Ingress; the first test that says something counts.
pub fn serving<'m>(
    model: &'m Model<'_>,
    object: &Object,
    ingress: &Ingress,
) -> Result<Serving<'m>, Unserved> {
    let field = ingress.spec.ingress_class_name.as_deref();
    let field = field.filter(|name| !name.is_empty());
    let annotation = object
        .projection
        .metadata()
        .annotations
        .get(CLASS_ANNOTATION)
        .map(|class| &**class)
        .filter(|class| !class.is_empty());
    if let Some(class) = field.or(annotation)
        && let Some(serving) = planned(model, class)
    {
        return serving;
    }
    match (field, annotation) {
        (Some(name), _) => by_class(model, name),
        (None, Some(class)) => by_annotation(model, class),
        (None, None) => without_class(model),
    }
}

/// What the assessment plan says of a class.
fn planned<'m>(model: &'m Model<'_>, class: &str) -> Option<Result<Serving<'m>, Unserved>> {
    let (index, entry) = model.plan.ingress_controller(class)?;
    let Some(family) = of_plan(&entry.family) else {
        return Some(Err(Unserved::Unknown(entry.family.clone())));
    };
    let pods = model.pods.iter().enumerate();
    let configs = pods
        .filter(|(_, pod)| {
            let label = |key: &str| pod.label(key);
            !pod.is_finished() && pod.replicas != Some(0) && entry.matches(pod.namespace, &label)
        })
        .map(|(group, pod)| Config::new(model, group, pod))
        .collect();
    let object = model.snapshot.find(Kind::IngressClass, "", class);
    let class = object.and_then(|index| match model.object(index).projection.as_ref() {
        Projection::IngressClass(class) => Some((index, class)),
        _ => None,
    });
    Some(Ok(Serving {
        family,
        class,
        configs,
        facts: Vec::new(),
        planned: Some(index),
    }))
}

/// The family of a word of the plan.
fn of_plan(word: &str) -> Option<Family> {
    Some(match word {
        "nginx" => Family::Ng,
        "traefik" => Family::Tr,
        "haproxy" => Family::Ha,
        "haproxy-ingress" => Family::Hao,
        "openshift" => Family::Ocp,
        "azure" => Family::Ag,
        other => return Family::of_id(other),
    })
}

fn by_class<'m>(model: &'m Model<'_>, name: &str) -> Result<Serving<'m>, Unserved> {
    let found = model.snapshot.find(Kind::IngressClass, "", name);
    let Some((index, Projection::IngressClass(class))) =
        found.map(|index| (index, model.object(index).projection.as_ref()))
    else {
        return Err(match model.gaps.anywhere(Kind::IngressClass) {
            Some(missing) => Unserved::Unread(missing),
            None => Unserved::ClassMissing(name.to_owned()),
        });
    };
    let controller = class.spec.controller.as_str();
    let Some(family) = Family::of_controller(controller) else {
        return Err(Unserved::Unknown(controller.to_owned()));
    };
    if family == Family::Ng && provides_for_ng(model) {
        let text = format!("Traefik takes objects of {controller} as well");
        return Err(Unserved::Several(text));
    }
    let configs = configs(model, family, |config| {
        family != Family::Ng || takes_controller(config, controller)
    });
    let facts = vec![Fact {
        object: Some(index),
        pointer: "/spec/controller".to_owned(),
        value: Some(Value::from(controller)),
    }];
    Ok(Serving {
        family,
        class: Some((index, class)),
        configs,
        facts,
        planned: None,
    })
}

/// Whether Traefik is told to serve what names Ingress NGINX.
fn provides_for_ng(model: &Model<'_>) -> bool {
    let traefik = configs(model, Family::Tr, |_| true);
    traefik.iter().any(|config| {
        let on = |value: &str| go_bool(value) != Some(false);
        matches!(config.flag(NG_PROVIDER), Known::Is(Some(value)) if on(&value))
    })
}

fn takes_controller(config: &Config<'_>, controller: &str) -> bool {
    match config.flag("--controller-class") {
        Known::Is(None) => controller == NG_CONTROLLER || !controller.starts_with("k8s.io/"),
        Known::Is(Some(class)) => class == controller,
        Known::Unread => true,
    }
}

/// The settings of all running pods of a family that fit.
fn configs<'m>(
    model: &'m Model<'_>,
    family: Family,
    fits: impl Fn(&Config<'m>) -> bool,
) -> Vec<Config<'m>> {
    let pods = model.pods.iter().enumerate();
    let running = pods.filter(|(_, pod)| {
        pod.ingress == Some(family) && !pod.is_finished() && pod.replicas != Some(0)
    });
    let mut running: Vec<(usize, &PodGroup<'_>)> = running.collect();
    if family == Family::Istio && running.iter().any(|(_, pod)| is_default_gateway(pod)) {
        running.retain(|(_, pod)| is_default_gateway(pod));
    }
    let configs = running.into_iter();
    configs
        .map(|(group, pod)| Config::new(model, group, pod))
        .filter(fits)
        .collect()
}

/// Whether Istio's gateway is the one that serves every Ingress by default (istio `mesh/v1alpha1/config.proto`,
/// `ingress_selector`); there may be others, for egress among them.
fn is_default_gateway(pod: &PodGroup<'_>) -> bool {
    pod.label("istio") == Some("ingressgateway")
}

/// The value is that of a controller's own option, or its default.
fn by_annotation<'m>(model: &'m Model<'_>, class: &str) -> Result<Serving<'m>, Unserved> {
    let mut takers: Vec<Serving<'m>> = Vec::new();
    for family in Family::ALL {
        let flag = match family {
            Family::Ng | Family::Nic | Family::Kong | Family::Hao => "--ingress-class",
            Family::Tr => TR_CLASS,
            Family::Ha => "--ingress.class",
            _ => "",
        };
        let default = Family::of_legacy_class(class).contains(family);
        let configs = configs(model, *family, |config| match config.flag(flag) {
            Known::Is(Some(option)) => option == class,
            Known::Is(None) | Known::Unread => default,
        });
        if !configs.is_empty() || default && !family.has_pods() {
            takers.push(Serving {
                family: *family,
                class: None,
                configs,
                facts: Vec::new(),
                planned: None,
            });
        }
    }
    let names: Vec<&str> = takers.iter().map(|taker| taker.family.name()).collect();
    let names = names.join(" and ");
    let only = takers.pop();
    match only {
        Some(only) if takers.is_empty() => Ok(only),
        Some(_) => Err(Unserved::Several(names)),
        // Where no pods are known by which to tell, the value alone may do.
        None => match Family::of_legacy_class(class) {
            [family] => Ok(Serving {
                family: *family,
                class: None,
                configs: Vec::new(),
                facts: Vec::new(),
                planned: None,
            }),
            _ => Err(Unserved::Unknown(class.to_owned())),
        },
    }
}

fn without_class<'m>(model: &'m Model<'_>) -> Result<Serving<'m>, Unserved> {
    if let Some(missing) = model.gaps.anywhere(Kind::IngressClass) {
        return Err(Unserved::Unread(missing));
    }
    let default_class = model
        .snapshot
        .of_kind(Kind::IngressClass)
        .any(|(_, object)| {
            let annotations = &object.projection.metadata().annotations;
            let mark = annotations.get("ingressclass.kubernetes.io/is-default-class");
            mark.is_some_and(|mark| mark == "true")
        });
    let is_on = |config: &Config<'_>, flag: &str| match config.flag(flag) {
        Known::Is(Some(value)) => go_bool(&value) != Some(false),
        Known::Is(None) | Known::Unread => false,
    };
    let is_empty = |config: &Config<'_>, flag: &str| match config.flag(flag) {
        Known::Is(value) => value.is_none_or(|value| value.is_empty()),
        Known::Unread => false,
    };
    let mut takers = Vec::new();
    for family in [Family::Ng, Family::Tr, Family::Ha] {
        let configs = configs(model, family, |config| match family {
            Family::Ng => is_on(config, "--watch-ingress-without-class"),
            Family::Tr => is_empty(config, TR_CLASS),
            _ => {
                is_empty(config, "--ingress.class") && !default_class
                    || is_on(config, "--empty-ingress-class")
            }
        });
        if !configs.is_empty() {
            takers.push((family, configs));
        }
    }
    if model
        .nodes()
        .any(|(_, _, node)| node.status.node_info.kubelet_version.contains("-gke."))
    {
        takers.push((Family::Gke, Vec::new()));
    }
    let families: BTreeSet<&str> = takers.iter().map(|(family, _)| family.name()).collect();
    let families: Vec<&str> = families.into_iter().collect();
    match takers.pop() {
        None => Err(Unserved::NoClass),
        Some((family, configs)) if takers.is_empty() => Ok(Serving {
            family,
            class: None,
            configs,
            facts: Vec::new(),
            planned: None,
        }),
        Some(_) => Err(Unserved::Several(families.join(" and "))),
    }
}

/// A boolean as Go's `strconv.ParseBool` reads it, after trimming; `None` for any other text.
pub fn go_bool(text: &str) -> Option<bool> {
    parse_bool(text.trim())
}
