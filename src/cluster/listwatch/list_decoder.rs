//! The objects of a list, taken out of its body while the rest is still on the way.

use bytes::{Buf as _, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What comes before the first object.
const ITEMS: &[u8] = b"\"items\":[";

/// A list without its objects.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    pub metadata: ListMeta,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListMeta {
    #[serde(default)]
    pub resource_version: String,
    #[serde(default, rename = "continue")]
    pub next_page: String,
}

/// A list whose objects could not be told apart as they came. Without `items`, which may be null, it is none: what is
/// not listed is taken to be gone.
#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Among,
    After,
}

/// A body of which a part has arrived. Only what is not an object, and the object that is arriving, are held.
#[derive(Debug, Default)]
pub struct ListDecoder {
    place: Place,
    /// All but the objects.
    envelope: Vec<u8>,
    /// What has not been understood yet.
    rest: BytesMut,
}

impl ListDecoder {
    /// Takes in the next bytes; shows each object that has arrived with them.
    ///
    /// # Errors
    /// Where they are no JSON.
    pub fn take(
        &mut self,
        bytes: &[u8],
        mut show: impl FnMut(&RawValue),
    ) -> serde_json::Result<()> {
        // The mark may have begun in what came before.
        let unsearched = self.rest.len().saturating_sub(ITEMS.len());
        self.rest.extend_from_slice(bytes);
        if self.place == Place::Before
            && let Some(start) = find(self.rest.get(unsearched..).unwrap_or_default(), ITEMS)
        {
            self.envelope = self
                .rest
                .split_to(unsearched + start + ITEMS.len())
                .to_vec();
            self.place = Place::Among;
        }
        while self.place == Place::Among {
            match self.rest.first() {
                Some(b',' | b' ' | b'\n' | b'\r' | b'\t') => self.rest.advance(1),
                Some(b']') => self.place = Place::After,
                Some(_) => match self.show_next(&mut show)? {
                    Some(length) => self.rest.advance(length),
                    None => return Ok(()),
                },
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Shows the object that comes next and gives its length; none where it is not whole yet.
    fn show_next(&self, show: &mut impl FnMut(&RawValue)) -> serde_json::Result<Option<usize>> {
        let mut objects = serde_json::Deserializer::from_slice(&self.rest).into_iter::<&RawValue>();
        match objects.next() {
            Some(Ok(object)) => {
                show(object);
                Ok(Some(objects.byte_offset()))
            }
            Some(Err(cause)) if !cause.is_eof() => Err(cause),
            _ => Ok(None),
        }
    }

    /// All bytes have arrived; shows the objects that were not shown yet.
    ///
    /// # Errors
    /// Where that is not all of a list.
    pub fn end(mut self, show: impl FnMut(&RawValue)) -> serde_json::Result<ListMeta> {
        self.envelope.extend_from_slice(&self.rest);
        if self.place == Place::Before {
            let Whole { items } = serde_json::from_slice(&self.envelope)?;
            items.unwrap_or_default().into_iter().for_each(show);
        }
        let Envelope { metadata } = serde_json::from_slice(&self.envelope)?;
        Ok(metadata)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// What is shown of a body that arrives in pieces of these sizes.
    fn arrive(body: &str, sizes: &[usize]) -> serde_json::Result<(Vec<Value>, ListMeta)> {
        let (mut arriving, mut shown, mut rest) =
            (ListDecoder::default(), Vec::new(), body.as_bytes());
        let mut keep = |object: &RawValue| shown.push(object.get().to_owned());
        for size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            arriving.take(piece, &mut keep)?;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let metadata = arriving.end(&mut keep)?;
        Ok((
            shown
                .iter()
                .map(|text| serde_json::from_str(text).unwrap())
                .collect(),
            metadata,
        ))
    }

    fn object() -> impl Strategy<Value = Value> {
        (any::<String>(), vec(r#"["\\\[\]{},:a ]{0,12}"#, 0..4), any::<Option<u32>>()).prop_map(
            |(name, notes, number)| json!({"metadata": {"name": name, "notes": notes}, "n": [number]}),
        )
    }

    /// The API server sorts the fields of custom resources, so that their metadata comes last.
    fn body(items: &[Value], is_sorted: bool) -> String {
        let items = serde_json::to_string(items).unwrap();
        let metadata =
            r#""metadata":{"resourceVersion":"7","continue":"x","remainingItemCount":3}"#;
        if is_sorted {
            format!("{{\"apiVersion\":\"v1\",\"items\":{items},\"kind\":\"List\",{metadata}}}\n")
        } else {
            format!("{{\"kind\":\"List\",\"apiVersion\":\"v1\",{metadata},\"items\":{items}}}\n")
        }
    }

    proptest! {
        #[test]
        fn objects_are_the_same_in_whatever_pieces_they_arrive(
            items in vec(object(), 0..6), is_sorted: bool, sizes in vec(1..200_usize, 1..8),
        ) {
            let (shown, metadata) = arrive(&body(&items, is_sorted), &sizes).unwrap();
            prop_assert_eq!(shown, items);
            prop_assert_eq!((metadata.resource_version.as_str(), metadata.next_page.as_str()), ("7", "x"));
        }

        #[test]
        fn a_list_that_was_cut_off_is_an_error(
            items in vec(object(), 0..4), is_sorted: bool, cut in 0..1000_usize,
        ) {
            let body = body(&items, is_sorted);
            let mut cut = body.trim_end().len() * cut / 1000;
            while !body.is_char_boundary(cut) {
                cut -= 1;
            }
            prop_assert!(arrive(&body[..cut], &[16]).is_err());
        }

        #[test]
        fn any_bytes_are_a_list_or_an_error(body in any::<String>(), sizes in vec(1..20_usize, 1..4)) {
            let _ = arrive(&body, &sizes);
            let _ = arrive(&format!("{{\"items\":[{body}"), &sizes);
        }
    }

    #[test]
    fn lists_of_another_shape_are_read_too() {
        let pretty = "{\n  \"items\": [ {\"a\": 1}, {\"b\": 2} ],\n  \"metadata\": {}\n}";
        assert_eq!(
            arrive(pretty, &[5]).unwrap().0,
            [json!({"a": 1}), json!({"b": 2})]
        );
        for none in [
            r#"{"metadata":{},"items":null}"#,
            r#"{"items":[],"metadata":{}}"#,
        ] {
            assert!(arrive(none, &[7]).unwrap().0.is_empty(), "{none}");
        }
    }

    #[test]
    fn an_answer_that_is_no_list_is_not_one_without_objects() {
        let status = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}"#;
        for answer in [
            status,
            "",
            "{}",
            "[]",
            "null",
            r#"{"metadata":{}}"#,
            r#"{"items":[]}"#,
            "<html>",
        ] {
            assert!(arrive(answer, &[7]).is_err(), "{answer}");
        }
    }
}
