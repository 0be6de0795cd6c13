//! Reads a snapshot file, wholly or not at all.

use std::cell::RefCell;
use std::fmt;
use std::io::{BufReader, Read};
use std::sync::Arc;

use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;

use super::limits::{self, Allowance, Limited, Packed};
use super::{ArchiveError, KIND};
use crate::canonical;
use crate::kind::Kind;
use crate::projection::form::Form;
use crate::projection::{self, Identity, PodInstance, Projection};
use crate::snapshot::{Interner, Object, Snapshot};

/// Reads a snapshot.
pub fn read(reader: impl Read) -> Result<Snapshot, ArchiveError> {
    let allowance = Allowance::default();
    let packed = Packed {
        inner: reader,
        allowance: &allowance,
    };
    let unpacked = Limited {
        inner: zstd::Decoder::new(packed).map_err(ArchiveError::Read)?,
        allowance: &allowance,
    };
    let mut json =
        serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, unpacked));
    let mut refusal = None;
    let whole = File {
        allowance: &allowance,
        refusal: &mut refusal,
    };
    whole
        .deserialize(Form::evidence(&mut json))
        // To the very end, where the checksum stands.
        .and_then(|snapshot| json.end().map(|()| snapshot))
        .map_err(|error| refusal.unwrap_or_else(|| explain(error, &allowance)))
}

fn explain(error: serde_json::Error, allowance: &Allowance) -> ArchiveError {
    if allowance.is_exceeded() {
        return ArchiveError::TooLarge {
            what: "it unpacks to more than the bound",
        };
    }
    match error.classify() {
        Category::Eof => ArchiveError::Truncated,
        Category::Io if error.io_error_kind() == Some(std::io::ErrorKind::UnexpectedEof) => {
            ArchiveError::Truncated
        }
        Category::Io => ArchiveError::Read(error.into()),
        Category::Syntax | Category::Data => ArchiveError::Damaged {
            message: error.to_string(),
        },
    }
}

/// The file as a whole.
struct File<'a> {
    allowance: &'a Allowance,
    /// Set when reading ends for a reason that has its own error.
    refusal: &'a mut Option<ArchiveError>,
}

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = Snapshot;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Snapshot, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = Snapshot;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Snapshot, A::Error> {
        let kind: String = self.member(&mut map, "kind")?;
        if kind != KIND {
            return self.refuse(ArchiveError::NotSnapshot { found: kind });
        }
        let version: String = self.member(&mut map, "schemaVersion")?;
        if !is_readable(&version) {
            return self.refuse(ArchiveError::Version { found: version });
        }
        let origin = self.member(&mut map, "origin")?;
        let coverage = self.member(&mut map, "coverage")?;
        let interner = RefCell::new(Interner::default());
        self.key(&mut map, "projections")?;
        let projections = map.next_value_seed(Items {
            allowance: self.allowance,
            convert: &|written| projection(written, &interner),
        })?;
        self.key(&mut map, "objects")?;
        let objects = map.next_value_seed(Items {
            allowance: self.allowance,
            convert: &|written| object(written, &projections, &interner),
        })?;
        if let Some(key) = map.next_key::<String>()? {
            return Err(A::Error::custom(format_args!("unknown member {key:?}")));
        }
        let snapshot = Snapshot::new(origin, coverage, objects);
        // Whatever was taken out would pass for what is not there.
        let miscounted = snapshot.miscounted().next();
        match miscounted {
            Some(message) => self.refuse(ArchiveError::Damaged { message }),
            None => Ok(snapshot),
        }
    }
}

impl File<'_> {
    fn key<'de, A: MapAccess<'de>>(&self, map: &mut A, name: &str) -> Result<(), A::Error> {
        self.allowance.next_member();
        match map.next_key::<String>()? {
            Some(key) if key == name => Ok(()),
            _ => Err(A::Error::custom(format_args!(
                "member {name:?} is not in its place"
            ))),
        }
    }

    fn member<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
        &self,
        map: &mut A,
        name: &str,
    ) -> Result<T, A::Error> {
        self.key(map, name)?;
        map.next_value()
    }

    fn refuse<E: serde::de::Error>(&mut self, error: ArchiveError) -> Result<Snapshot, E> {
        *self.refusal = Some(error);
        Err(E::custom("refused"))
    }
}

/// Whether a form of this version has nothing that this binary does not know.
fn is_readable(version: &str) -> bool {
    version
        .strip_prefix("1.0.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A list, converted entry by entry.
struct Items<'a, W, T> {
    allowance: &'a Allowance,
    convert: &'a dyn Fn(W) -> Result<T, String>,
}

impl<'de, W: Deserialize<'de>, T> DeserializeSeed<'de> for Items<'_, W, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, W: Deserialize<'de>, T> Visitor<'de> for Items<'_, W, T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        self.allowance.next_item();
        while let Some(written) = list.next_element()? {
            if items.len() == limits::ITEMS {
                return Err(A::Error::custom("too many entries"));
            }
            items.push((self.convert)(written).map_err(|message| {
                A::Error::custom(format_args!("entry {}: {message}", items.len()))
            })?);
            self.allowance.next_item();
        }
        Ok(items)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenProjection {
    #[serde(deserialize_with = "known_kind")]
    kind: Kind,
    digest: String,
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenObject {
    #[serde(deserialize_with = "known_kind")]
    kind: Kind,
    version: String,
    identity: Identity,
    #[serde(default)]
    per_pod: Option<Box<PodInstance>>,
    projection: usize,
}

fn known_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
    Kind::deserialize(CowStrDeserializer::<serde::de::value::Error>::new(
        name.clone(),
    ))
    .map_err(|_| D::Error::custom(format_args!("unknown kind {name:?}")))
}

/// A projection, and the name of its type.
type Shared = (&'static str, Arc<Projection>);

fn projection(written: WrittenProjection, interner: &RefCell<Interner>) -> Result<Shared, String> {
    let decoded = projection::decode_evidence(written.kind, written.value)
        .map_err(|error| format!("{} does not decode: {error}", written.kind))?;
    // Over what was decoded, so that nothing gets lost on the way unnoticed.
    match canonical::digest_of(&decoded.projection) {
        Ok(digest) if digest == written.digest => Ok((
            projection::type_name(written.kind),
            interner.borrow_mut().share(decoded.projection),
        )),
        _ => Err(format!("the digest of the {} does not match", written.kind)),
    }
}

fn object(
    written: WrittenObject,
    projections: &[Shared],
    interner: &RefCell<Interner>,
) -> Result<Object, String> {
    let WrittenObject {
        kind,
        version,
        identity,
        per_pod,
        projection: index,
    } = written;
    if !kind.api().versions.contains(&version.as_str()) {
        return Err(format!("a {kind} has no version {version:?}"));
    }
    let (of_type, projection) = projections
        .get(index)
        .ok_or_else(|| format!("there is no projection {index}"))?;
    if *of_type != projection::type_name(kind) {
        return Err(format!("a {kind} has no such projection"));
    }
    if per_pod.is_some() != (kind == Kind::Pod) {
        return Err(format!("a {kind} has the wrong members"));
    }
    let projection = Arc::clone(projection);
    let mut interner = interner.borrow_mut();
    Ok(interner.object_of(kind, &version, identity, per_pod, projection))
}
