//! Closed lists of words, for the schema.

use std::borrow::Cow;

use clap::ValueEnum as _;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::catalog::{Method, Reason, Relation};
use crate::report::{Determination, Effective, WaiverStatus};
use crate::rules::{Group, Severity, Verdict};
use crate::snapshot::{Mode, ReadStatus, Verb};
use crate::waivers::Deviation;

/// A word of a closed list.
pub(super) trait Word: Copy {
    /// Name of the list in the schema.
    const LIST: &'static str;
    /// All of them.
    fn all() -> Vec<Self>;
    /// As written.
    fn word(self) -> &'static str;
}

/// A word as it is written.
#[derive(Debug)]
pub(super) struct Written<W>(pub(super) W);

impl<W: Word> Serialize for Written<W> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<W: Word> JsonSchema for Written<W> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed(W::LIST)
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = W::all().into_iter().map(W::word).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

macro_rules! words {
    ($($type:ty: [$($value:ident => $word:literal),+ $(,)?]),+ $(,)?) => {$(
        impl Word for $type {
            const LIST: &'static str = stringify!($type);

            fn all() -> Vec<Self> {
                vec![$(Self::$value),+]
            }

            fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word),+
                }
            }
        }
    )+};
}

words! {
    Verdict: [
        Fail => "fail", Indeterminate => "indeterminate", Pass => "pass", NotApplicable => "not-applicable",
    ],
    Mode: [Live => "live", Manifests => "manifests", Demo => "demo"],
    Verb: [List => "list", Get => "get", File => "file"],
    ReadStatus: [
        Read => "read", Absent => "absent", NotServed => "not-served", Forbidden => "forbidden",
        Truncated => "truncated", Timeout => "timeout", Error => "error", NotCollected => "not-collected",
    ],
    Group: [
        ExecutionDomain => "execution-domain", Tenancy => "tenancy", Resources => "resources", Mesh => "mesh",
        Network => "network", Edge => "edge",
    ],
    Relation: [Primary => "primary", Supporting => "supporting"],
    Determination: [
        Exceptions => "exceptions", Undetermined => "undetermined", NoExceptions => "no-exceptions",
    ],
    WaiverStatus: [
        Applied => "applied", Expired => "expired", NotYetApproved => "not-yet-approved", Unmatched => "unmatched", NotSelected => "not-selected",
    ],
    Deviation: [
        OperationalRequirement => "OR", FalsePositive => "FP", RiskAdjustment => "RA", VendorDependency => "VD",
    ],
    Method: [Examine => "EXAMINE", Interview => "INTERVIEW", Test => "TEST"],
}

impl Word for Effective {
    const LIST: &'static str = "Effective";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Word for Severity {
    const LIST: &'static str = "Severity";

    fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Word for Reason {
    const LIST: &'static str = "CatalogueReason";

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn word(self) -> &'static str {
        self.as_str()
    }
}
