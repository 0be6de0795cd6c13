//! Classes of pods that no policy can tell apart.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use super::bits::{Bits, Packed};
use super::labels::{Id, Names, Selector, Test, Tri, Value, value_of};
use super::ports::{NamedPort, Protocol};
use crate::model::enforcement::Enforcement;
use crate::model::pods::Role;
use crate::model::{Namespaces, PodGroup};
use crate::projection::metadata::StringMap;
use crate::projection::pod::InstanceFields;
use crate::snapshot::{Mode, Snapshot};

/// What every pod of a class has in common.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) namespace: usize,
    /// The labels that selectors ask for, sorted by key.
    pub(super) labels: Vec<(Id, Id)>,
    pub(super) named_ports: Vec<NamedPort>,
    /// Whether it shares the network of its node.
    pub(super) host: bool,
    /// The port under which a mesh carries traffic for every other one.
    pub(super) tunnel: Option<u16>,
    pub(super) enforcement: Enforcement,
    /// Whether it has a network that no policy covers.
    pub(super) second_network: bool,
    /// Nodes that its pods run on, sorted.
    pub(super) nodes: Vec<Id>,
    /// Of pods in the node's network: their addresses.
    pub(super) addresses: Vec<IpAddr>,
    /// Groups of pods, ascending.
    pub(super) groups: Vec<usize>,
}

/// A namespace as selectors see it.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    labels: Vec<(Id, Id)>,
    /// Whether only the label that the API sets is known.
    unread: bool,
}

/// Label that the API server sets on every namespace.
pub(super) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

#[derive(PartialEq, Eq, Hash)]
struct Key {
    namespace: usize,
    labels: Vec<(Id, Id)>,
    named_ports: Vec<NamedPort>,
    host: bool,
    tunnel: Option<u16>,
    enforcement: Enforcement,
    second_network: bool,
    present: bool,
    role: Role,
    app: Option<String>,
    /// Pods in the network of their node are kept apart: which node counts.
    group: Option<usize>,
}

/// All classes, sorted by namespace.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) namespaces: Vec<Namespace>,
    /// Of each namespace: its classes.
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) list: Vec<Class>,
    /// Of each group of pods: its class; finished pods have none.
    pub(super) of_group: Vec<Option<usize>>,
    /// Classes whose pods have a network of their own, and so count as subjects and peers.
    pub(super) pods: Bits,
    /// Classes whose pods are there, rather than to come.
    pub(super) present: Bits,
    by_label: HashMap<(Id, Id), Packed>,
    by_key: HashMap<Id, Packed>,
}

/// Namespaces that a selector selects, and all their classes.
#[derive(Debug)]
pub(super) struct NamespaceSet {
    pub(super) yes: Bits,
    pub(super) may: Bits,
    yes_classes: Bits,
    may_classes: Bits,
}

