//! Turns the parts of documents into objects, gaps and notes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Value};

use super::coverage::Found;
use super::documents::Position;
use super::value::{Part, text};
use super::{ManifestError, ManifestOptions, required, signs};
use crate::collect::decoding;
use crate::kind::{GATEWAY_GROUP, Kind, Product};
use crate::projection::controllers::Settings;
use crate::projection::istio::PLUGIN_CONFIG_MAPS;
use crate::snapshot::{Coverage, Interner, Object, Unreadable};

/// Documents that are no Kubernetes objects are named up to this number; more are counted.
const NAMED_STRANGERS: usize = 100;

/// Where an object comes from: the number of its file, and its position there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    file: usize,
    position: Position,
}

/// An object, with what tells it from another version of itself.
#[derive(Debug)]
struct Entry {
    object: Object,
    place: Place,
    /// Over the whole document but its version; only a projection of it is kept.
    content: u64,
}

/// What the files hold, while they are read.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    files: Vec<String>,
    interner: Interner,
    entries: Vec<Entry>,
    unreadable: Vec<Unreadable>,
    found: Found,
    /// Documents that are no Kubernetes objects.
    strangers: Vec<Place>,
    more_strangers: u64,
    /// Objects that no rule reads.
    ignored: u64,
}

/// What could be read of an object's name.
#[derive(Default)]
struct Named {
    namespace: Option<String>,
    name: String,
}

impl Gathering {
    /// Starts another file.
    pub(super) fn file(&mut self, name: &str) {
        self.files.push(name.to_owned());
    }

    /// Takes a part of the file that was started last.
    pub(super) fn part(&mut self, position: Position, part: Part) {
        let file = self.files.len().saturating_sub(1);
        let place = Place { file, position };
        match part {
            Part::Object(fields) => self.object(place, fields),
            Part::List { api_version, kind } => {
                let item = kind.strip_suffix("List").unwrap_or_default();
                if let Some(kind) = Kind::find(&api_version, item) {
                    self.found.kind(kind, version_of(&api_version));
                }
            }
            Part::Other => self.stranger(place),
        }
    }

    fn stranger(&mut self, place: Place) {
        if self.strangers.len() < NAMED_STRANGERS {
            self.strangers.push(place);
        } else {
            self.more_strangers += 1;
        }
    }

    fn object(&mut self, place: Place, mut fields: Map<String, Value>) {
        let api_version = text(&fields, "apiVersion").to_owned();
        let kind = text(&fields, "kind");
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        self.found
            .product(Product::Istio, signs::is_istio_group(group));
        self.found
            .product(Product::Linkerd, signs::is_linkerd_group(group));
        self.found
            .product(Product::GatewayApi, group == GATEWAY_GROUP);
        self.found
            .product(Product::OpenShift, signs::is_open_shift_group(group));
        if let Some(plugin) = signs::plugin_of_group(group) {
            self.found.product(plugin, true);
        }
        if group.is_empty() && kind == "Secret" {
            return;
        }
        match (Kind::find(&api_version, kind), of_any_version(group, kind)) {
            (Some(kind), _) => self.known(place, kind, version_of(&api_version), fields),
            (None, Some(kind)) => {
                let named = name(kind, &mut fields).unwrap_or_else(|refusal| refusal.0);
                let message = format!("API version {:?} is not read", shortened(&api_version));
                self.gap(kind, named, place, message);
            }
            (None, None) => match misspelt(&api_version, kind, &fields) {
                Some((kind, message)) => {
                    let named = name(kind, &mut fields).unwrap_or_else(|refusal| refusal.0);
                    self.gap(kind, named, place, message);
                }
                None if api_version.is_empty() => self.stranger(place),
                None => self.ignored += 1,
            },
        }
    }

