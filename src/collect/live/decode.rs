//! From the bytes of a page to objects: projected in one pass, item by item only where that pass fails.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::failure::clean;
use crate::kind::Kind;
use crate::projection::form::Form;
use crate::projection::{Decode, Visitor, dispatch};
use crate::snapshot::{Interner, Object, Unreadable};

/// A page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// The list's own metadata.
    pub list: ListMetadata,
    /// Its items.
    pub objects: Vec<Object>,
    /// Items that are not as their kind should be.
    pub unreadable: Vec<Unreadable>,
}

/// `ListMeta`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListMetadata {
    /// State of the cluster that all pages show.
    #[serde(default)]
    pub resource_version: Option<String>,
    #[serde(default, rename = "continue")]
    token: Option<String>,
    #[serde(default)]
    remaining_item_count: Option<i64>,
}

impl ListMetadata {
    /// The token that the next page is asked for with, unless this is the last one.
    pub fn next(&self) -> Option<&str> {
        self.token.as_deref().filter(|token| !token.is_empty())
    }

    /// How many objects the server says are still to come.
    pub fn remaining(&self) -> Option<u64> {
        self.remaining_item_count
            .and_then(|count| u64::try_from(count).ok())
    }
}

/// Which list a page belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Kind of the items.
    pub kind: Kind,
    /// API version that was asked for.
    pub version: &'static str,
    /// Counted from one.
    pub page: u64,
}

/// Decodes a page; `None` if it is no list at all.
pub fn page(place: Place, body: &[u8], interner: &Mutex<Interner>) -> Option<Page> {
    let whole = Whole {
        place,
        body,
        interner,
    };
    match dispatch(place.kind, whole) {
        // An object without a name cannot be told from others; the pass over single items says which it is.
        Ok(page)
            if page
                .objects
                .iter()
                .all(|object| !object.identity.name.is_empty()) =>
        {
            Some(page)
        }
        _ => item_by_item(place, body, interner),
    }
}

/// Decodes the answer to a `get`.
pub(super) fn object(
    place: Place,
    body: &[u8],
    interner: &Mutex<Interner>,
) -> Result<Object, String> {
    let single = Single {
        place,
        body,
        interner,
    };
    dispatch(place.kind, single).map_err(|error| describe(&error))
}

/// Reads the metadata of a list without reading its items, if they stand before or behind them.
///
/// API servers write the metadata of built-in kinds first, and that of custom resources last.
pub(super) fn peek(body: &[u8]) -> Option<ListMetadata> {
    at_the_head(body).or_else(|| at_the_tail(body))
}

fn at_the_head(body: &[u8]) -> Option<ListMetadata> {
    struct Head<'a>(&'a mut Option<ListMetadata>);
    impl<'de> de::Visitor<'de> for Head<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                match key.as_ref() {
                    "metadata" => {
                        *self.0 = Some(map.next_value()?);
                        break;
                    }
                    "items" => break,
                    _ => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(())
        }
    }
    let mut found = None;
    // What follows the metadata is left unread, so this reports an error even when it has found what it looks for.
    let _ = serde_json::Deserializer::from_slice(body).deserialize_map(Head(&mut found));
    found
}

fn at_the_tail(body: &[u8]) -> Option<ListMetadata> {
    const KEY: &[u8] = b"\"metadata\":";
    const LONGEST: usize = 8 << 10;
    let tail = &body[body.len().saturating_sub(LONGEST)..];
    let start = tail.windows(KEY.len()).rposition(|window| window == KEY)? + KEY.len();
    let mut values = serde_json::Deserializer::from_slice(&tail[start..]).into_iter();
    let found = values.next()?.ok()?;
    // Behind an item's metadata there is at least the end of the item and of the list of items.
    let is_last = tail[start + values.byte_offset()..].trim_ascii() == b"}";
    is_last.then_some(found)
}

/// Reads a list, hands each item on as soon as it is read, and gives the list's metadata.
fn read_list<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    take: impl FnMut(T),
) -> serde_json::Result<ListMetadata> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let list = List(Items {
        take,
        item: PhantomData,
    });
    let metadata = Form::api(&mut json).deserialize_map(list)?;
    json.end()?;
    Ok(metadata)
}

/// A list as the API writes it.
struct List<I>(I);

