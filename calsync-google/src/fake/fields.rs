//! Partial responses: the `fields` parameter.

use serde_json::{Map, Value};

/// Keeps the fields that `mask` names, such as `id,items(id,start/dateTime)`. Returns `None` for an
/// invalid mask.
pub(super) fn select(value: &Value, mask: &str) -> Option<Value> {
    let mut chars = mask.chars().filter(|c| !c.is_whitespace()).peekable();
    let mask = parse(&mut chars, 0)?;
    chars.next().is_none().then(|| keep(value, &mask))
}

#[derive(Debug, Default)]
struct Mask(Vec<(String, Mask)>);

/// Parses a list of fields. `depth` bounds the recursion.
fn parse<I: Iterator<Item = char>>(chars: &mut std::iter::Peekable<I>, depth: u8) -> Option<Mask> {
    let mut mask = Mask::default();
    loop {
        mask.0.push(item(chars, depth)?);
        if chars.next_if_eq(&',').is_none() {
            return Some(mask);
        }
    }
}

fn item<I: Iterator<Item = char>>(chars: &mut std::iter::Peekable<I>, depth: u8) -> Option<(String, Mask)> {
    let mut name = String::new();
    while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '/' | '(' | ')')) {
        name.push(c);
    }
    if name.is_empty() || depth > 16 {
        return None;
    }
    let inner = if chars.next_if_eq(&'/').is_some() {
        Mask(vec![item(chars, depth + 1)?])
    } else if chars.next_if_eq(&'(').is_some() {
        let inner = parse(chars, depth + 1)?;
        chars.next_if_eq(&')')?;
        inner
    } else {
        Mask::default()
    };
    Some((name, inner))
}

fn keep(value: &Value, mask: &Mask) -> Value {
    if mask.0.is_empty() {
        return value.clone();
    }
    match value {
        Value::Array(items) => items.iter().map(|item| keep(item, mask)).collect(),
        Value::Object(object) => {
            let mut kept = Map::new();
            for (name, inner) in &mask.0 {
                for (key, value) in object.iter().filter(|(key, _)| name == "*" || name == *key) {
                    let more = keep(value, inner);
                    match (kept.get_mut(key), more) {
                        (Some(Value::Object(kept)), Value::Object(more)) => kept.extend(more),
                        (_, more) => {
                            kept.insert(key.clone(), more);
                        }
                    }
                }
            }
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_only_the_fields_it_names() {
        let value = serde_json::json!({"id": "a", "items": [{"id": 1, "start": {"date": "x", "z": 1}}], "o": {"a": 1, "b": 2, "c": 3}});
        let of = |mask| select(&value, mask);
        assert_eq!(of("id").unwrap(), serde_json::json!({"id": "a"}));
        let some = serde_json::json!({"items": [{"id": 1, "start": {"date": "x"}}]});
        assert_eq!(of("items(id,start/date)").unwrap(), some);
        assert_eq!(of("o/a,o/b").unwrap(), serde_json::json!({"o": {"a": 1, "b": 2}}));
        assert_eq!(of("*").unwrap(), value);
        for broken in ["", "a,", "a(b", "a)b", "(a)"] {
            assert!(of(broken).is_none(), "{broken}");
        }
    }
}
