//! Reads structs from objects alone.
//!
//! What serde derives for a struct also takes a list, and fills the fields in their order. The API refuses a list where
//! it has an object; read like that, `securityContext: []` would be a security context that states nothing. Everything
//! that becomes a projection is read through [`Form`].

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

/// Name under which a type asks for the form that only evidence has: a mapping in place of a list or a text.
pub(crate) const EVIDENCE_FORM: &str = "sc39::evidence-form";

/// Whose form is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// The API's.
    Api,
    /// That of evidence and snapshots, which were objects of the API once.
    Evidence,
}

/// A deserializer that refuses lists where structs are read.
#[derive(Debug)]
pub(crate) struct Form<D> {
    inner: D,
    writer: Writer,
}

impl<D> Form<D> {
    /// Of the API's JSON.
    pub(crate) fn api(inner: D) -> Self {
        Self {
            inner,
            writer: Writer::Api,
        }
    }

    /// Of what evidence holds.
    pub(crate) fn evidence(inner: D) -> Self {
        Self {
            inner,
            writer: Writer::Evidence,
        }
    }
}

/// What may not stand here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    Nothing,
    Lists,
    Mappings,
}

/// Hands on what is visited, with everything below it in the same form.
struct Checked<V> {
    inner: V,
    writer: Writer,
    refused: Refused,
}

/// Seeds and accesses, with everything below them in the same form.
struct Below<T> {
    inner: T,
    writer: Writer,
}

/// Scalars and ignored values have nothing below them.
macro_rules! forward {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

impl<D> Form<D> {
    fn check<V>(&self, visitor: V, refused: Refused) -> Checked<V> {
        Checked {
            inner: visitor,
            writer: self.writer,
            refused,
        }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Form<D> {
    type Error = D::Error;

    forward! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_identifier deserialize_ignored_any
    }

    #[inline]
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        match self.writer {
            Writer::Api => self.inner.deserialize_i64(visitor),
            Writer::Evidence => self.inner.deserialize_any(Integer(visitor)),
        }
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_any(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_option(visitor)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_map(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Lists);
        self.inner.deserialize_struct(name, fields, visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        if name == EVIDENCE_FORM {
            let refused = match self.writer {
                Writer::Api => Refused::Mappings,
                Writer::Evidence => Refused::Nothing,
            };
            let visitor = self.check(visitor, refused);
            return self.inner.deserialize_any(visitor);
        }
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_tuple_struct(name, length, visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.check(visitor, Refused::Nothing);
        self.inner.deserialize_enum(name, variants, visitor)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Integers beyond 2^53 are texts in evidence, since canonical JSON can't tell them from their neighbours.
struct Integer<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Integer<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.0.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.0.visit_u64(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        match text.parse::<i64>() {
            Ok(integer) if integer.unsigned_abs() >= 1 << 53 => self.0.visit_i64(integer),
            _ => self.0.visit_str(text),
        }
    }
}

macro_rules! visit {
    ($($method:ident($value:ty);)*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Checked<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    visit! {
        visit_bool(bool);
        visit_i8(i8);
        visit_i16(i16);
        visit_i32(i32);
        visit_i64(i64);
        visit_i128(i128);
        visit_u8(u8);
        visit_u16(u16);
        visit_u32(u32);
        visit_u64(u64);
        visit_u128(u128);
        visit_f32(f32);
        visit_f64(f64);
        visit_char(char);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
        visit_byte_buf(Vec<u8>);
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let writer = self.writer;
        self.inner.visit_some(Form { inner, writer })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let writer = self.writer;
        self.inner.visit_newtype_struct(Form { inner, writer })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        if self.refused == Refused::Lists {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let writer = self.writer;
        self.inner.visit_seq(Below { inner, writer })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        if self.refused == Refused::Mappings {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        let writer = self.writer;
        self.inner.visit_map(Below { inner, writer })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let writer = self.writer;
        self.inner.visit_enum(Below { inner, writer })
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Below<S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let writer = self.writer;
        self.inner.deserialize(Form { inner, writer })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Below<A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        inner: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let writer = self.writer;
        self.inner.next_element_seed(Below { inner, writer })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Below<A> {
    type Error = A::Error;

    /// Keys are texts.
    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, inner: S) -> Result<S::Value, A::Error> {
        let writer = self.writer;
        self.inner.next_value_seed(Below { inner, writer })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Below<A> {
    type Error = A::Error;
    type Variant = Below<A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let writer = self.writer;
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Below { inner, writer }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Below<A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, inner: S) -> Result<S::Value, A::Error> {
        let writer = self.writer;
        self.inner.newtype_variant_seed(Below { inner, writer })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, inner: V) -> Result<V::Value, A::Error> {
        let visitor = Checked {
            inner,
            writer: self.writer,
            refused: Refused::Nothing,
        };
        self.inner.tuple_variant(length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        inner: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = Checked {
            inner,
            writer: self.writer,
            refused: Refused::Lists,
        };
        self.inner.struct_variant(fields, visitor)
    }
}
