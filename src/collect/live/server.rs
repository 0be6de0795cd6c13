//! What the server says of itself and of the one who asks.

use futures::future::join;
use serde::Deserialize;

use super::failure::{Failure, clean};
use super::session::{Question, Session};
use crate::snapshot::Operator;

/// A clock that is off by more than this is worth a note.
const TOLERATED_MS: i64 = 60_000;

const REVIEW_PATH: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEW: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;

/// Provenance that only the server knows.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) git_version: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) operator: Option<Operator>,
    pub(super) clock_difference_ms: Option<i64>,
    pub(super) notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionInfo {
    git_version: Option<String>,
    platform: Option<String>,
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
    uid: Option<String>,
    groups: Option<Vec<String>>,
}

/// Asks the server for its version and for who is asking. What it does not say becomes a note.
pub(super) async fn about(session: &Session<'_>) -> About {
    let (version, operator) = join(version(session), operator(session)).await;
    let mut about = About::default();
    match version {
        Ok((version, clock_difference)) => {
            about.git_version = version.git_version.as_deref().map(clean);
            about.platform = version.platform.as_deref().map(clean);
            about.clock_difference_ms = clock_difference;
            about.notes.extend(clock_difference.and_then(clock_note));
        }
        Err(failure) => about
            .notes
            .push(format!("the server's version is not known: {failure}")),
    }
    match operator {
        Ok(operator) => about.operator = Some(operator),
        Err(failure) => about
            .notes
            .push(format!("who was asking is not known: {failure}")),
    }
    about
}

async fn version(session: &Session<'_>) -> Result<(VersionInfo, Option<i64>), Failure> {
    let answer = session.ask(Question::get("/version")).await?;
    let version = serde_json::from_slice(&answer.body).map_err(|_| Failure::Malformed)?;
    Ok((version, answer.clock_difference))
}

async fn operator(session: &Session<'_>) -> Result<Operator, Failure> {
    let answer = session.ask(Question::review(REVIEW_PATH, REVIEW)).await?;
    let review: Review = serde_json::from_slice(&answer.body).map_err(|_| Failure::Malformed)?;
    Ok(named(review.status.user_info))
}

fn named(user: UserInfo) -> Operator {
    let mut groups: Vec<String> = user
        .groups
        .unwrap_or_default()
        .iter()
        .filter(|group| group.starts_with("system:"))
        .map(|group| clean(group))
        .collect();
    groups.sort();
    Operator {
        username: clean(&user.username),
        uid: user.uid.as_deref().map(clean).filter(|uid| !uid.is_empty()),
        groups,
    }
}

fn clock_note(difference_ms: i64) -> Option<String> {
    let seconds = difference_ms.abs() / 1000;
    let side = if difference_ms > 0 {
        "ahead of"
    } else {
        "behind"
    };
    (difference_ms.abs() > TOLERATED_MS)
        .then(|| format!("the local clock is {seconds} s {side} the server's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_noted() {
        assert_eq!(clock_note(60_000), None);
        assert_eq!(clock_note(-59_000), None);
        assert_eq!(
            clock_note(75_400).as_deref(),
            Some("the local clock is 75 s ahead of the server's")
        );
        assert_eq!(
            clock_note(-75_400).as_deref(),
            Some("the local clock is 75 s behind the server's")
        );
    }

    #[test]
    fn groups_of_an_identity_provider_are_not_kept() {
        let review: Review = serde_json::from_str(
            r#"{"status":{"userInfo":{"username":"jane","uid":"","groups":["system:masters","staff","system:authenticated"],"extra":{"x":["canary"]}}}}"#,
        )
        .unwrap();
        let operator = named(review.status.user_info);
        assert_eq!(operator.groups, ["system:authenticated", "system:masters"]);
        assert_eq!(operator.uid, None);
    }
}
