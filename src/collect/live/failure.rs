//! Why a single request did not come through, in words that hold nothing of what the server sent.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use kube::client::AuthError;

use crate::snapshot::ReadStatus;

/// How one request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered, and not with a success.
    Status {
        code: u16,
        /// The one word of the API's `Status`, such as `Forbidden`.
        reason: Option<&'static str>,
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke before an answer came.
    Transport(String),
    /// The answer broke off.
    Cut,
    /// The answer is something else than JSON.
    ContentType,
    /// The answer is not the JSON that was asked for.
    Malformed,
    /// The answer is longer than is taken in.
    TooLarge,
    /// The time allowed is over.
    Timeout,
    /// There are no credentials to ask with.
    Credentials(String),
    /// The server answers nobody any more, so this request was not even sent.
    Lost,
    /// Discovery lists the API version without being able to ask the server behind it.
    Stale,
}

impl Failure {
    /// Reads the chain of errors that the client gives.
    pub(super) fn of_error(error: &kube::Error) -> Self {
        let mut deepest: &(dyn Error + 'static) = error;
        loop {
            if let Some(problem) = deepest.downcast_ref::<AuthError>() {
                return Self::Credentials(credentials(problem));
            }
            match deepest.source() {
                Some(source) => deepest = source,
                None => return Self::Transport(clean(&deepest.to_string())),
            }
        }
    }

    /// Status of the response, if there was one.
    pub(super) fn http_status(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Cut | Self::ContentType | Self::Malformed | Self::TooLarge => Some(200),
            Self::Transport(_)
            | Self::Timeout
            | Self::Credentials(_)
            | Self::Lost
            | Self::Stale => None,
        }
    }

    /// Whether the server answered with this status.
    pub(super) fn is_status(&self, wanted: u16) -> bool {
        matches!(self, Self::Status { code, .. } if *code == wanted)
    }

    /// Whether no answer came at all, as when the server is gone.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Transport(_) | Self::Timeout | Self::Lost)
    }

    /// The gap that it leaves.
    pub(super) fn read_status(&self) -> ReadStatus {
        match self {
            Self::Status { code: 403, .. } => ReadStatus::Forbidden,
            Self::Timeout => ReadStatus::Timeout,
            Self::Status { .. }
            | Self::Transport(_)
            | Self::Cut
            | Self::ContentType
            | Self::Malformed
            | Self::TooLarge
            | Self::Credentials(_)
            | Self::Lost
            | Self::Stale => ReadStatus::Error,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status {
                code,
                reason: Some(reason),
                ..
            } => write!(formatter, "the server answered {code} ({reason})"),
            Self::Status { code, .. } => write!(formatter, "the server answered {code}"),
            Self::Transport(problem) => write!(formatter, "the connection failed: {problem}"),
            Self::Cut => formatter.write_str("the answer broke off in the middle"),
            Self::ContentType => formatter.write_str("the answer is not JSON"),
            Self::Malformed => formatter.write_str("the answer is not the JSON of the API"),
            Self::TooLarge => formatter.write_str("the answer is too large"),
            Self::Timeout => formatter.write_str("no complete answer within the time allowed"),
            Self::Credentials(problem) => write!(formatter, "no credentials: {problem}"),
            Self::Lost => formatter.write_str("the server no longer answers"),
            Self::Stale => {
                formatter.write_str("the server cannot say what this API version serves")
            }
        }
    }
}

/// Says in own words why there are no credentials: the errors themselves may quote a plugin's output.
pub(super) fn credentials(problem: &AuthError) -> String {
    match problem {
        AuthError::AuthExecStart(cause) => {
            let why = match cause.kind() {
                ErrorKind::NotFound => {
                    "the command that the kubeconfig names is not in PATH".to_owned()
                }
                kind => kind.to_string(),
            };
            format!("unable to start the credential plugin: {why}")
        }
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin failed with {}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin did not answer with an ExecCredential".to_owned()
        }
        AuthError::MissingCommand => "the kubeconfig names no credential plugin".to_owned(),
        AuthError::ReadTokenFile(cause, path) => clean(&format!(
            "unable to read the token file {}: {}",
            path.display(),
            cause.kind()
        )),
        AuthError::UnrefreshableTokenResponse => {
            "the credential plugin gave no token to renew the old one".to_owned()
        }
        AuthError::MalformedTokenExpirationDate(_) => {
            "the expiry of the token is not a time".to_owned()
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "they contain characters that a header cannot hold".to_owned()
        }
        AuthError::Oidc(_) => "the identity provider gave no token".to_owned(),
        _ => "the kubeconfig's way to authenticate failed or is not supported".to_owned(),
    }
}

/// Makes text from outside fit for a message: one short line without control characters.
pub(super) fn clean(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars()
        .take(LONGEST)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_credential_plugin_is_not_repeated() {
        let output = std::process::Output {
            status: std::process::ExitStatus::default(),
            stdout: b"canary".to_vec(),
            stderr: b"canary".to_vec(),
        };
        let error = kube::Error::Service(Box::new(AuthError::AuthExecRun {
            cmd: "plugin --token canary".to_owned(),
            out: Box::new(output),
        }));
        let failure = Failure::of_error(&error);
        assert!(matches!(failure, Failure::Credentials(_)), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }

    #[test]
    fn text_from_outside_becomes_one_short_line() {
        assert_eq!(clean("a\nb\u{1b}[31mc"), "a b [31mc");
        assert_eq!(clean(&"x".repeat(1000)).len(), 200);
    }
}