impl<'de, T: Deserialize<'de>, F: FnMut(T)> de::Visitor<'de> for List<Items<T, F>> {
    type Value = ListMetadata;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ListMetadata, A::Error> {
        let mut metadata = None;
        // Without items it is no list, or any JSON object would be an empty one.
        let mut items = Some(self.0);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "metadata" if metadata.is_some() => {
                    return Err(de::Error::duplicate_field("metadata"));
                }
                "metadata" => metadata = Some(map.next_value::<Option<ListMetadata>>()?),
                "items" => {
                    let items = items.take();
                    map.next_value_seed(items.ok_or(de::Error::duplicate_field("items"))?)?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if items.is_some() {
            return Err(de::Error::missing_field("items"));
        }
        Ok(metadata.flatten().unwrap_or_default())
    }
}

/// The items of a list, one after another.
struct Items<T, F> {
    take: F,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Items<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, items: D) -> Result<(), D::Error> {
        items.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> de::Visitor<'de> for Items<T, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the items of a list")
    }

    /// `null`, which is how Go writes an empty list.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.take)(item);
        }
        Ok(())
    }
}

struct Whole<'a> {
    place: Place,
    body: &'a [u8],
    interner: &'a Mutex<Interner>,
}

impl Visitor for Whole<'_> {
    type Output = serde_json::Result<Page>;

    fn visit<T: Decode>(self) -> Self::Output {
        let mut objects = Vec::new();
        // Item by item, so that what replicas share is in memory once and not once for each of a page.
        let list = read_list(self.body, |item: T| {
            let mut interner = self.interner.lock().unwrap_or_else(PoisonError::into_inner);
            objects.push(interner.object(self.place.kind, self.place.version, item.split()));
        })?;
        Ok(Page {
            list,
            objects,
            unreadable: Vec::new(),
        })
    }
}

struct Single<'a> {
    place: Place,
    body: &'a [u8],
    interner: &'a Mutex<Interner>,
}

impl Visitor for Single<'_> {
    type Output = serde_json::Result<Object>;

    fn visit<T: Decode>(self) -> Self::Output {
        let decoded = from_slice::<T>(self.body)?.split();
        if decoded.identity.name.is_empty() {
            return Err(de::Error::missing_field("name"));
        }
        let mut interner = self.interner.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(interner.object(self.place.kind, self.place.version, decoded))
    }
}

fn item_by_item(place: Place, body: &[u8], interner: &Mutex<Interner>) -> Option<Page> {
    let mut page = Page::default();
    let mut index = 0;
    let list = read_list(body, |item: &RawValue| {
        match object(place, item.get().as_bytes(), interner) {
            Ok(object) => page.objects.push(object),
            Err(message) => page
                .unreadable
                .push(unreadable(place, index, item, message)),
        }
        index += 1;
    });
    page.list = list.ok()?;
    Some(page)
}

/// As serde's, but no list passes for a struct.
fn from_slice<'a, T: Deserialize<'a>>(body: &'a [u8]) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = T::deserialize(Form::api(&mut json))?;
    json.end()?;
    Ok(value)
}

fn unreadable(place: Place, index: usize, item: &RawValue, message: String) -> Unreadable {
    let (namespace, name) = identity(item);
    Unreadable {
        kind: place.kind,
        namespace,
        name,
        place: format!("page {}, item {}", place.page, index + 1),
        message,
    }
}

/// What can be told of an object that is not as it should be.
fn identity(item: &RawValue) -> (Option<String>, String) {
    #[derive(Default, Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        metadata: Option<&'a RawValue>,
    }
    #[derive(Default, Deserialize)]
    struct Identity {
        namespace: Option<serde_json::Value>,
        name: Option<serde_json::Value>,
    }
    let metadata = serde_json::from_str::<Named<'_>>(item.get())
        .ok()
        .and_then(|named| serde_json::from_str::<Identity>(named.metadata?.get()).ok())
        .unwrap_or_default();
    let text = |value: Option<serde_json::Value>| {
        let text = clean(value?.as_str()?);
        (!text.is_empty()).then_some(text)
    };
    (
        text(metadata.namespace),
        text(metadata.name).unwrap_or_default(),
    )
}

