//! Which kinds the server serves, and at which version: what tells "not installed" from "not readable".

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, join_all};
use serde::Deserialize;

use super::failure::Failure;
use super::path;
use super::session::{Question, Session};
use crate::kind::Kind;

/// One answer for all groups where the server can give it, else the older list of groups.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Whether a kind is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// At this version, the first of [`Api::versions`](crate::kind::Api::versions) that can be read.
    At(&'static str),
    /// At none that the tool reads.
    No,
    /// Nobody knows: the server could not say.
    Unknown(Failure),
}

/// What the server serves of the kinds asked for.
#[derive(Debug)]
pub(super) struct Discovery {
    kinds: BTreeMap<Kind, Served>,
}

impl Discovery {
    /// Asks the server. Fails if the server cannot even say what its core group serves.
    pub(super) async fn ask(
        session: &Session<'_>,
        kinds: &BTreeSet<Kind>,
    ) -> Result<Self, Failure> {
        let (core, groups) = join(document(session, "/api"), document(session, "/apis")).await;
        let core = match core {
            Ok(mut groups) => groups.remove("").ok_or(Failure::Malformed)?,
            Err(failure) if failure.is_status(403) => Group::Hidden,
            Err(failure) => return Err(failure),
        };
        let mut catalogue = Catalogue {
            groups: BTreeMap::from([(String::new(), core)]),
        };
        catalogue.take_groups(kinds, groups);
        catalogue.complete(session, kinds).await;
        let kinds = kinds
            .iter()
            .map(|kind| (*kind, catalogue.served(*kind)))
            .collect();
        Ok(Self { kinds })
    }

    /// Whether a kind is served.
    pub(super) fn served(&self, kind: Kind) -> Served {
        self.kinds.get(&kind).cloned().unwrap_or(Served::No)
    }
}

/// What is known of one group.
#[derive(Debug)]
enum Group {
    /// The versions it has.
    Known(BTreeMap<String, Version>),
    /// Discovery is forbidden: reads are tried at the preferred version.
    Hidden,
    /// The server could not say.
    Failed(Failure),
}

/// What is known of one version of a group.
#[derive(Debug)]
enum Version {
    /// What it serves.
    Fresh(Vec<Resource>),
    /// What it served when the server last knew.
    Stale(Vec<Resource>),
    /// There is such a version; what it serves must be asked.
    Named,
    /// The server could not say what it serves.
    Failed(Failure),
}

/// One kind that a version serves.
#[derive(Clone, Debug, Deserialize)]
struct Resource {
    /// `resource` in aggregated discovery, `name` before.
    #[serde(alias = "resource")]
    name: String,
    #[serde(default)]
    verbs: Vec<String>,
}

/// What `/api` and `/apis` answer, in the aggregated form or the older one.
#[derive(Deserialize)]
struct Document {
    /// `APIGroupDiscoveryList`.
    items: Option<Vec<GroupDiscovery>>,
    /// `APIVersions`, of the core group.
    versions: Option<Vec<String>>,
    /// `APIGroupList`.
    groups: Option<Vec<LegacyGroup>>,
}

#[derive(Deserialize)]
struct GroupDiscovery {
    #[serde(default)]
    metadata: GroupMetadata,
    #[serde(default)]
    versions: Vec<VersionDiscovery>,
}

#[derive(Default, Deserialize)]
struct GroupMetadata {
    /// Absent for the core group.
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct VersionDiscovery {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    freshness: Option<String>,
}

#[derive(Deserialize)]
struct LegacyGroup {
    name: String,
    #[serde(default)]
    versions: Vec<LegacyVersion>,
}

#[derive(Deserialize)]
struct LegacyVersion {
    version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<Resource>,
}

/// The groups that matter.
#[derive(Debug)]
struct Catalogue {
    groups: BTreeMap<String, Group>,
}

impl Catalogue {
    /// Takes the answer about all groups but the core group.
    fn take_groups(
        &mut self,
        kinds: &BTreeSet<Kind>,
        answer: Result<BTreeMap<String, Group>, Failure>,
    ) {
        match answer {
            Ok(groups) => self.groups.extend(groups),
            Err(failure) => {
                for group in named_groups(kinds) {
                    self.groups
                        .insert(group.to_owned(), Group::unanswered(failure.clone()));
                }
            }
        }
    }