    fn known(&mut self, place: Place, kind: Kind, version: &str, mut fields: Map<String, Value>) {
        let named = name(kind, &mut fields);
        if kind == Kind::ConfigMap
            && !named
                .as_ref()
                .is_ok_and(|named| is_known_configuration(&named.name))
            && !has_settings(&fields)
        {
            self.ignored += 1;
            return;
        }
        self.found.kind(kind, version);
        let named = match named {
            Ok(named) => named,
            Err((named, message)) => return self.gap(kind, named, place, message.to_owned()),
        };
        // One object may be served at several versions.
        fields.remove("apiVersion");
        let value = Value::Object(fields);
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        match decoding::decode(kind, value) {
            Ok(decoded) => {
                let refusal = required::refusal(&decoded);
                let object = self.interner.object(kind, version, decoded);
                self.found
                    .product(Product::Istio, signs::shows_istio(&object));
                self.found
                    .product(Product::Linkerd, signs::shows_linkerd(&object));
                for plugin in signs::plugins_shown(&object) {
                    self.found.product(plugin, true);
                }
                if let Some(message) = refusal {
                    return self.gap(kind, named, place, message);
                }
                let content = hasher.finish();
                self.entries.push(Entry {
                    object,
                    place,
                    content,
                });
            }
            Err(message) => self.gap(kind, named, place, message),
        }
    }

    /// Notes an object that is there and cannot be read.
    fn gap(&mut self, kind: Kind, named: Named, place: Place, message: String) {
        let place = self.describe(place);
        if Kind::WORKLOADS.contains(&kind) {
            // In files the template is all there is of its pods.
            self.unreadable.push(Unreadable {
                kind: Kind::Pod,
                namespace: named.namespace.clone(),
                name: String::new(),
                place: place.clone(),
                message: format!("template of {kind} {}: {message}", named.name),
            });
        }
        self.found.object(kind, false);
        self.unreadable.push(Unreadable {
            kind,
            namespace: named.namespace,
            name: named.name,
            place,
            message,
        });
    }

    fn describe(&self, place: Place) -> String {
        let Position { document, item } = place.position;
        let file = self.files.get(place.file).map_or("", String::as_str);
        match item {
            0 => format!("{file}, document {document}"),
            item => format!("{file}, document {document}, item {item}"),
        }
    }

    /// The objects, each once, and what is missing.
    pub(super) fn finish(
        mut self,
        options: &ManifestOptions,
    ) -> Result<(Vec<Object>, Coverage), ManifestError> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by(|left, right| {
            let by_key = left.object.key().cmp(&right.object.key());
            by_key.then(left.place.cmp(&right.place))
        });
        let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
        for entry in entries {
            match kept.last_mut() {
                Some(last) if last.object.key() == entry.object.key() => {
                    if last.is_same(&entry) {
                        last.prefer(entry);
                    } else {
                        self.differs(last, &entry)?;
                    }
                }
                _ => {
                    self.found.object(entry.object.kind, true);
                    kept.push(entry);
                }
            }
        }
        let coverage = Coverage {
            sources: self.found.sources(options),
            notes: self.notes(),
            unreadable: self.unreadable,
        };
        Ok((
            kept.into_iter().map(|entry| entry.object).collect(),
            coverage,
        ))
    }

    fn differs(&mut self, first: &Entry, second: &Entry) -> Result<(), ManifestError> {
        let object = &second.object;
        if object.identity.generate_name.as_deref() == Some(object.name()) {
            // Each of them makes a pod of its own, but only one can stand under this name.
            let named = Named {
                namespace: object.identity.namespace.as_deref().map(str::to_owned),
                name: object.name().to_owned(),
            };
            let message = "another pod has the same metadata.generateName".to_owned();
            self.gap(object.kind, named, second.place, message);
            return Ok(());
        }
        let path = [object.namespace(), object.name()];
        let path: Vec<_> = path.into_iter().filter(|part| !part.is_empty()).collect();
        Err(ManifestError::Twice {
            object: format!("{} {}", object.kind, path.join("/")),
            first: self.describe(first.place),
            second: self.describe(second.place),
        })
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<_> = self
            .strangers
            .iter()
            .map(|place| format!("{}: not a Kubernetes object", self.describe(*place)))
            .collect();
        let counts = [
            (
                self.more_strangers,
                "more documents that are not Kubernetes objects",
            ),
            (self.ignored, "objects that no rule reads"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        notes.extend(counts.map(|(count, what)| format!("{what}: {count}")));
        notes
    }
}

impl Entry {
    fn is_same(&self, other: &Self) -> bool {
        let (own, others) = (&self.object, &other.object);
        self.content == other.content
            && own.identity == others.identity
            && own.instance == others.instance
            && own.projection == others.projection
    }

    /// Takes the version that is asked for first, of this one and another of the same object.
    fn prefer(&mut self, other: Self) {
        let versions = self.object.kind.api().versions;
        let rank = |version: &str| versions.iter().position(|known| *known == version);
        if rank(&other.object.version) < rank(&self.object.version) {
            self.object.version = other.object.version;
        }
    }
}

/// Names of ConfigMaps that hold what rules read of a mesh, or of a network plugin.
fn is_known_configuration(name: &str) -> bool {
    let of_istio = name == "istio" || name.starts_with("istio-");
    of_istio
        || ["linkerd-config", "linkerd-cni-config"].contains(&name)
        || PLUGIN_CONFIG_MAPS.contains(&name)
}

/// Whether a ConfigMap holds settings of an ingress controller.
fn has_settings(fields: &Map<String, Value>) -> bool {
    let data = fields.get("data").and_then(Value::as_object);
    data.is_some_and(|data| Settings::any_in(data.keys().map(String::as_str)))
}

fn version_of(api_version: &str) -> &str {
    api_version
        .split_once('/')
        .map_or(api_version, |(_, version)| version)
}

/// The kind that this name had in any version of the API.
fn of_any_version(group: &str, kind: &str) -> Option<Kind> {
    // These moved out of `extensions`, which servers have stopped to serve.
    const MOVED: &[Kind] = &[
        Kind::DaemonSet,
        Kind::Deployment,
        Kind::ReplicaSet,
        Kind::Ingress,
        Kind::NetworkPolicy,
    ];
    Kind::in_group(group, kind).or_else(|| {
        let moved = MOVED
            .iter()
            .copied()
            .find(|candidate| candidate.name() == kind);
        moved.filter(|_| group == "extensions")
    })
}

/// The kind that an object is meant to be of, and what keeps it from being one.
fn misspelt(api_version: &str, kind: &str, fields: &Map<String, Value>) -> Option<(Kind, String)> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let known = |is_meant: &dyn Fn(&Kind) -> bool| Kind::ALL.iter().copied().find(is_meant);
    if api_version.is_empty() {
        let meant = known(&|candidate| candidate.name() == kind)?;
        return Some((meant, "there is no apiVersion".to_owned()));
    }
    if let Some(item) = kind.strip_suffix("List") {
        let meant = known(&|candidate| candidate.api().group == group && candidate.name() == item)?;
        let is_list = fields.get("items").is_none_or(Value::is_null);
        return (!is_list).then(|| (meant, "items: expected a list".to_owned()));
    }
    let meant = known(&|candidate| {
        candidate.api().group == group && candidate.name().eq_ignore_ascii_case(kind)
    })?;
    Some((meant, format!("kind: expected {}", meant.name())))
}