impl Classes {
    pub(super) fn new(
        snapshot: &Snapshot,
        namespaces: &Namespaces<'_>,
        groups: &[PodGroup<'_>],
        names: &Names,
        tunnel: impl Fn(&PodGroup<'_>) -> Option<u16>,
    ) -> Self {
        let entries = namespaces.iter().map(|(name, namespace)| Namespace {
            name: name.to_owned(),
            labels: namespace_labels(name, namespace.labels, names),
            unread: namespace.unread.is_some(),
        });
        let entries: Vec<Namespace> = entries.collect();
        let places: HashMap<&str, usize> = entries
            .iter()
            .enumerate()
            .map(|(place, namespace)| (namespace.name.as_str(), place))
            .collect();
        let mut found: HashMap<Key, Vec<usize>> = HashMap::new();
        for (index, group) in groups.iter().enumerate() {
            let Some(namespace) = places.get(group.namespace).filter(|_| !group.is_finished())
            else {
                continue;
            };
            let present = is_present(snapshot, group);
            let mut key = key(*namespace, group, names, present, &tunnel);
            key.group = Some(index).filter(|_| key.host);
            found.entry(key).or_default().push(index);
        }
        let mut found: Vec<(Key, Vec<usize>)> = found.into_iter().collect();
        // Groups stand in the order of namespaces and workloads; the first of a class gives it its place.
        found.sort_by(|(left, groups), (right, others)| {
            (left.namespace, groups).cmp(&(right.namespace, others))
        });
        Self::of(snapshot, entries, groups, found)
    }

    fn of(
        snapshot: &Snapshot,
        namespaces: Vec<Namespace>,
        groups: &[PodGroup<'_>],
        found: Vec<(Key, Vec<usize>)>,
    ) -> Self {
        let count = found.len();
        let mut nodes: HashMap<&str, Id> = HashMap::new();
        let mut of_group = vec![None; groups.len()];
        let (mut pods, mut present) = (Bits::none(count), Bits::none(count));
        let mut classes = Vec::with_capacity(count);
        for (place, (key, members)) in found.into_iter().enumerate() {
            for group in &members {
                if let Some(class) = of_group.get_mut(*group) {
                    *class = Some(place);
                }
            }
            if !key.host {
                pods.insert(place);
            }
            if key.present {
                present.insert(place);
            }
            let of_members = members.iter().filter_map(|group| groups.get(*group));
            let mut on: Vec<Id> = of_members
                .clone()
                .flat_map(|group| group.nodes(snapshot))
                .map(|node| {
                    let next = Id::try_from(nodes.len()).unwrap_or(Id::MAX);
                    *nodes.entry(node).or_insert(next)
                })
                .collect();
            on.sort_unstable();
            on.dedup();
            let addresses = of_members
                .filter(|_| key.host)
                .flat_map(|group| group.addresses(snapshot))
                .filter_map(|address| address.parse().ok());
            classes.push(Class {
                addresses: addresses.collect(),
                nodes: on,
                groups: members,
                namespace: key.namespace,
                labels: key.labels,
                named_ports: key.named_ports,
                host: key.host,
                tunnel: key.tunnel,
                enforcement: key.enforcement,
                second_network: key.second_network,
            });
        }
        let ranges = ranges(namespaces.len(), &classes);
        let mut all = Self {
            namespaces,
            ranges,
            list: classes,
            of_group,
            pods,
            present,
            by_label: HashMap::new(),
            by_key: HashMap::new(),
        };
        all.index();
        all
    }

    /// Sorts the classes by their labels.
    fn index(&mut self) {
        let mut by_label: HashMap<(Id, Id), Vec<usize>> = HashMap::new();
        let mut by_key: HashMap<Id, Vec<usize>> = HashMap::new();
        for (place, class) in self.list.iter().enumerate() {
            for (key, value) in &class.labels {
                by_label.entry((*key, *value)).or_default().push(place);
                by_key.entry(*key).or_default().push(place);
            }
        }
        self.by_label = by_label
            .into_iter()
            .map(|(label, places)| (label, Packed::of(places)))
            .collect();
        self.by_key = by_key
            .into_iter()
            .map(|(key, places)| (key, Packed::of(places)))
            .collect();
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The classes of a namespace.
    pub(super) fn in_namespace(&self, namespace: usize) -> Range<usize> {
        self.ranges.get(namespace).cloned().unwrap_or(0..0)
    }

    /// Whether a selector of namespaces selects one.
    pub(super) fn selects_namespace(&self, selector: &Selector, namespace: usize) -> Tri {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return Tri::No;
        };
        selector.selects(|key| match value_of(&namespace.labels, key) {
            Value::Absent if namespace.unread => Value::Unread,
            value => value,
        })
    }

    /// The namespaces that a selector selects.
    pub(super) fn namespaces_of(&self, selector: &Selector) -> NamespaceSet {
        let mut set = NamespaceSet {
            yes: Bits::none(self.namespaces.len()),
            may: Bits::none(self.namespaces.len()),
            yes_classes: Bits::none(self.len()),
            may_classes: Bits::none(self.len()),
        };
        for namespace in 0..self.namespaces.len() {
            let selected = self.selects_namespace(selector, namespace);
            if selected == Tri::No {
                continue;
            }
            set.may.insert(namespace);
            for class in self.in_namespace(namespace) {
                set.may_classes.insert(class);
            }
            if selected == Tri::Yes {
                set.yes.insert(namespace);
                for class in self.in_namespace(namespace) {
                    set.yes_classes.insert(class);
                }
            }
        }
        set.yes_classes.keep(&self.pods);
        set.may_classes.keep(&self.pods);
        set
    }

    /// The classes of one namespace that a selector selects: certainly, and possibly.
    pub(super) fn selected_in(&self, namespace: usize, selector: &Selector) -> (Packed, Packed) {
        let selected = |least: Tri| {
            self.in_namespace(namespace).filter(move |class| {
                self.pods.contains(*class) && self.selected(*class, selector) >= least
            })
        };
        (
            Packed::of(selected(Tri::Yes)),
            Packed::of(selected(Tri::Maybe)),
        )
    }

    /// Whether a selector of pods selects those of a class.
    pub(super) fn selected(&self, class: usize, selector: &Selector) -> Tri {
        let Some(class) = self.list.get(class) else {
            return Tri::No;
        };
        selector.selects(|key| value_of(&class.labels, key))
    }

    /// Adds the classes in a set of namespaces that a selector selects: certainly, and possibly.
    pub(super) fn add_selected(
        &self,
        set: &NamespaceSet,
        selector: &Selector,
        (yes, may): (&mut Bits, &mut Bits),
    ) {
        let mut certain = set.yes_classes.clone();
        let mut possible = set.may_classes.clone();
        for (key, test) in &selector.tests {
            let narrow = |bits: &mut Bits| match test {
                Test::In(values) => bits.keep(&self.with_value(*key, values)),
                Test::NotIn(values) => bits.remove(&self.with_value(*key, values)),
                Test::Exists => bits.keep(&self.with_key(*key)),
                Test::Missing => bits.remove(&self.with_key(*key)),
                Test::Unknown => {}
            };
            narrow(&mut certain);
            narrow(&mut possible);
            if *test == Test::Unknown {
                certain = Bits::none(self.len());
            }
        }
        yes.add(&certain);
        may.add(&possible);
    }

    fn with_value(&self, key: Id, values: &[Id]) -> Bits {
        let mut bits = Bits::none(self.len());
        for value in values {
            if let Some(packed) = self.by_label.get(&(key, *value)) {
                bits.add_packed(packed);
            }
        }
        bits
    }

    fn with_key(&self, key: Id) -> Bits {
        let mut bits = Bits::none(self.len());
        if let Some(packed) = self.by_key.get(&key) {
            bits.add_packed(packed);
        }
        bits
    }
}

fn ranges(namespaces: usize, classes: &[Class]) -> Vec<Range<usize>> {
    (0..namespaces)
        .map(|namespace| {
            let start = classes.partition_point(|class| class.namespace < namespace);
            let end = classes.partition_point(|class| class.namespace <= namespace);
            start..end
        })
        .collect()
}

/// In files a template stands for its pods; in a cluster, pods that are not there reach nothing.
fn is_present(snapshot: &Snapshot, group: &PodGroup<'_>) -> bool {
    match snapshot.origin.mode {
        Mode::Live => !group.is_template(),
        Mode::Manifests | Mode::Demo => !group.is_template() || group.replicas != Some(0),
    }
}

fn key(
    namespace: usize,
    group: &PodGroup<'_>,
    names: &Names,
    present: bool,
    tunnel: impl Fn(&PodGroup<'_>) -> Option<u16>,
) -> Key {
    Key {
        namespace,
        labels: names.labels(group.labels()),
        named_ports: named_ports(group),
        host: group.spec.host_network == Some(true),
        tunnel: tunnel(group),
        enforcement: group.enforcement,
        second_network: group.has_second_network(),
        present,
        role: group.role,
        app: group
            .app
            .as_ref()
            .map(|claim| claim.name().unwrap_or(&group.workload.1).to_owned()),
        group: None,
    }
}

fn named_ports(group: &PodGroup<'_>) -> Vec<NamedPort> {
    let mut ports: Vec<NamedPort> = Vec::new();
    for container in group.lasting_containers() {
        for port in &container.spec.ports {
            let protocol = Protocol::of(port.protocol.as_deref());
            if let (Some(name), Some(protocol), 1..) = (&port.name, protocol, port.container_port)
                && !name.is_empty()
            {
                ports.push(NamedPort {
                    name: name.clone(),
                    protocol,
                    number: port.container_port,
                });
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn namespace_labels(name: &str, labels: &StringMap, names: &Names) -> Vec<(Id, Id)> {
    // The API server keeps this label equal to the name; files need not have it.
    let own = std::iter::once((NAME_LABEL, name));
    let others = labels
        .iter()
        .filter(|(key, _)| *key != NAME_LABEL)
        .map(|(key, value)| (key.as_str(), value.as_str()));
    names.labels(own.chain(others))
}

impl<'s> PodGroup<'s> {
    /// Every label, those of single pods too.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        let own = self.instance.map(|instance| &instance.metadata.labels);
        let own = own
            .into_iter()
            .flat_map(InstanceFields::iter)
            .map(|(key, value)| -> (&'s str, &'s str) { (key, value) });
        let shared = self.metadata.labels.iter();
        own.chain(shared.map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// Nodes that its pods run on.
    pub(super) fn nodes<'a>(&self, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a str> {
        self.members.iter().filter_map(|member| {
            let instance = snapshot.objects.get(*member)?.instance.as_ref()?;
            instance.spec.node_name.as_deref()
        })
    }
}

/// Whether the pods of two classes share a node.
pub(super) fn share_a_node(one: &Class, other: &Class) -> bool {
    one.nodes
        .iter()
        .any(|node| other.nodes.binary_search(node).is_ok())
}
