//! Parts that the models of OSCAL have in common. A list that is empty is left out: OSCAL has none.

use std::borrow::Cow;

use serde::Serialize;

use super::id::{Id, Ids};
use super::text::{self, Moment, line};
use super::{NS, OSCAL_VERSION, TRESTLE_NS};
use crate::render::EvidenceFile;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata<'r> {
    title: Cow<'r, str>,
    last_modified: Moment,
    version: &'r str,
    oscal_version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    props: Vec<Prop<'r>>,
}

/// A property: one value under a name.
#[derive(Clone, Serialize)]
pub(super) struct Prop<'r> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns: Option<&'static str>,
    value: Cow<'r, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remarks: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) rel: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ReviewedControls<'r> {
    control_selections: [ControlSelection<'r>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    control_objective_selections: Vec<ObjectiveSelection<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ControlSelection<'r> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include_controls: Vec<ControlId<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ControlId<'r> {
    control_id: &'r str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ObjectiveSelection<'r> {
    include_objectives: Vec<ObjectiveId<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ObjectiveId<'r> {
    objective_id: &'r str,
}

/// Who says so: the program.
#[derive(Clone, Serialize)]
pub(super) struct Origin {
    actors: [Actor; 1],
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Actor {
    #[serde(rename = "type")]
    kind: &'static str,
    actor_uuid: Id,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct AssessmentAssets<'r> {
    components: [Component<'r>; 1],
    assessment_platforms: [Platform; 1],
}

#[derive(Serialize)]
pub(super) struct Component<'r> {
    uuid: Id,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    description: &'static str,
    props: Vec<Prop<'r>>,
    status: State,
}

#[derive(Serialize)]
struct State {
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Platform {
    uuid: Id,
    title: &'static str,
    uses_components: [UsesComponent; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct UsesComponent {
    component_uuid: Id,
}

#[derive(Serialize)]
pub(super) struct BackMatter {
    pub(super) resources: Vec<Resource>,
}

#[derive(Serialize)]
pub(super) struct Resource {
    pub(super) uuid: Id,
    pub(super) title: String,
    pub(super) description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rlinks: Vec<Rlink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<Embedded>,
}

/// A file inside the document.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Embedded {
    filename: &'static str,
    media_type: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Rlink {
    pub(super) href: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash>,
}

#[derive(Serialize)]
pub(super) struct Hash {
    pub(super) algorithm: &'static str,
    pub(super) value: String,
}

impl<'r> Metadata<'r> {
    pub(super) fn new(
        title: impl Into<Cow<'r, str>>,
        last_modified: Moment,
        version: &'r str,
        props: Vec<Prop<'r>>,
    ) -> Self {
        Self {
            title: title.into(),
            last_modified,
            version,
            oscal_version: OSCAL_VERSION,
            props,
        }
    }
}

impl<'r> Prop<'r> {
    /// Of a name in NIST's list.
    pub(super) fn nist(name: &'static str, value: impl Into<Cow<'r, str>>) -> Self {
        Self::made(name, None, value.into())
    }

    /// Of this program.
    pub(super) fn own(name: &'static str, value: impl Into<Cow<'r, str>>) -> Self {
        Self::made(name, Some(NS), value.into())
    }

    /// Of this program: a number.
    pub(super) fn number(name: &'static str, value: u64) -> Self {
        Self::own(name, value.to_string())
    }

    /// Of a name that compliance-trestle knows.
    pub(super) fn trestle(name: &'static str, value: impl Into<Cow<'r, str>>) -> Self {
        Self::made(name, Some(TRESTLE_NS), value.into())
    }

    /// Of a name in another namespace.
    pub(super) fn named(
        name: &'static str,
        ns: &'static str,
        value: impl Into<Cow<'r, str>>,
    ) -> Self {
        Self::made(name, Some(ns), value.into())
    }

    /// The same, as one of those that belong together by equal remarks.
    pub(super) fn grouped(
        name: &'static str,
        ns: &'static str,
        value: String,
        remarks: String,
    ) -> Self {
        Self {
            remarks: Some(remarks),
            ..Self::made(name, Some(ns), value.into())
        }
    }

    fn made(name: &'static str, ns: Option<&'static str>, value: Cow<'r, str>) -> Self {
        let value = match value {
            Cow::Borrowed(text) => line(text),
            Cow::Owned(text) => Cow::Owned(line(&text).into_owned()),
        };
        Self {
            name,
            ns,
            value,
            remarks: None,
        }
    }
}

impl<'r> ReviewedControls<'r> {
    /// Controls by id, with their objectives by id.
    pub(super) fn new(
        controls: impl Iterator<Item = &'r str>,
        objectives: impl Iterator<Item = &'r str>,
    ) -> Self {
        let include_objectives: Vec<_> = objectives
            .map(|objective_id| ObjectiveId { objective_id })
            .collect();
        let objectives =
            (!include_objectives.is_empty()).then_some(ObjectiveSelection { include_objectives });
        Self {
            control_selections: [ControlSelection {
                include_controls: controls
                    .map(|control_id| ControlId { control_id })
                    .collect(),
            }],
            control_objective_selections: objectives.into_iter().collect(),
        }
    }
}

impl Origin {
    /// This program.
    pub(super) fn tool() -> [Self; 1] {
        [Self {
            actors: [Actor {
                kind: "tool",
                actor_uuid: tool(),
            }],
        }]
    }
}

/// This program, as a component.
fn tool() -> Id {
    Ids::fixed("tool", &[])
}

impl<'r> AssessmentAssets<'r> {
    /// This program, as component and platform.
    pub(super) fn new(version: &'r str) -> Self {
        Self {
            components: [Component {
                uuid: tool(),
                kind: "software",
                title: env!("CARGO_PKG_NAME"),
                description: "Reads objects of a Kubernetes cluster through its API (get and list, never a Secret) and \
                              holds them against rules on process isolation.",
                props: vec![Prop::nist("version", version)],
                status: State {
                    state: "operational",
                },
            }],
            assessment_platforms: [Platform {
                uuid: Ids::fixed("platform", &[]),
                title: env!("CARGO_PKG_NAME"),
                uses_components: [UsesComponent {
                    component_uuid: tool(),
                }],
            }],
        }
    }
}

impl Resource {
    /// A statement that something is not there, which is also its content.
    pub(super) fn note(uuid: Id, title: &str, description: &str) -> Self {
        let file = ("note.txt", "text/plain");
        Self::embedded(uuid, (title, description), file, description.as_bytes())
    }

    /// A file inside the document.
    pub(super) fn embedded(
        uuid: Id,
        (title, description): (&str, &str),
        (filename, media_type): (&'static str, &'static str),
        content: &[u8],
    ) -> Self {
        Self {
            uuid,
            title: title.to_owned(),
            description: description.to_owned(),
            rlinks: Vec::new(),
            base64: Some(Embedded {
                filename,
                media_type,
                value: text::base64(content),
            }),
        }
    }

    /// The evidence that a document was rendered from.
    pub(super) fn evidence(uuid: Id, evidence: &EvidenceFile) -> Self {
        Self {
            uuid,
            title: "Evidence JSON".to_owned(),
            description: "What was read, what each rule found in it, and the values that each verdict rests on. \
                          `sc39 verify` derives every verdict again from this file alone."
                .to_owned(),
            rlinks: vec![Rlink {
                href: text::file_reference(&evidence.name),
                media_type: Some("application/json"),
                hashes: vec![Hash {
                    algorithm: "SHA-256",
                    value: evidence.sha256.clone(),
                }],
            }],
            base64: None,
        }
    }
}
