//! Single-value extended properties: their ids.

/// The id in the shape it is kept and compared in, if it is one: `String {GUID} Name x`. The GUID's case does not count, the
/// name's does. Other types than text, and properties by number, are not here.
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

/// The name in such an id.
pub(super) fn name(id: &str) -> Option<&str> {
    id.split_once("} Name ").map(|(_, name)| name)
}

/// Whether two values are the same to Exchange, which does not mind their case.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_a_type_a_set_and_a_property() {
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
