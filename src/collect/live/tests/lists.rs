//! Lists: pages, and servers that fail in the middle of them.

use tokio::time::Instant;

use super::*;

const SERVICE: Kind = Kind::Service;
const FIRST: &str = "/api/v1/services?limit=2";

/// Services over three pages, unless the script says otherwise.
fn three_pages(script: impl Fn(&str, usize) -> Option<Reply> + Send + Sync + 'static) -> Fake {
    Fake::new(move |path, before| {
        script(path, before).or_else(|| match path {
            FIRST => Some(page(&["a", "b"], "t1")),
            "/api/v1/services?limit=2&continue=t1" => Some(page(&["c", "d"], "t2")),
            "/api/v1/services?limit=2&continue=t2" => Some(page(&["e"], "")),
            _ => None,
        })
    })
}

const SECOND: &str = "/api/v1/services?limit=2&continue=t1";

#[tokio::test(start_paused = true)]
async fn pages_make_one_list() {
    let fake = three_pages(|_, _| None);
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    assert_eq!(names(&snapshot, SERVICE), ["a", "b", "c", "d", "e"]);
    let read = source(&snapshot, SERVICE);
    assert_eq!(
        (read.status, read.http_status),
        (ReadStatus::Read, Some(200))
    );
    assert_eq!((read.count, read.pages), (5, 3));
    assert_eq!(read.resource_version.as_deref(), Some("9"));
    assert_eq!(read.started_at.as_deref(), Some("2025-11-21T12:00:00.000Z"));
    assert_eq!(fake.count(SECOND), 1, "each page is requested once");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_restarts_the_list_once() {
    let fake = three_pages(|path, before| {
        (path == SECOND && before == 0).then(|| refused(410, "Expired"))
    });
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    assert_eq!(names(&snapshot, SERVICE), ["a", "b", "c", "d", "e"]);
    assert_eq!(status(&snapshot, SERVICE), ReadStatus::Read);
    assert_eq!(fake.count(FIRST), 2);

    let fake = three_pages(|path, _| (path == SECOND).then(|| refused(410, "Expired")));
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    let read = source(&snapshot, SERVICE);
    assert_eq!(
        (read.status, read.http_status),
        (ReadStatus::Truncated, Some(410))
    );
    assert_eq!(
        names(&snapshot, SERVICE),
        ["a", "b"],
        "what was read is kept"
    );
    assert_eq!((read.count, read.pages), (2, 1));
    assert_eq!(fake.count(FIRST), 2);
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_asked_again_when_it_says() {
    let fake =
        three_pages(|path, before| (path == SECOND && before == 0).then_some(Reply::Busy(9)));
    let start = Instant::now();
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    assert_eq!(status(&snapshot, SERVICE), ReadStatus::Read);
    let waited = start.elapsed();
    assert!((9..10).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn one_request_and_its_repetitions_end_in_time() {
    let fake = three_pages(|path, _| (path == FIRST).then_some(Reply::Busy(1)));
    let start = Instant::now();
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    let read = source(&snapshot, SERVICE);
    assert_eq!(
        (read.status, read.http_status),
        (ReadStatus::Error, Some(429))
    );
    assert!(start.elapsed() <= TIMEOUT, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hung_request_ends_in_time() {
    let fake = three_pages(|path, _| (path == FIRST).then_some(Reply::Hang));
    let start = Instant::now();
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    assert_eq!(status(&snapshot, SERVICE), ReadStatus::Timeout);
    assert!(start.elapsed() <= TIMEOUT + Duration::from_secs(1));
    assert_eq!(
        status(&snapshot, Kind::Namespace),
        ReadStatus::Read,
        "others go on"
    );
}

#[tokio::test(start_paused = true)]
async fn server_errors_pass_or_stay() {
    let fake = three_pages(|path, before| {
        (path == FIRST && before < 3).then(|| refused(503, "ServiceUnavailable"))
    });
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    assert_eq!(status(&snapshot, SERVICE), ReadStatus::Read);

    let fake = three_pages(|path, _| (path == FIRST).then(|| refused(500, "InternalError")));
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    let read = source(&snapshot, SERVICE);
    assert_eq!(
        (read.status, read.http_status),
        (ReadStatus::Error, Some(500))
    );
    assert_eq!(
        read.message.as_deref(),
        Some("the server answered 500 (InternalError)")
    );
}

#[tokio::test(start_paused = true)]
async fn broken_answers_are_asked_for_again() {
    let broken = [
        (
            Reply::Cut(r#"{"metadata":{"continue":"t2"},"items":["#.to_owned()),
            "cut",
        ),
        (Reply::Html, "a login page"),
        (
            Reply::Json(
                200,
                r#"{"metadata":{"continue":"t2"},"items":[{"meta"#.to_owned(),
            ),
            "breaks off",
        ),
        (Reply::Json(200, "{}".to_owned()), "no list"),
    ];
    for (reply, why) in broken {
        let once = reply.clone();
        let fake =
            three_pages(move |path, before| (path == SECOND && before == 0).then(|| once.clone()));
        let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
        assert_eq!(
            names(&snapshot, SERVICE),
            ["a", "b", "c", "d", "e"],
            "{why}"
        );
        assert_eq!(status(&snapshot, SERVICE), ReadStatus::Read, "{why}");

        let always = reply.clone();
        let fake = three_pages(move |path, _| (path == SECOND).then(|| always.clone()));
        let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
        assert_eq!(names(&snapshot, SERVICE), ["a", "b"], "{why}");
        assert_eq!(status(&snapshot, SERVICE), ReadStatus::Truncated, "{why}");
        assert_eq!(fake.count(SECOND), 3, "{why}");

        let fake = three_pages(move |path, _| (path == FIRST).then(|| reply.clone()));
        let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
        assert_eq!(status(&snapshot, SERVICE), ReadStatus::Error, "{why}");
        assert!(
            !format!("{:?}", snapshot.coverage).contains("canary"),
            "{why}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_leads_nowhere_is_given_up() {
    let repeated = three_pages(|path, _| (path == SECOND).then(|| page(&["c"], "t1")));
    let snapshot = collect(&repeated, &[SERVICE], &[]).await.unwrap();
    assert_eq!(status(&snapshot, SERVICE), ReadStatus::Truncated);
    assert_eq!(names(&snapshot, SERVICE), ["a", "b", "c"]);

    let idle = Fake::new(|path, _| {
        let asked = path.strip_prefix("/api/v1/services?limit=2")?;
        Some(page(
            &["a", "b"],
            &format!("{}x", asked.trim_start_matches("&continue=")),
        ))
    });
    let snapshot = collect(&idle, &[SERVICE], &[]).await.unwrap();
    assert_eq!(status(&snapshot, SERVICE), ReadStatus::Truncated);
    assert_eq!(
        names(&snapshot, SERVICE),
        ["a", "b"],
        "nothing is counted twice"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_object_twice_leaves_a_doubt() {
    let fake = three_pages(|path, _| (path == SECOND).then(|| page(&["b", "c"], "")));
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    assert_eq!(names(&snapshot, SERVICE), ["a", "b", "c"]);
    assert_eq!(status(&snapshot, SERVICE), ReadStatus::Truncated);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_decoded_is_named() {
    let fake = three_pages(|path, _| {
        (path == SECOND).then(|| {
            let items = r#"[{"metadata":{"name":"c","namespace":"n"},"spec":7},{"metadata":{"name":"d","namespace":"n"}}]"#;
            Reply::Json(200, format!(r#"{{"metadata":{{"continue":"t2"}},"items":{items}}}"#))
        })
    });
    let snapshot = collect(&fake, &[SERVICE], &[]).await.unwrap();
    assert_eq!(names(&snapshot, SERVICE), ["a", "b", "d", "e"]);
    let read = source(&snapshot, SERVICE);
    assert_eq!((read.status, read.count), (ReadStatus::Read, 5));
    let [unreadable] = snapshot.coverage.unreadable.as_slice() else {
        panic!("{:?}", snapshot.coverage.unreadable);
    };
    assert_eq!(
        (unreadable.name.as_str(), unreadable.place.as_str()),
        ("c", "page 2, item 1")
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_leaves_gaps_within_the_time_of_one_request() {
    for (silence, wanted) in [
        (Reply::Refuse, ReadStatus::Error),
        (Reply::Hang, ReadStatus::Timeout),
    ] {
        let fake = three_pages(move |path, _| {
            let is_early = path.starts_with("/api") && !path.contains('?');
            // Nodes and Services are asked for before all others.
            let alive = is_early || path == FIRST || path.starts_with("/api/v1/nodes");
            (!alive).then(|| silence.clone())
        });
        let start = Instant::now();
        let mut kinds = vec![
            SERVICE,
            Kind::ServiceAccount,
            Kind::Node,
            Kind::Role,
            Kind::Job,
        ];
        kinds.extend([Kind::CronJob, Kind::ReplicaSet, Kind::Deployment]);
        let snapshot = collect(&fake, &kinds, &[]).await.unwrap();
        let elapsed = start.elapsed();
        assert!(elapsed <= TIMEOUT + Duration::from_secs(6), "{elapsed:?}");
        assert_eq!(status(&snapshot, SERVICE), ReadStatus::Truncated);
        assert_eq!(names(&snapshot, SERVICE), ["a", "b"]);
        assert_eq!(status(&snapshot, Kind::ServiceAccount), wanted);
        assert_eq!(
            status(&snapshot, Kind::Role),
            ReadStatus::Error,
            "not even asked for"
        );
    }
}
