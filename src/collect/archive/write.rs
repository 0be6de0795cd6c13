//! Writes a snapshot file.

use std::collections::HashMap;
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::sync::Arc;

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::{ArchiveError, KIND, SCHEMA_VERSION};
use crate::canonical;
use crate::kind::Kind;
use crate::projection::{Identity, PodInstance, Projection};
use crate::snapshot::{Coverage, Object, Origin, Snapshot};

/// Beyond this level files get little smaller, and writing much slower.
const LEVEL: i32 = 6;

/// Writes the snapshot.
pub fn write(snapshot: &Snapshot, writer: impl Write) -> Result<(), ArchiveError> {
    compress(snapshot, writer).map_err(ArchiveError::Write)
}

fn compress(snapshot: &Snapshot, writer: impl Write) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(writer, LEVEL)?;
    encoder.include_checksum(true)?;
    let mut buffer = BufWriter::with_capacity(1 << 16, encoder);
    serde_json::to_writer(&mut buffer, &File::new(snapshot))?;
    let encoder = buffer.into_inner().map_err(IntoInnerError::into_error)?;
    encoder.finish()?.flush()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    kind: &'static str,
    schema_version: &'static str,
    origin: &'a Origin,
    coverage: &'a Coverage,
    projections: Projections<'a>,
    objects: Objects<'a>,
}

struct Projections<'a>(Vec<(Kind, &'a Projection)>);

struct Objects<'a> {
    objects: &'a [Object],
    projections: Vec<usize>,
}

#[derive(Serialize)]
struct WrittenProjection<'a> {
    kind: Kind,
    digest: String,
    value: &'a Projection,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenObject<'a> {
    kind: Kind,
    version: &'a str,
    identity: &'a Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_pod: Option<&'a PodInstance>,
    projection: usize,
}

impl<'a> File<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut unique = Vec::new();
        let mut by_address = HashMap::new();
        // Equal projections need not be shared, and the file must not depend on whether they are.
        let mut by_value = HashMap::new();
        let indexes = snapshot.objects.iter().map(|object| {
            *by_address
                .entry(Arc::as_ptr(&object.projection))
                .or_insert_with(|| {
                    *by_value
                        .entry(object.projection.as_ref())
                        .or_insert_with(|| {
                            unique.push((object.kind, object.projection.as_ref()));
                            unique.len() - 1
                        })
                })
        });
        let projections = indexes.collect();
        Self {
            kind: KIND,
            schema_version: SCHEMA_VERSION,
            origin: &snapshot.origin,
            coverage: &snapshot.coverage,
            projections: Projections(unique),
            objects: Objects {
                objects: &snapshot.objects,
                projections,
            },
        }
    }
}

impl Serialize for Projections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (kind, value) in &self.0 {
            list.serialize_element(&WrittenProjection {
                kind: *kind,
                digest: canonical::digest_of(value).map_err(S::Error::custom)?,
                value,
            })?;
        }
        list.end()
    }
}

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.objects.iter().zip(&self.projections).map(
            |(object, projection)| WrittenObject {
                kind: object.kind,
                version: &object.version,
                identity: &object.identity,
                per_pod: object.instance.as_deref(),
                projection: *projection,
            },
        ))
    }
}