    /// Asks for what the first answers left open: groups that they do not name, since an aggregated API that is
    /// down may be left out of them, and versions without their resources.
    async fn complete(&mut self, session: &Session<'_>, kinds: &BTreeSet<Kind>) {
        let absent = named_groups(kinds)
            .into_iter()
            .filter(|group| !self.groups.contains_key(*group));
        let answers = absent.map(async |group| (group, versions(session, group).await));
        for (group, known) in join_all(answers).await {
            self.groups.insert(group.to_owned(), known);
        }
        let open: Vec<(String, String)> = self.open(kinds);
        let answers = open.into_iter().map(async |(group, version)| {
            let known = resources(session, &group, &version).await;
            (group, version, known)
        });
        for (group, version, known) in join_all(answers).await {
            if let Some(Group::Known(versions)) = self.groups.get_mut(&group) {
                versions.insert(version, known);
            }
        }
    }

    /// Versions that the tool reads and of which only the name is known.
    fn open(&self, kinds: &BTreeSet<Kind>) -> Vec<(String, String)> {
        let wanted: BTreeSet<(&str, &str)> = kinds
            .iter()
            .flat_map(|kind| {
                let api = kind.api();
                api.versions
                    .iter()
                    .map(move |version| (kind.group_at(version), *version))
            })
            .collect();
        wanted
            .into_iter()
            .filter(|(group, version)| {
                matches!(self.groups.get(*group), Some(Group::Known(versions))
                    if matches!(versions.get(*version), Some(Version::Named)))
            })
            .map(|(group, version)| (group.to_owned(), version.to_owned()))
            .collect()
    }

    fn served(&self, kind: Kind) -> Served {
        let mut doubt = None;
        for version in kind.api().versions {
            match self.groups.get(kind.group_at(version)) {
                Some(Group::Known(versions)) => match versions.get(*version) {
                    Some(known) if known.serves(kind) => return Served::At(version),
                    Some(known) => doubt = doubt.or_else(|| known.doubt()),
                    None => {}
                },
                Some(Group::Hidden) => return Served::At(version),
                Some(Group::Failed(failure)) => doubt = doubt.or_else(|| Some(failure.clone())),
                None => {}
            }
        }
        doubt.map_or(Served::No, Served::Unknown)
    }
}

impl Group {
    fn unanswered(failure: Failure) -> Self {
        if failure.is_status(403) {
            Self::Hidden
        } else {
            Self::Failed(failure)
        }
    }

    fn of_names(versions: impl IntoIterator<Item = String>) -> Self {
        let versions = versions.into_iter().map(|name| (name, Version::Named));
        Self::Known(versions.collect())
    }
}

impl Version {
    fn serves(&self, kind: Kind) -> bool {
        let verb = if kind.by_name_only() { "get" } else { "list" };
        let (Self::Fresh(resources) | Self::Stale(resources)) = self else {
            return false;
        };
        resources.iter().any(|resource| {
            resource.name == kind.api().plural && resource.verbs.iter().any(|known| known == verb)
        })
    }

    /// Why it cannot be said that this version does not serve a kind.
    fn doubt(&self) -> Option<Failure> {
        match self {
            Self::Fresh(_) => None,
            Self::Stale(_) | Self::Named => Some(Failure::Stale),
            Self::Failed(failure) => Some(failure.clone()),
        }
    }
}

impl Document {
    fn groups(self) -> Option<BTreeMap<String, Group>> {
        if let Some(groups) = self.items {
            return Some(groups.into_iter().map(GroupDiscovery::known).collect());
        }
        if let Some(groups) = self.groups {
            let known = |group: LegacyGroup| {
                let versions = group.versions.into_iter().map(|version| version.version);
                (group.name, Group::of_names(versions))
            };
            return Some(groups.into_iter().map(known).collect());
        }
        let versions = self.versions?;
        Some(BTreeMap::from([(String::new(), Group::of_names(versions))]))
    }
}

impl GroupDiscovery {
    fn known(self) -> (String, Group) {
        let version = |found: VersionDiscovery| {
            let known = if found.freshness.as_deref() == Some("Stale") {
                Version::Stale(found.resources)
            } else {
                Version::Fresh(found.resources)
            };
            (found.version, known)
        };
        let versions = self.versions.into_iter().map(version).collect();
        (self.metadata.name, Group::Known(versions))
    }
}

/// Groups of the kinds, without the core group.
fn named_groups(kinds: &BTreeSet<Kind>) -> BTreeSet<&'static str> {
    kinds
        .iter()
        .flat_map(|kind| kind.groups())
        .filter(|group| !group.is_empty())
        .collect()
}

async fn document(session: &Session<'_>, path: &str) -> Result<BTreeMap<String, Group>, Failure> {
    let answer = session.ask(Question::get(path).accepting(ACCEPT)).await?;
    serde_json::from_slice::<Document>(&answer.body)
        .ok()
        .and_then(Document::groups)
        .ok_or(Failure::Malformed)
}

