//! PATCH semantics: objects are merged, `null` clears, any other value replaces.

use serde_json::{Map, Value};

/// Merges `patch` into `target` by RFC 7396, as Google's PATCH does.
pub(super) fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                target.remove(&key);
            }
            Value::Object(inner) => {
                let slot = target.entry(key).or_insert_with(|| Value::Object(Map::new()));
                match slot {
                    Value::Object(object) => merge(object, inner),
                    other => {
                        let mut object = Map::new();
                        merge(&mut object, inner);
                        *other = Value::Object(object);
                    }
                }
            }
            other => {
                target.insert(key, other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_merge_arrays_do_not_and_null_clears() {
        let mut target = serde_json::json!({"a": {"b": 1, "c": 2}, "d": [1, 2], "e": "x"});
        let patch = serde_json::json!({"a": {"b": null, "x": {"y": null}}, "d": [3], "e": {"f": 1}});
        merge(target.as_object_mut().unwrap(), patch.as_object().unwrap().clone());
        assert_eq!(target, serde_json::json!({"a": {"c": 2, "x": {}}, "d": [3], "e": {"f": 1}}));
    }
}