/// Settles an object's namespace and name as the API server would, and reads them.
fn name(kind: Kind, fields: &mut Map<String, Value>) -> Result<Named, (Named, &'static str)> {
    let mut named = Named::default();
    let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Err((named, "there is no metadata"));
    };
    let name = settle_name(kind, metadata);
    if let Ok(name) = &name {
        named.name.clone_from(name);
    }
    if kind.api().namespaced {
        let namespace = match metadata.get("namespace") {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) if text.is_empty() || is_name(text) => text,
            Some(_) => return Err((named, "metadata.namespace: expected a name")),
        };
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        named.namespace = Some(namespace.unwrap_or("default").to_owned());
        metadata.insert("namespace".to_owned(), named.namespace.clone().into());
    } else {
        metadata.remove("namespace");
    }
    match name {
        Ok(_) => Ok(named),
        Err(message) => Err((named, message)),
    }
}

fn settle_name(kind: Kind, metadata: &mut Map<String, Value>) -> Result<String, &'static str> {
    match metadata.get("name") {
        Some(Value::String(name)) if is_name(name) => return Ok(name.clone()),
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name.is_empty() => {}
        Some(_) => return Err("metadata.name: expected a name"),
    }
    // A pod by such a name is judged all the same; other objects are looked up by name.
    match metadata.get("generateName") {
        Some(Value::String(prefix)) if kind == Kind::Pod && is_name(prefix) => {
            let name = prefix.clone();
            metadata.insert("name".to_owned(), name.as_str().into());
            Ok(name)
        }
        _ => Err("there is no metadata.name"),
    }
}

/// Whether a text can name an object of any kind; the API server's own rules are stricter for most.
fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && !text
            .chars()
            .any(|letter| letter == '/' || letter.is_control() || letter.is_whitespace())
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