/// Says what is wrong without the value, which may be anything: of an error only the words are kept that stand in
/// the code.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(text, _)| text);
    let problem = if text.starts_with("missing field `") || text.starts_with("duplicate field `") {
        clean(text)
    } else if let Some((_, expected)) = text.rsplit_once(", expected ") {
        clean(&format!("expected {expected}"))
    } else {
        "the object does not have the form of its kind".to_owned()
    };
    format!("{problem}, at byte {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        kind: Kind::Service,
        version: "v1",
        page: 3,
    };

    fn decode(body: &str) -> Option<Page> {
        page(PLACE, body.as_bytes(), &Mutex::default())
    }

    fn names(page: &Page) -> Vec<&str> {
        page.objects.iter().map(Object::name).collect()
    }

    #[test]
    fn a_page_is_decoded_whole_and_unknown_fields_are_dropped() {
        let page = decode(
            r#"{"kind":"ServiceList","metadata":{"resourceVersion":"7","continue":"t","remainingItemCount":4,"new":1},
            "items":[{"metadata":{"name":"a","namespace":"n","new":{}},"new":[],"spec":{}},{"metadata":{"name":"b"}}],"new":0}"#,
        )
        .unwrap();
        assert_eq!(names(&page), ["a", "b"]);
        assert_eq!(page.list.next(), Some("t"));
        assert_eq!(page.list.remaining(), Some(4));
        assert_eq!(page.list.resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn one_bad_item_does_not_lose_the_page() {
        let page = decode(
            r#"{"metadata":{},"items":[{"metadata":{"name":"a"}},
            {"metadata":{"name":"b","namespace":"n"},"spec":{"ports":"canary"}},{"metadata":{"name":"c"}},
            {"metadata":{"namespace":"n"}},17]}"#,
        )
        .unwrap();
        assert_eq!(names(&page), ["a", "c"]);
        let told: Vec<_> = page
            .unreadable
            .iter()
            .map(|item| {
                (
                    item.namespace.as_deref(),
                    item.name.as_str(),
                    item.place.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some("n"), "b", "page 3, item 2"),
                (Some("n"), "", "page 3, item 4"),
                (None, "", "page 3, item 5"),
            ]
        );
        assert!(
            page.unreadable
                .iter()
                .all(|item| !item.message.contains("canary")),
            "{:?}",
            page.unreadable
        );
        assert!(
            page.unreadable[1]
                .message
                .starts_with("missing field `name`")
        );
    }

    #[test]
    fn no_list_is_read_as_a_struct() {
        let page = decode(
            r#"{"metadata":{},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"},"spec":[]}]}"#,
        )
        .unwrap();
        assert_eq!(names(&page), ["a"]);
        assert_eq!(page.unreadable.len(), 1);
        assert!(decode("[null,[]]").is_none(), "a page");
        assert!(decode(r#"{"metadata":["7","t"],"items":[]}"#).is_none());
    }

    #[test]
    fn what_is_nested_deeply_in_a_field_nobody_reads_does_no_harm() {
        let deep = "[".repeat(500) + &"]".repeat(500);
        let body = format!(
            r#"{{"items":[{{"metadata":{{"name":"a"}}}},{{"metadata":{{"name":"b"}},"x":{deep}}}]}}"#
        );
        assert_eq!(names(&decode(&body).unwrap()), ["a", "b"]);
    }

    #[test]
    fn what_is_no_list_is_not_an_empty_one() {
        let cases = [
            ("", "nothing"),
            ("{}", "an object without items"),
            (
                r#"{"items":[{"metadata":{"name":"a"}}"#,
                "a page that breaks off",
            ),
            (r#"{"items":{}}"#, "items that are no list"),
            (r#"{"items":[]} {"items":[]}"#, "two documents"),
            (r#"{"items":[],"items":[]}"#, "a key twice"),
        ];
        for (body, why) in cases {
            assert!(decode(body).is_none(), "{why}");
        }
        assert!(decode(r#"{"items":null,"metadata":null}"#).is_some());
        assert!(decode("{\"items\":[{\"metadata\":{\"name\":\"\u{fffd}\"}}]}").is_some());
        assert!(
            page(
                PLACE,
                b"{\"items\":[{\"metadata\":{\"name\":\"\xff\"}}]}",
                &Mutex::default()
            )
            .is_none()
        );
    }

    #[test]
    fn the_next_page_is_known_before_this_one_is_decoded() {
        let cases = [
            (
                r#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"t"},"items":[{"#,
                Some("t"),
                "built-in kinds: first",
            ),
            (
                "{\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"continue\":\"no\"}}],\"kind\":\"List\",\"metadata\":{\"continue\":\"t\"}}\n",
                Some("t"),
                "custom resources: last",
            ),
            (
                r#"{"items":[{"metadata":{"continue":"no"}}],"kind":"List"}"#,
                None,
                "an item's metadata is not the list's",
            ),
            (r#"{"metadata":{"continue":"t"#, None, "broken off"),
            (
                r#"{"metadata":{"continue":""},"items":[]}"#,
                None,
                "the last page",
            ),
            ("", None, "nothing"),
        ];
        for (body, token, why) in cases {
            let found = peek(body.as_bytes());
            assert_eq!(found.as_ref().and_then(ListMetadata::next), token, "{why}");
        }
    }
}