/// Asks for a group that the list of groups does not have.
async fn versions(session: &Session<'_>, group: &str) -> Group {
    match session.ask(Question::get(&format!("/apis/{group}"))).await {
        Ok(answer) => serde_json::from_slice::<LegacyGroup>(&answer.body)
            .map_or(Group::Failed(Failure::Malformed), |group| {
                Group::of_names(group.versions.into_iter().map(|version| version.version))
            }),
        // The list of groups was readable and does not have it; nothing speaks against that.
        Err(failure) if failure.is_status(404) || failure.is_status(403) => {
            Group::Known(BTreeMap::new())
        }
        Err(failure) => Group::Failed(failure),
    }
}

async fn resources(session: &Session<'_>, group: &str, version: &str) -> Version {
    match session
        .ask(Question::get(&path::of_version(group, version)))
        .await
    {
        Ok(answer) => serde_json::from_slice::<ResourceList>(&answer.body)
            .map_or(Version::Failed(Failure::Malformed), |list| {
                Version::Fresh(list.resources)
            }),
        Err(failure) => Version::Failed(failure),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn catalogue(document: Value) -> Catalogue {
        let document: Document = serde_json::from_value(document).unwrap();
        Catalogue {
            groups: document.groups().unwrap(),
        }
    }

    fn group(name: &str, versions: &Value) -> Value {
        json!({"items": [{"metadata": {"name": name}, "versions": versions}]})
    }

    #[test]
    fn the_preferred_version_that_can_be_listed_is_taken() {
        let list = json!([{"resource": "sidecars", "verbs": ["get", "list"]}]);
        let watch = json!([{"resource": "sidecars", "verbs": ["watch"]}]);
        let cases = [
            (
                json!([{"version": "v1alpha3", "resources": list}, {"version": "v1", "resources": list}]),
                Served::At("v1"),
                "preferred by the tool, not by the server",
            ),
            (
                json!([{"version": "v1", "resources": watch}, {"version": "v1beta1", "resources": list}]),
                Served::At("v1beta1"),
                "the first cannot be listed",
            ),
            (
                json!([{"version": "v2", "resources": list}]),
                Served::No,
                "a version whose fields are unknown",
            ),
            (
                json!([{"version": "v1", "resources": []}]),
                Served::No,
                "the group without the kind",
            ),
            (
                json!([{"version": "v1", "freshness": "Stale", "resources": []}]),
                Served::Unknown(Failure::Stale),
                "an aggregated API that is down",
            ),
            (
                json!([{"version": "v1", "freshness": "Stale", "resources": list}]),
                Served::At("v1"),
                "was served when last known: the list will tell",
            ),
        ];
        for (versions, served, why) in cases {
            let catalogue = catalogue(group("networking.istio.io", &versions));
            assert_eq!(catalogue.served(Kind::Sidecar), served, "{why}");
        }
    }

    #[test]
    fn config_maps_need_not_be_listable() {
        let resources = json!([{"resource": "configmaps", "verbs": ["get"]}]);
        let core = json!({"items": [{"versions": [{"version": "v1", "resources": resources}]}]});
        let catalogue = catalogue(core);
        assert_eq!(catalogue.served(Kind::ConfigMap), Served::At("v1"));
        assert_eq!(catalogue.served(Kind::Pod), Served::No);
    }

    #[test]
    fn the_older_form_names_versions_to_ask_for() {
        let catalogue = catalogue(json!({"kind": "APIGroupList", "groups": [
            {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}, {"version": "v1beta1"}]},
            {"name": "other", "versions": [{"version": "v1"}]},
        ]}));
        let kinds = BTreeSet::from([Kind::Deployment, Kind::Sidecar]);
        assert_eq!(
            catalogue.open(&kinds),
            [("apps".to_owned(), "v1".to_owned())]
        );
    }

    #[test]
    fn a_group_that_could_not_be_asked_is_not_absent() {
        let mut catalogue = Catalogue {
            groups: BTreeMap::new(),
        };
        let kinds = BTreeSet::from([Kind::Deployment]);
        catalogue.take_groups(&kinds, Err(Failure::Timeout));
        assert_eq!(
            catalogue.served(Kind::Deployment),
            Served::Unknown(Failure::Timeout)
        );
        let forbidden = Failure::Status {
            code: 403,
            reason: None,
            retry_after: None,
        };
        catalogue.take_groups(&kinds, Err(forbidden));
        assert_eq!(catalogue.served(Kind::Deployment), Served::At("v1"));
    }
}
