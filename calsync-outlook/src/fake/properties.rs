//! Ids of single-value extended properties.

/// The normalised id, if the text has the form `String {GUID} Name x`. Case counts in the name, but
/// not in the GUID. Other types, and properties with a number, are not supported.
pub(super) fn canonical(id: &str) -> Option<String> {
    let rest = id.strip_prefix("String {")?;
    let (guid, name) = rest.split_once("} Name ")?;
    let is_guid = guid.len() == 36
        && guid.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
    (is_guid && !name.trim().is_empty())
        .then(|| format!("String {{{}}} Name {name}", guid.to_ascii_lowercase()))
}

/// The name in a normalised id.
pub(super) fn name(id: &str) -> Option<&str> {
    id.split_once("} Name ").map(|(_, name)| name)
}

/// Whether Exchange treats two values as equal: it ignores case.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_type_a_guid_and_a_name() {
        let id = "String {6F1C2A90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name calsyncKey";
        let low = "String {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name calsyncKey";
        assert_eq!(canonical(id).as_deref(), Some(low));
        assert_eq!(name(low), Some("calsyncKey"));
        for bad in [
            "calsyncKey",
            "String {6f1c2a90} Name calsyncKey",
            "String 6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21 Name calsyncKey",
            "String {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name ",
            "String {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Id 0x8233",
            "Integer {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name calsyncKey",
            "string {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} name calsyncKey",
        ] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }
}
